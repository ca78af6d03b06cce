/*
 * log - one line an event, for people with tail -f
 *
 *	struct log *l = NULL;
 *	log_open("logs/alice.log", LOG_FORMAT_TEXT, &l, &f);
 *	log_set_context(l, "tenant=alice job=vmtable");
 *	log_add_pair(&sb, "file", name);
 *	log_event(l, LOG_LEVEL_INFO, "file.placed", "%s rows=%zu", sb.p, rows);
 *	2026-11-24T00:01:02.003Z info  file.placed tenant=alice job=vmtable file=a.csv rows=10
 *	log_reopen(l, &f);      after logrotate (SIGUSR1); on failure the old file stays open
 *	log_free(&l);
 *
 * The format string gives key=value pairs; a value that may hold blanks, quotes, control or non-UTF-8 bytes goes through
 * log_add_value, which adds it bare or as a JSON string.  Whatever else got through is escaped: an event is one line of
 * at most LOG_LINE_MAX bytes, cut with "..." (ECS: label "truncated").  In ECS a key that comes twice keeps its last
 * value.  A line is one write(2) with O_APPEND.  A failed write is counted (log_lost) and never stops the caller.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "watcher/base/fault.h"
#include "watcher/base/lru.h"
#include "watcher/base/strbuf.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_ECS };

#define LOG_LINE_MAX (16 * 1024) /* with the newline */

struct log;

/* path NULL: standard error. */
int log_open(const char *path, enum log_format format, struct log **out, struct fault *f) MUST_CHECK;
void log_free(struct log **l);
int log_reopen(struct log *l, struct fault *f) MUST_CHECK;
/*
 * One of many: it has its file open while it is among those of `open` that were written last, whose close is log_close, and is opened for
 * the line that comes after that.  `open` outlives it.
 */
void log_keep_in(struct log *l, struct lru *open);
void log_close(void *log);
/* false: it is closed and cannot be opened; its lines would be lost. */
bool log_ready(struct log *l);
/* context: pairs put before every line's own, e.g. "tenant=alice"; copied. */
void log_set_context(struct log *l, const char *context);
void log_event(struct log *l, enum log_level level, const char *event, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/*
 * From now the same warning or error within a minute is counted, and its count written when the minute is over (log_fold.h): at the next
 * line, at log_flush, which wants to be called each few seconds, and at log_free.
 */
void log_fold_repeats(struct log *l);
void log_flush(struct log *l);
uint64_t log_lost(const struct log *l);
/* Appends the value as it must stand in a line: bare, or a JSON string; bytes that are no UTF-8 as \ufffd. */
void log_add_value(struct strbuf *sb, struct span value);
/* One pair: "key=value", with a blank before it unless sb is empty. */
void log_add_pair(struct strbuf *sb, const char *key, struct span value);

#endif
