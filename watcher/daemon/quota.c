/*
 * quota - max_bytes_per_day and max_files_per_day; see the header
 *
 * Called by route, ending, back, wish and tenants.  A journal that cannot answer makes a file wait, never pass.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/quota.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/pauses.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/wish.h"

#define LOOK_SECONDS 1.
#define AGAIN_SECONDS 0.01
#define BATCH 64

static bool limited(const struct profile *p)
{
	return p->max_bytes_per_day >= 0 || p->max_files_per_day >= 0;
}

static bool too_large(const struct profile *p, uint64_t bytes)
{
	return p->max_bytes_per_day >= 0 && bytes > (uint64_t)p->max_bytes_per_day;
}

/* NULL: one more of so many bytes has room; else the words. */
static const char *broken(const struct profile *p, const struct quota_sum *have, uint64_t bytes)
{
	if (p->max_files_per_day >= 0 && have->files >= (uint64_t)p->max_files_per_day)
		return QUOTA_FILES;
	if (too_large(p, bytes) || (p->max_bytes_per_day >= 0 && have->bytes > (uint64_t)p->max_bytes_per_day - bytes))
		return QUOTA_BYTES;
	return NULL;
}

static void add(struct quota_sum *sum, uint64_t bytes)
{
	sum->files++;
	sum->bytes += bytes;
}

/* --- today --- */

static int know_today(struct ingestd *d, struct tenant *t, const char *today, struct fault *f)
{
	if (strcmp(t->quota.day, today) == 0)
		return 0;
	t->quota.day[0] = '\0';
	if (quotas_used(d->journal, t->name, today, &t->quota.used, f) < 0)
		return -1;
	memcpy(t->quota.day, today, CLOCK_DAY);
	return 0;
}

/* What is not known is asked of the journal when somebody wants to know. */
static void count(struct tenant *t, struct file_row *r, const char *today)
{
	memcpy(r->quota_day, today, CLOCK_DAY);
	if (strcmp(t->quota.day, today) == 0)
		add(&t->quota.used, r->bytes);
}

void quota_let_through(struct ingestd *d, struct file_row *r)
{
	struct tenant *t = tenants_find(d, r->tenant);
	char today[CLOCK_DAY];

	clock_day(clock_now_ms(), today);
	if (t)
		count(t, r, today);
}

static void uncount(struct tenant *t, struct file_row *r)
{
	if (r->quota_day[0] && strcmp(t->quota.day, r->quota_day) == 0) {
		t->quota.used.files--;
		t->quota.used.bytes -= r->bytes;
	}
	r->quota_day[0] = '\0';
}

/* From the first on, one that is under way too. */
static void begin_look(struct tenant *t)
{
	t->quota.look = true;
	t->quota.at = (struct quota_place){.until_ms = -1};
}

void quota_give_back(struct file *x)
{
	if (!x->row.quota_day[0])
		return;
	uncount(x->tenant, &x->row);
	begin_look(x->tenant);
}

/* --- held, and until when --- */

/* The first day behind those that were promised before which has room. */
static int promise(struct ingestd *d, struct tenant *t, uint64_t bytes, int64_t *until_ms, struct fault *f)
{
	int64_t tomorrow = clock_next_day_ms(clock_now_ms());
	struct quota *q = &t->quota;

	if (!q->planned && quotas_planned(d->journal, t->name, &q->plan_ms, &q->plan, f) < 0)
		return -1;
	q->planned = true;
	if (q->plan_ms < tomorrow) {
		q->plan_ms = tomorrow;
		q->plan = (struct quota_sum){0, 0};
	}
	if (broken(t->profile, &q->plan, bytes)) {
		q->plan_ms += CLOCK_DAY_MS;
		q->plan = (struct quota_sum){0, 0};
	}
	add(&q->plan, bytes);
	*until_ms = q->plan_ms;
	return 0;
}

