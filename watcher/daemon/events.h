/*
 * events - what ingestd writes into its logs
 *
 *	event(d, EV_DAEMON_STARTED, "tenants=%zu", n)                     logs/ingestd.log
 *	event_tenant(d, t, EV_RUN_STARTED, "job=%s", job)                 logs/<tenant>.log; without one: ingestd.log with tenant=
 *	event_file(d, EV_FILE_CLAIMED, x, "bytes=%llu", n)                the same, with job, file and id
 *
 * Names, levels and sentences stand in events.def.  The text is key=value pairs; values that a tenant chose, and all with
 * blanks, go through log_add_pair.  Failures to write are counted by the log, never reported here.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "watcher/base/log.h"

enum event_id {
#define EVENT(id, name, level, sentence) EV_##id,
#include "watcher/daemon/events.def"
#undef EVENT
	EVENT_COUNT
};

struct ingestd;
struct tenant;
struct file;

void event(struct ingestd *d, enum event_id id, const char *fmt, ...) PRINTF_LIKE(3, 4);
void event_tenant(struct ingestd *d, struct tenant *t, enum event_id id, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void event_file(struct ingestd *d, enum event_id id, struct file *x, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* One pair of any text. */
void event_text(struct ingestd *d, enum event_id id, const char *key, const char *text);

#endif
