/*
 * notices - what webhooks are to be told, until they have been
 *
 *	notices_add(j, "ops", run, "run.finished", body, &f)     part of the open transaction
 *	notices_first(j, "ops", &n, &f)                          the oldest of that webhook: 1 there is one (notice_release), 0, -1
 *	notices_done(j, seq, &f)
 *	notices_trim(j, "ops", &f)                               only the newest NOTICES_KEEP stay
 *	notices_count(j, "ops", &n, &f)                          webhook NULL: of all
 *	notices_each_webhook(j, fn, ctx, &f)                     names that have some: at start
 *	notices_forget(j, "ops", &f)                             the webhook is gone
 *
 * The end of a run is told in the order of the ends.
 */
#ifndef SPOOL_NOTICES_H
#define SPOOL_NOTICES_H

#include "watcher/spool/journal.h"

#define NOTICES_KEEP 10000

struct notice_row {
	int64_t seq;
	char *run, *event;
	struct strbuf body;
	int64_t made_ms;
};

int notices_add(struct journal *j, const char *webhook, const char *run, const char *event, struct span body,
		struct fault *f) MUST_CHECK;
int notices_first(struct journal *j, const char *webhook, struct notice_row *out, struct fault *f) MUST_CHECK;
void notice_row_release(struct notice_row *n);
int notices_done(struct journal *j, int64_t seq, struct fault *f) MUST_CHECK;
int notices_trim(struct journal *j, const char *webhook, struct fault *f) MUST_CHECK;
int notices_count(struct journal *j, const char *webhook, uint64_t *out, struct fault *f) MUST_CHECK;
int notices_each_webhook(struct journal *j, void (*fn)(void *ctx, const char *webhook), void *ctx,
			 struct fault *f) MUST_CHECK;
int notices_forget(struct journal *j, const char *webhook, struct fault *f) MUST_CHECK;

#endif
