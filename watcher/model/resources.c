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

bool resources_find(const char *word, enum resources *out)
{
	for (size_t i = 0; i < RESOURCES_COUNT; i++)
		if (strcmp(classes[i].word, word) == 0) {
			*out = (enum resources)i;
			return true;
		}
	return false;
}
