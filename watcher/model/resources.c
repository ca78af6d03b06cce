/*
 * resources - what a worker of a job may use; see the header
 *
 * Called by job, message, schedule, the worker's leg.
 */
#include "watcher/model/resources.h"

static const struct resource_class classes[RESOURCES_COUNT] = {
#define RESOURCES(id, word, memory, nice, bulk, requests, workers, sentence) {word, memory, nice, bulk, requests, workers},
#include "watcher/model/resources.def"
#undef RESOURCES
};

const struct resource_class *resources_of(enum resources r)
{
	CHECK(r < RESOURCES_COUNT);
	return &classes[r];
}