static void describe(const struct tenant *t, const struct file_row *r, const char *words, struct fault *f)
{
	const struct profile *p = t->profile;
	unsigned long long bytes = r->bytes, used = t->quota.used.bytes, files = t->quota.used.files;
	char until[CLOCK_TEXT];

	if (!r->quota_until_ms) {
		fault_set(f, FAULT_CONFIG, "%s: its %llu bytes are more than max_bytes_per_day, %lld; raise that or release the file",
			  words, bytes, (long long)p->max_bytes_per_day);
		return;
	}
	clock_format(r->quota_until_ms, until);
	if (strcmp(words, QUOTA_FILES) == 0)
		fault_set(f, FAULT_CONFIG, "%s: max_files_per_day is %lld and %llu count for %s (UTC); it is let go by itself at %s",
			  words, (long long)p->max_files_per_day, files, t->quota.day, until);
	else
		fault_set(f, FAULT_CONFIG,
			  "%s: max_bytes_per_day is %lld and %llu count for %s (UTC), this file has %llu; it is let go by itself at %s",
			  words, (long long)p->max_bytes_per_day, used, t->quota.day, bytes, until);
}

static int hold(struct ingestd *d, struct file *x, const char *words, struct fault *f)
{
	struct tenant *t = x->tenant;

	x->row.quota_until_ms = 0;
	if (!too_large(t->profile, x->row.bytes) && promise(d, t, x->row.bytes, &x->row.quota_until_ms, f) < 0)
		return -1;
	x->row.quota_held = true;
	describe(t, &x->row, words, f);
	return -1;
}

int quota_admit(struct ingestd *d, struct file *x, struct fault *f)
{
	struct tenant *t = x->tenant;
	const char *words = NULL;
	char today[CLOCK_DAY];

	x->row.quota_held = false;
	if (x->row.quota_day[0])
		return 0;
	clock_day(clock_now_ms(), today);
	if (limited(t->profile)) {
		if (know_today(d, t, today, f) < 0)
			return -1;
		words = broken(t->profile, &t->quota.used, x->row.bytes);
	}
	if (words && !x->row.released)
		return hold(d, x, words, f);
	count(t, &x->row, today);
	return 0;
}

void quota_left(struct tenant *t)
{
	t->quota.planned = false;
}

/* --- let go --- */

/* Copies: nothing may be written to the journal while it is read. */
struct held {
	struct file_row rows[BATCH];
	size_t n;
};

static bool add_held(void *ctx, const struct file_row *r)
{
	struct held *h = ctx;

	file_row_copy(r, &h->rows[h->n++]);
	return h->n < BATCH;
}

static void free_held(struct held *h)
{
	for (size_t i = 0; i < h->n; i++)
		file_row_release(&h->rows[i]);
	free(h);
}

/* It stays there for a person: without its file nothing could be loaded. */
static void give_up(struct ingestd *d, struct tenant *t, struct file_row *r, const struct fault *why)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	log_add_pair(&sb, "file", span_of(r->file));
	log_add_pair(&sb, "reason", span_of(why->text));
	event_tenant(d, t, EV_FILE_ODD, "id=%s %s", r->arrival, sb.p);
	strbuf_release(&sb);
	uncount(t, r);
	r->quota_held = false;
	r->quota_until_ms = 0;
	if (journal_save(d->journal, r, &f) < 0)
		ingestd_fatal(d, &f);
}

static void look_at(struct ingestd *d, struct tenant *t, struct file_row *r, const char *today)
{
	bool room = !broken(t->profile, &t->quota.used, r->bytes);
	bool due = r->quota_until_ms && r->quota_until_ms <= clock_now_ms();
	struct fault f = FAULT_INIT;

	if (file_find(d, r->arrival) || !(room || due))
		return;
	quota_left(t);
	if (room) {
		count(t, r, today);
		r->quota_held = false;
		r->quota_until_ms = 0;
	}
	if (wish_let_go(d, r, &f) < 0)
		give_up(d, t, r, &f);
	else
		event_tenant(d, t, EV_QUOTA_LET_GO, "id=%s room=%s", r->arrival, room ? "true" : "false");
}

