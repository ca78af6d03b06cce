/*
 * log_fold - the same fault again and again becomes one line and a count
 *
 *	if (log_fold_take(&fold, level, event, pairs, now_ms, write, ctx))
 *		... to be written: it is new ...
 *	log_fold_flush(&fold, now_ms, write, ctx)        from time to time; INT64_MAX: all of it
 *
 * A line of level warn or error whose event and text were written within the last LOG_FOLD_MS is counted instead.  When that time is over
 * write is called once with the text and `repeated=N` behind it.  The newest LOG_FOLD_LINES different lines are remembered; one that has to
 * make room is written with its count first.
 */
#ifndef BASE_LOG_FOLD_H
#define BASE_LOG_FOLD_H

#include "watcher/base/log.h"

#define LOG_FOLD_MS 60000
#define LOG_FOLD_LINES 32

struct log_fold_line {
	char *event, *pairs; /* NULL: free */
	enum log_level level;
	int64_t since_ms; /* of the one that was written */
	uint64_t count;   /* since then */
};

struct log_fold {
	struct log_fold_line lines[LOG_FOLD_LINES];
};

typedef void log_fold_write(void *ctx, enum log_level level, const char *event, struct span pairs);

bool log_fold_take(struct log_fold *f, enum log_level level, const char *event, struct span pairs, int64_t now_ms,
		   log_fold_write *write, void *ctx);
void log_fold_flush(struct log_fold *f, int64_t now_ms, log_fold_write *write, void *ctx);

#endif
