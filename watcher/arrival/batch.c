/*
 * batch - claims that hold but are not yet durable in the journal; see the header
 *
 * Nothing is put back into in/ because the journal refused: the file is safe in work/A, where
 * recovery would claim it again anyway, and a rename back and forth on a full disk would only be
 * more that can fail.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/batch.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"

#define RETRY_MAX_MS 5000
#define STUCK_MS 1000

void batch_init(struct batch *b)
{
	memset(b, 0, sizeof(*b));
}

static void item_release(struct batch_item *item)
{
	claim_end(&item->claim);
	free(item->tenant);
	free(item->job);
}

void batch_release(struct batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		item_release(&b->items[i]);
	for (size_t i = 0; i < b->stuck_len; i++)
		item_release(&b->stuck[i]);
	free(b->items);
	free(b->stuck);
	batch_init(b);
}

static struct batch_item *append(struct batch_item **items, size_t *len, size_t *cap)
{
	if (*len == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		*items = xrealloc(*items, *cap * sizeof(**items));
	}
	memset(*items + *len, 0, sizeof(**items));
	return *items + (*len)++;
}

static int64_t stat_mtime_ms(const struct stat *st)
{
	/* far beyond any real time, far below overflow */
	const int64_t limit = (int64_t)1 << 50;
	int64_t s = st->st_mtim.tv_sec;

	if (s > limit || s < -limit)
		s = s > 0 ? limit : -limit;
	return s * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static int offer(struct batch *b, struct batch_item *item, const struct batch_hooks *h)
{
	const struct claim *c = &item->claim;
	struct fault f = FAULT_INIT;
	struct claimed claimed = {
		.tenant = item->tenant,
		.name = c->stored,
		.original = c->encoded ? c->original : c->stored,
		.name_encoded = c->encoded,
		.name_reason = c->name_rule,
		.job = item->job,
		.size = (uint64_t)c->st.st_size,
		.mtime_ms = stat_mtime_ms(&c->st),
		.arrived_ms = item->arrived_ms,
		.complete_ms = item->complete_ms,
		.claimed_ms = item->claimed_ms,
		.fd = c->fd,
		.token = item->token,
	};

	memcpy(claimed.id, c->id, sizeof(claimed.id));
	crash_point("claim.before-journal");
	item->written = h->ops->claimed(h->ctx, &claimed, &f) == 0;
	if (item->written)
		return 0;
	b->failing = true;
	snprintf(b->why, sizeof(b->why), "%s", f.text);
	return -1;
}

void batch_add(struct batch *b, const struct claim *c, const struct batch_facts *facts,
	       const struct batch_hooks *h)
{
	struct batch_item *item = append(&b->items, &b->len, &b->cap);

	item->claim = *c;
	item->tenant = xstrdup(facts->tenant);
	item->job = facts->job ? xstrdup(facts->job) : NULL;
	item->arrived_ms = facts->arrived_ms;
	item->complete_ms = facts->complete_ms;
	item->claimed_ms = clock_now_ms();
	item->token = facts->token;
	/* a refusal is dealt with at batch_end */
	(void)offer(b, item, h);
}

bool batch_is_full(const struct batch *b, size_t limit)
{
	return b->len >= limit && !b->failing;
}

void batch_stick(struct batch *b, const struct claim *c, const char *tenant, int64_t now)
{
	struct batch_item *item = append(&b->stuck, &b->stuck_len, &b->stuck_cap);

	item->claim = *c;
	item->tenant = xstrdup(tenant);
	b->stuck_at = now + STUCK_MS;
}

/* Frees what is durable, keeps the rest in its order. */
static void drop_written(struct batch *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->len; i++) {
		if (b->items[i].written) {
			item_release(&b->items[i]);
			b->claims++;
		} else {
			b->items[kept++] = b->items[i];
		}
	}
	b->len = kept;
}

static int commit(struct batch *b, const struct batch_hooks *h, struct fault *f)
{
	bool any = false;

	for (size_t i = 0; i < b->len; i++)
		any = any || b->items[i].written;
	if (!any)
		return 0;
	crash_point("claim.before-commit");
	if (h->ops->commit && h->ops->commit(h->ctx, f) < 0) {
		snprintf(b->why, sizeof(b->why), "%s", f->text);
		for (size_t i = 0; i < b->len; i++)
			b->items[i].written = false;
		return -1;
	}
	crash_point("claim.journaled");
	return 0;
}

int batch_end(struct batch *b, const struct batch_hooks *h, int64_t now, struct fault *f)
{
	int64_t pause = 100;

	if (!b->len)
		return 0;
	if (commit(b, h, f) == 0)
		drop_written(b);
	if (!b->len) {
		b->failing = false;
		b->tries = 0;
		return 0;
	}
	/* a lease that is kept for long would only block who opens the file; owner and mode protect it now */
	for (size_t i = 0; i < b->len; i++)
		claim_give_up_lease(&b->items[i].claim);
	b->failing = true;
	for (unsigned i = 0; i < b->tries && pause < RETRY_MAX_MS; i++)
		pause *= 2;
	b->retry_at = now + (pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS);
	if (b->tries < 1000)
		b->tries++;
	return fault_set(f, FAULT_SYSTEM, "%zu claimed files wait for the journal: %s", b->len, b->why);
}

int64_t batch_next(const struct batch *b)
{
	int64_t next = INT64_MAX;

	if (b->len)
		next = b->failing ? b->retry_at : 0;
	if (b->stuck_len && b->stuck_at < next)
		next = b->stuck_at;
	return next;
}

static void retry_stuck(struct batch *b, const struct batch_hooks *h, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->stuck_len; i++) {
		struct batch_item *item = &b->stuck[i];
		struct fault f = FAULT_INIT;

		if (h->place(h->place_ctx, item->tenant, &item->claim.place) &&
		    claim_undo(&item->claim, &f) == 0)
			item_release(item);
		else
			b->stuck[kept++] = *item;
	}
	b->stuck_len = kept;
	b->stuck_at = now + STUCK_MS;
}

void batch_retry(struct batch *b, const struct batch_hooks *h, int64_t now)
{
	struct fault f = FAULT_INIT;

	if (b->stuck_len && b->stuck_at <= now)
		retry_stuck(b, h, now);
	if (!b->len || !b->failing || b->retry_at > now)
		return;
	for (size_t i = 0; i < b->len; i++)
		if (offer(b, &b->items[i], h) < 0)
			break;
	/* the reason is in b->why, for explain and health */
	if (batch_end(b, h, now, &f) < 0)
		return;
}

static size_t forget(struct batch_item *items, size_t len, const char *tenant)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (strcmp(items[i].tenant, tenant) == 0)
			item_release(&items[i]);
		else
			items[kept++] = items[i];
	}
	return kept;
}

void batch_forget(struct batch *b, const char *tenant)
{
	b->len = forget(b->items, b->len, tenant);
	b->stuck_len = forget(b->stuck, b->stuck_len, tenant);
	b->failing = b->failing && b->len > 0;
}
