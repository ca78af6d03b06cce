/*
 * notifier - the ends of runs on their way to webhooks, over ingest-notify
 *
 *	notifier_start(d, &f)                       at start; nothing when ingestd.json has no webhooks
 *	notifier_run_ended(d, t, run)               in the transaction of the run's end: the notice is as durable as that
 *	notifier_after(d)                           turn: behind the commit
 *	notifier_idle(d)                            --once: all are told, or their receivers are sick
 *	notifier_stop(d)
 *	notifier_add_json(d, &sb)                   for `status`
 *
 * A webhook has one notice in flight and gets them in order; each has its own pauses (1 s doubled up to 60 s), so that one that is sick
 * delays no other, and no file.  A notice that could not be told for NOTICE_DAYS, and the oldest of more than NOTICES_KEEP, is
 * dropped and said in the log.
 * What is told twice (a kill between the answer and the journal) has the same X-Ingestd-Delivery.
 */
#ifndef DAEMON_NOTIFIER_H
#define DAEMON_NOTIFIER_H

#include "watcher/base/strbuf.h"
#include "watcher/daemon/helper.h"

#define NOTICE_DAYS 3

struct ingestd;
struct tenant;
struct run;
struct file;
struct webhook;

struct notifier {
	char *program; /* NULL: there are no webhooks */
	struct helper child;
	struct webhook *hooks; /* as in ingestd.json */
	size_t count;
	ev_timer wake;
	int64_t again_ms; /* mono: ingest-notify died; not before */
};

void notifier_init(struct ingestd *d);
int notifier_start(struct ingestd *d, struct fault *f) MUST_CHECK;
void notifier_run_ended(struct ingestd *d, struct tenant *t, const struct run *run);
void notifier_file_ended(struct ingestd *d, const struct file *x);
void notifier_after(struct ingestd *d);
bool notifier_idle(const struct ingestd *d);
void notifier_stop(struct ingestd *d);
void notifier_add_json(struct ingestd *d, struct strbuf *out);

#endif
