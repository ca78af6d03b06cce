/*
 * json_event - a line of JSON as an event
 *
 *	event_init(&ev, &arena);
 *	if (json_event_read(line, &ev, &f) < 0)
 *		... FAULT_DATA: what is wrong with it, and at which byte
 *
 * RFC 8259, strictly; the value must be an object.  Numbers keep their text, so nothing is lost of them; of a name given twice the
 * last value counts.  "@timestamp" becomes a time where it is one, "@metadata" is not output.
 * Bounded: nesting of JSON_EVENT_DEPTH.  Ownership: all is the event's arena's or the line's.
 */
#ifndef WORKER_JSON_EVENT_H
#define WORKER_JSON_EVENT_H

#include "watcher/base/fault.h"
#include "watcher/model/event.h"

#define JSON_EVENT_DEPTH 100

int json_event_read(struct span line, struct event *ev, struct fault *f) MUST_CHECK;
/* The same of a whole file's text: what is wrong is told as FILE:LINE:COLUMN. */
int json_event_read_file(struct span text, const char *file, struct event *ev, struct fault *f) MUST_CHECK;
/* RFC 3339 with T or blank, fraction to milliseconds, zone needed; false: it is none. */
bool json_event_time(struct span s, int64_t *ms);

#endif
