/*
 * circuits - which sinks are in trouble, so that their files wait and no others do
 *
 *	circuits_start(d)
 *	circuits_admit(d, x, &probe, &f)      at begin: may x go to its sink now?  -1: f says what it waits for
 *	circuits_fault(d, x, &f)              what x met there concerns others too (f.scope): the circuit opens, x waits for it
 *	circuits_reached(d, x)                its sink and credential are all right
 *	circuits_worked(d, x)                 and its index takes rows
 *	circuits_stalled(d, x, stalled)       its worker gets no answer; it gets some again
 *	circuits_doubt(d, x)                  does another stall at its sink just now, for the first time?
 *	circuits_doubted(d, x)                so x is the only one of its index that begins
 *	circuits_requeue(d, x)                x is to begin beside, or not any more
 *	circuits_left(d, x)                   x ended, or its worker did, without having shown either
 *	circuits_add_json(d, &sb)             for `status`
 *
 * One circuit per sink (nobody there), per (sink, credential) (401, a key file) and per (sink, credential, index) (all else): a fault
 * opens the narrowest that its evidence allows.  Closed circuits are not kept.  An open one lets nothing through; when its pause is
 * over one waiting file, the oldest that has not failed often, is its probe (half-open): what becomes of that closes it, or opens it
 * again for longer (1 s to 15 s, or what the server asked for).
 *
 * A sick sink delays its own files alone: a worker that only waits for it takes none of the configured slots (schedule.h, beside).  Such
 * are probes; an attempt that got no answer for two seconds; and, until it is known whether that is its index or the sink, files that begin
 * at that sink meanwhile (beyond SCHEDULE_BESIDE of them the next ones wait for their turn, and no longer than the doubt).  Such an
 * attempt makes its index suspect: a circuit whose probe it is and of which nobody is told; it ends with the first answer, or opens with
 * the attempt's fault.
 *
 * Ownership: circuits name files by arrival id, files name circuits by key.
 */
#ifndef DAEMON_CIRCUITS_H
#define DAEMON_CIRCUITS_H

#include "watcher/base/map.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/file.h"
#include <ev.h>

struct ingestd;

struct circuits {
	struct map by_key; /* struct circuit */
	ev_timer timer;
};

void circuits_start(struct ingestd *d);
void circuits_release(struct ingestd *d);
int circuits_admit(struct ingestd *d, struct file *x, bool *probe, struct fault *f) MUST_CHECK;
void circuits_fault(struct ingestd *d, struct file *x, const struct fault *f);
void circuits_reached(struct ingestd *d, struct file *x);
void circuits_worked(struct ingestd *d, struct file *x);
void circuits_stalled(struct ingestd *d, struct file *x, bool stalled);
bool circuits_doubt(const struct ingestd *d, const struct file *x);
void circuits_doubted(struct ingestd *d, struct file *x);
void circuits_requeue(struct ingestd *d, struct file *x);
bool circuits_probed_by(const struct ingestd *d, const struct file *x);
void circuits_left(struct ingestd *d, struct file *x);
bool circuits_any(const struct ingestd *d); /* is one open? */
void circuits_add_json(struct ingestd *d, struct strbuf *out);

#endif
