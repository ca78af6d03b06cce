/*
 * settle_own - what settle.c and evaluate.c share and nobody else uses
 *
 * due: SETTLE_NEVER takes the entry out of the queue.  state: the one place where an entry's state
 * changes; a new state forgets the old one's reason.  forget frees the entry.
 */
#ifndef ARRIVAL_SETTLE_OWN_H
#define ARRIVAL_SETTLE_OWN_H

#include "watcher/arrival/settle.h"

void settle_own_due(struct settle *s, struct settle_entry *e, int64_t due);
void settle_own_state(struct settle *s, struct settle_entry *e, enum arrival_state state);
void settle_own_forget(struct settle *s, struct settle_entry *e);

#endif
