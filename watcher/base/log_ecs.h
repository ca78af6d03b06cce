/*
 * log_ecs - a log line as one JSON object with the names of the Elastic Common Schema
 *
 *	struct log_ecs_line in = {now, "info", "file.placed", context, pairs, false};
 *	log_ecs_add(&sb, &in);
 *	{"@timestamp":..,"log.level":"info","event.action":"file.placed","message":"file.placed rows=10","labels":{"rows":"10"}}
 *
 * log.c's own.  Labels are the key=value pairs of context and pairs; a value that is a JSON string is taken as that.
 * Both spans are clean (valid UTF-8, no control bytes).  Appends no newline and stays below LOG_LINE_MAX: what does not
 * fit is left out and labels.truncated says so.  Source: ECS logging specification.
 */
#ifndef BASE_LOG_ECS_H
#define BASE_LOG_ECS_H

#include "watcher/base/strbuf.h"

struct log_ecs_line {
	const char *now;
	const char *level;
	const char *event;
	struct span context;
	struct span pairs;
	bool cut; /* pairs were longer */
};

void log_ecs_add(struct strbuf *sb, const struct log_ecs_line *in);

#endif
