/*
 * resources - the classes of a job's "resources": what a worker of it may use
 *
 *	r = resources_of(RESOURCES_SMALL)->memory_bytes
 *
 * One table, resources.def: the scheduler takes memory, priority and number of workers from it, the sinks bulks and requests.
 */
#ifndef MODEL_RESOURCES_H
#define MODEL_RESOURCES_H

#include "watcher/base/base.h"

enum resources {
#define RESOURCES(id, word, memory, nice, bulk, requests, workers, sentence) RESOURCES_##id,
#include "watcher/model/resources.def"
#undef RESOURCES
	RESOURCES_COUNT
};

struct resource_class {
	const char *word;
	uint64_t memory_bytes;
	int nice;
	size_t bulk_bytes;
	size_t requests;
	unsigned workers;
};

const struct resource_class *resources_of(enum resources r);

#endif
