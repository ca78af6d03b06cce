/*
 * passes_own - what passes.c and passes_log.c share: the latter's callbacks
 */
#ifndef DAEMON_PASSES_OWN_H
#define DAEMON_PASSES_OWN_H

#include "watcher/daemon/passes.h"

/* died, said, trouble */
void passes_log_ops(struct schedule_ops *ops);

#endif
