/*
 * batch - claims that hold but are not yet durable in the journal
 *
 *	batch_add(&b, &claim, &facts, &hooks)      offers it to ops->claimed at once
 *	batch_end(&b, &hooks, now, &f)             ops->commit, then leases and descriptors go; what failed stays and is offered again
 *	if (batch_next(&b) <= now) batch_retry(&b, &hooks, now)
 *
 * It also keeps the rare claim that proved wrong and could not be put back into in/ (batch_stick):
 * tried again each second.
 * Ownership: takes the claim over (its descriptors), copies the strings.  batch_release leaves
 * every file where it is: in work/, where a restart claims it again.
 */
#ifndef ARRIVAL_BATCH_H
#define ARRIVAL_BATCH_H

#include "watcher/arrival/arrival.h"
#include "watcher/arrival/claim.h"

struct batch_item {
	struct claim claim;
	char *tenant;
	char *job;
	int64_t arrived_ms, complete_ms, claimed_ms;
	void *token;
	bool written; /* ops->claimed said yes; the commit is still to come */
};

struct batch {
	struct batch_item *items;
	size_t len, cap;
	struct batch_item *stuck;
	size_t stuck_len, stuck_cap;
	bool failing; /* the journal refused: nothing new is claimed */
	unsigned tries;
	int64_t retry_at; /* mono */
	int64_t stuck_at; /* mono */
	uint64_t claims;
	char why[FAULT_TEXT]; /* of the last refusal */
};

struct batch_facts {
	const char *tenant;
	const char *job;
	int64_t arrived_ms, complete_ms;
	void *token;
};

struct batch_hooks {
	const struct arrival_ops *ops;
	void *ctx;
	/* The tenant's folders now; false: unknown or missing. */
	bool (*place)(void *place_ctx, const char *tenant, struct claim_place *out);
	void *place_ctx;
};

void batch_init(struct batch *b);
void batch_release(struct batch *b);
void batch_add(struct batch *b, const struct claim *c, const struct batch_facts *facts,
	       const struct batch_hooks *h);
/* Time for batch_end.  Not while failing: then nothing is added, and its time comes with batch_retry. */
bool batch_is_full(const struct batch *b, size_t limit);
void batch_stick(struct batch *b, const struct claim *c, const char *tenant, int64_t now);
int batch_end(struct batch *b, const struct batch_hooks *h, int64_t now, struct fault *f) MUST_CHECK;
/* mono time of the next batch_end or batch_retry, INT64_MAX = none. */
int64_t batch_next(const struct batch *b);
void batch_retry(struct batch *b, const struct batch_hooks *h, int64_t now);
/* A tenant is removed: its claims stay in work/. */
void batch_forget(struct batch *b, const char *tenant);

#endif