/* Where nothing has room any more, those alone whose time has come. */
static int held_ones(struct ingestd *d, struct tenant *t, struct held *h, struct fault *f)
{
	int64_t due_ms = broken(t->profile, &t->quota.used, 1) ? clock_now_ms() : INT64_MAX;

	return quotas_held(d->journal, t->name, &t->quota.at, due_ms, BATCH, add_held, h, f);
}

/* true: there are more. */
static bool look_at_tenant(struct ingestd *d, struct tenant *t, const char *today)
{
	struct held *h = xcalloc(1, sizeof(*h));
	struct fault f = FAULT_INIT;

	/* not now: asked again in a second */
	if (know_today(d, t, today, &f) < 0 || held_ones(d, t, h, &f) < 0) {
		event_text(d, EV_FILE_ODD, "reason", f.text);
		free_held(h);
		return false;
	}
	for (size_t i = 0; i < h->n && !d->fatal; i++) {
		t->quota.at.until_ms = h->rows[i].quota_until_ms;
		memcpy(t->quota.at.arrival, h->rows[i].arrival, sizeof(t->quota.at.arrival));
		look_at(d, t, &h->rows[i], today);
	}
	if (h->n < BATCH)
		t->quota.look = false;
	free_held(h);
	return t->quota.look;
}

/* While it is paused, or all is drained, nothing of it begins. */
static bool ready_for(const struct ingestd *d, const struct tenant *t)
{
	return t->quota.look && t->profile && t->folders && !t->leaving && t->files < TENANT_FILES_MAX &&
	       !pauses_why(d, t->name, NULL, NULL);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct ingestd *d = timer->data;
	char today[CLOCK_DAY];
	bool more = false, day_begins;

	(void)events;
	if (d->fatal || d->stopping || d->turn.behind)
		return;
	clock_day(clock_now_ms(), today);
	day_begins = strcmp(today, d->quota.day) != 0;
	for (size_t i = 0; i < map_len(&d->tenants) && !d->fatal; i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (day_begins)
			begin_look(t);
		if (ready_for(d, t))
			more = look_at_tenant(d, t, today) || more;
	}
	memcpy(d->quota.day, today, CLOCK_DAY);
	timer->repeat = more ? AGAIN_SECONDS : LOOK_SECONDS;
	ev_timer_again(loop, timer);
}

void quota_soon(struct ingestd *d, struct tenant *t)
{
	begin_look(t);
	if (ev_is_active(&d->quota.timer))
		ev_feed_event(d->loop, &d->quota.timer, EV_TIMER);
}

void quota_start(struct ingestd *d)
{
	ev_timer_init(&d->quota.timer, on_look, 0., LOOK_SECONDS);
	d->quota.timer.data = d;
	ev_timer_start(d->loop, &d->quota.timer);
}

void quota_stop(struct ingestd *d)
{
	ev_timer_stop(d->loop, &d->quota.timer);
}

bool quota_pending(const struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++)
		if (ready_for(d, map_value(&d->tenants, i)))
			return true;
	return !d->quota.day[0];
}

void quota_add_json(struct ingestd *d, struct tenant *t, struct strbuf *out)
{
	char today[CLOCK_DAY];
	struct fault f = FAULT_INIT;

	clock_day(clock_now_ms(), today);
	if (know_today(d, t, today, &f) < 0) {
		strbuf_adds(out, "null");
		return;
	}
	strbuf_addc(out, '{');
	json_pair_string(out, "day", today);
	json_pair_u64(out, "files", t->quota.used.files);
	json_pair_u64(out, "bytes", t->quota.used.bytes);
	strbuf_addc(out, '}');
}
