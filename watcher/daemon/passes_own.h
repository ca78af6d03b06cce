/*
 * passes_own - what passes.c has of passes_log.c and passes_group.c: their callbacks
 */
#ifndef DAEMON_PASSES_OWN_H
#define DAEMON_PASSES_OWN_H

#include "watcher/daemon/passes.h"

/* died, said, trouble */
void passes_log_ops(struct schedule_ops *ops);

/* May t go to first's worker with it?  For schedule_ops.joins. */
bool passes_joins(void *ctx, const struct task *first, const struct task *t);

#endif
