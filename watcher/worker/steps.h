/*
 * steps - the steps' prototypes, from their table; only task.c and the steps' files include it
 */
#ifndef WORKER_STEPS_H
#define WORKER_STEPS_H

#include "watcher/worker/task.h"

#define STEP(id, name, function, sentence) enum step function(struct task *t);
#define PART(name, sentence)
#include "watcher/worker/steps.def"
#undef STEP
#undef PART

#endif
