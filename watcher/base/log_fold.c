/*
 * log_fold - the same fault again and again becomes one line and a count; see the header
 *
 * Called by log.
 */
#include "watcher/base/base.h"
#include "watcher/base/log_fold.h"

static void drop(struct log_fold_line *l, log_fold_write *write, void *ctx)
{
	struct strbuf sb = STRBUF_INIT;

	if (l->count) {
		strbuf_addf(&sb, "%s%srepeated=%llu", l->pairs, *l->pairs ? " " : "", (unsigned long long)l->count);
		write(ctx, l->level, l->event, strbuf_span(&sb));
		strbuf_release(&sb);
	}
	free(l->event);
	free(l->pairs);
	memset(l, 0, sizeof(*l));
}

static struct log_fold_line *find(struct log_fold *f, const char *event, struct span pairs)
{
	for (size_t i = 0; i < LOG_FOLD_LINES; i++) {
		struct log_fold_line *l = &f->lines[i];

		if (l->event && strcmp(l->event, event) == 0 && span_is(pairs, l->pairs))
			return l;
	}
	return NULL;
}

/* A free place, or that of the oldest. */
static struct log_fold_line *place(struct log_fold *f, log_fold_write *write, void *ctx)
{
	struct log_fold_line *oldest = &f->lines[0];

	for (size_t i = 0; i < LOG_FOLD_LINES; i++) {
		if (!f->lines[i].event)
			return &f->lines[i];
		if (f->lines[i].since_ms < oldest->since_ms)
			oldest = &f->lines[i];
	}
	drop(oldest, write, ctx);
	return oldest;
}

void log_fold_flush(struct log_fold *f, int64_t now_ms, log_fold_write *write, void *ctx)
{
	for (size_t i = 0; i < LOG_FOLD_LINES; i++)
		if (f->lines[i].event && now_ms - LOG_FOLD_MS >= f->lines[i].since_ms)
			drop(&f->lines[i], write, ctx);
}

bool log_fold_take(struct log_fold *f, enum log_level level, const char *event, struct span pairs, int64_t now_ms,
		   log_fold_write *write, void *ctx)
{
	struct log_fold_line *l;

	if (level < LOG_LEVEL_WARN || memchr(pairs.p ? pairs.p : "", '\0', pairs.n))
		return true;
	log_fold_flush(f, now_ms, write, ctx);
	l = find(f, event, pairs);
	if (l) {
		l->count++;
		return false;
	}
	l = place(f, write, ctx);
	l->event = xstrdup(event);
	l->pairs = xstrndup(pairs.p, pairs.n);
	l->level = level;
	l->since_ms = now_ms;
	return true;
}
