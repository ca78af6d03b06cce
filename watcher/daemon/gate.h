/*
 * gate - what becomes of a file that was read once: loaded, duplicate, held, failed, or again later
 *
 * step_gate runs in the turn after the worker's `gated`, with the claim's folders fsynced.  In this order: an earlier delivery of the same
 * bytes (duplicate, whatever the gate found); the gate's fault; an earlier delivery of the same name; the index's name.  Then IDENTIFIED,
 * GATED and LOADING are written, and when they are durable step_load says `load` to the worker.
 */
#ifndef DAEMON_GATE_H
#define DAEMON_GATE_H

#include "watcher/daemon/turn.h"

file_step step_gate;
file_step step_load;

#endif
