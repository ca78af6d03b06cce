/*
 * record_state - the states that a file's record can show (interface.md, Record of a file)
 *
 * Said by the daemon's API and by ingestctl, which refuse others by this list.
 */
#ifndef MODEL_RECORD_STATE_H
#define MODEL_RECORD_STATE_H

#include <stdbool.h>

#define RECORD_STATES "done, failed, held, duplicate, undone, queued, running, waiting"

bool record_state_known(const char *name);

#endif
