/*
 * outcome - the fate of a file, decided by the kind of its fault in one place
 *
 * data -> failed/, key and config -> held/, temporary -> waiting and again, system -> waiting and the operator is told.
 */
#ifndef MODEL_OUTCOME_H
#define MODEL_OUTCOME_H

#include "watcher/base/fault.h"

enum outcome {
	OUTCOME_DONE,
	OUTCOME_FAILED,
	OUTCOME_HELD,
	OUTCOME_DUPLICATE,
	OUTCOME_UNDONE, /* its rows were taken back at somebody's wish: never by a fault */
	OUTCOME_WAITING,
};

enum outcome outcome_of(const struct fault *f);
/* "done", "failed", "held", "duplicate", "undone", "waiting" */
const char *outcome_name(enum outcome o);

#endif
