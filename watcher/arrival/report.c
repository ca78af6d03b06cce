/*
 * report - what people ask of arrival: views, counts, explain, health; see arrival.h
 *
 * Sentences are made when somebody asks, not when a state changes.  Tenants' bytes in them are
 * escaped.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/names.h"
#include "watcher/arrival/own.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/utf8.h"
#include <errno.h>
#include <fcntl.h>

const char *arrival_state_name(enum arrival_state s)
{
	switch (s) {
	case ARRIVAL_STATE_NEW:
		return "new";
	case ARRIVAL_STATE_SETTLING:
		return "settling";
	case ARRIVAL_STATE_LINKED:
		return "linked";
	case ARRIVAL_STATE_WRITER:
		return "open";
	case ARRIVAL_STATE_WAITING:
		return "waiting";
	case ARRIVAL_STATE_ODD:
		return "not-a-file";
	case ARRIVAL_STATE_REFUSED:
		return "refused";
	case ARRIVAL_STATE_BLOCKED:
		return "blocked";
	case ARRIVAL_STATE_ASIDE:
		return "aside";
	}
	CHECK(!"a state");
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a folder";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	}
	return "not a regular file";
}

static enum rule settling_rule(const struct tenant *t, const struct settle_entry *e)
{
	if (e->changed + settle_needs(e, t->options.settle_ms) > clock_mono_ms())
		return RULE_SETTLING;
	return t->arrival->paused ? RULE_PAUSED : t->arrival->batch.failing ? RULE_JOURNAL : RULE_SETTLING;
}

enum rule report_rule(const struct tenant *t, const struct settle_entry *e)
{
	switch (e->state) {
	case ARRIVAL_STATE_NEW:
		return RULE_SEEN;
	case ARRIVAL_STATE_SETTLING:
		return settling_rule(t, e);
	case ARRIVAL_STATE_LINKED:
		return RULE_LINKED;
	case ARRIVAL_STATE_WAITING:
		return e->wait_rule;
	case ARRIVAL_STATE_ODD:
		return S_ISDIR(e->st.st_mode) ? RULE_FOLDER : RULE_NOT_A_FILE;
	case ARRIVAL_STATE_WRITER:
	case ARRIVAL_STATE_REFUSED:
	case ARRIVAL_STATE_BLOCKED:
		return e->claim_rule;
	case ARRIVAL_STATE_ASIDE:
		return names_rule(span_of(e->name));
	}
	CHECK(!"a state");
	return RULE_NONE;
}

static void put_settling(const struct tenant *t, const struct settle_entry *e, char *out, size_t cap)
{
	int64_t needs = settle_needs(e, t->options.settle_ms), left = e->changed + needs - clock_mono_ms();

	if (e->why)
		snprintf(out, cap, "%s", e->why);
	else if (left <= 0 && t->arrival->paused)
		snprintf(out, cap, "it is complete; claims are paused");
	else if (left <= 0 && t->arrival->batch.failing)
		snprintf(out, cap, "it is complete; the journal takes no claims: %.400s",
			 t->arrival->batch.why);
	else
		snprintf(out, cap,
			 "it must stay unchanged for %.1f s (%s), %.1f s of them are left",
			 (double)needs / 1000, needs == t->options.settle_ms ? "settle_seconds" : "it is empty",
			 left > 0 ? (double)left / 1000 : 0.);
}

static void put_reason(const struct tenant *t, const struct settle_entry *e, char *out, size_t cap)
{
	const char *rule;

	switch (e->state) {
	case ARRIVAL_STATE_NEW:
		snprintf(out, cap, "it has been seen and is looked at in a moment");
		return;
	case ARRIVAL_STATE_SETTLING:
		put_settling(t, e, out, cap);
		return;
	case ARRIVAL_STATE_LINKED:
		snprintf(out, cap, "it has %lu names (hard links); %s", (unsigned long)e->st.st_nlink,
			 e->due == SETTLE_NEVER ? "it stays until it has one name"
						: "waiting for it to have one name");
		return;
	case ARRIVAL_STATE_WRITER:
		snprintf(out, cap, "%s; it is taken when that ends",
			 e->why ? e->why : "a writer has it open");
		return;
	case ARRIVAL_STATE_WAITING:
		if (e->why || !e->job)
			snprintf(out, cap, "it is complete and waits for %s",
				 e->why ? e->why : "a start by hand");
		else
			snprintf(out, cap, "it is complete and waits for a start of job %s", e->job);
		return;
	case ARRIVAL_STATE_ODD:
		snprintf(out, cap, "it is %s: only regular files are taken", kind_of(e->st.st_mode));
		return;
	case ARRIVAL_STATE_REFUSED:
		snprintf(out, cap, "%s", e->why ? e->why : "it cannot be taken");
		return;
	case ARRIVAL_STATE_BLOCKED:
		snprintf(out, cap, "%s; it is tried again", e->why ? e->why : "it could not be taken");
		return;
	case ARRIVAL_STATE_ASIDE:
		(void)names_classify(span_of(e->name), &rule);
		snprintf(out, cap, "%s: it is never data and stays in in/", rule);
		return;
	}
}

void report_view(const struct tenant *t, const struct settle_entry *e, struct arrival_view *out)
{
	memset(out, 0, sizeof(*out));
	out->tenant = t->name;
	out->name = e->name;
	out->state = e->state;
	out->rule = report_rule(t, e);
	out->lying = clock_mono_ms() - e->first_mono >= t->arrival->limits.lying_ms;
	out->final = e->due == SETTLE_NEVER;
	out->job = e->job;
	put_reason(t, e, out->reason, sizeof(out->reason));
	out->size = (uint64_t)e->st.st_size;
	out->mtime_ms = (int64_t)e->st.st_mtim.tv_sec * 1000 + e->st.st_mtim.tv_nsec / 1000000;
	out->arrived_ms = e->arrived_ms;
	out->since_ms = e->since_ms;
	out->change_ms = e->change_ms;
}

bool arrival_find(struct arrival *a, const char *tenant, const char *name, struct arrival_view *out)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	struct settle_entry *e = t ? settle_find(&t->settle, name) : NULL;

	if (!e)
		return false;
	report_view(t, e, out);
	return true;
}

void arrival_walk(struct arrival *a, const char *tenant,
		  bool (*fn)(void *ctx, const struct arrival_view *v), void *ctx)
{
	for (size_t i = 0; i < map_len(&a->tenants); i++) {
		struct tenant *t = map_value(&a->tenants, i);
		struct arrival_view v;

		if (tenant && strcmp(tenant, t->name) != 0)
			continue;
		for (size_t k = 0; k < map_len(&t->settle.names); k++) {
			report_view(t, map_value(&t->settle.names, k), &v);
			if (!fn(ctx, &v))
				return;
		}
	}
}

/* ---- explain ---- */

static void add_name(struct strbuf *out, const char *name)
{
	struct strbuf text = STRBUF_INIT;

	utf8_add_repaired(&text, span_of(name));
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20 || c == 0x7f)
			strbuf_addf(out, "\\x%02x", c);
		else
			strbuf_addc(out, (char)c);
	}
	strbuf_release(&text);
}

static void add_since(struct strbuf *out, int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_format(ms, text);
	strbuf_addf(out, " (since %s)", text);
}

/* A name without an entry: gone, or not seen yet. */
static enum rule explain_unseen(struct tenant *t, const char *name, struct strbuf *out)
{
	struct claim_place place;
	struct stat st;

	if (!tenant_place(t, &place)) {
		strbuf_adds(out, "in/ is being opened");
		return RULE_SEEN;
	}
	if (fstatat(place.in_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT) {
			strbuf_addf(out, "it cannot be looked at: %s", strerror(errno));
			return RULE_SYSTEM;
		}
		strbuf_adds(out, "there is no such file in in/");
		return RULE_NO_FILE;
	}
	if (!settle_touch(&t->settle, name, clock_mono_ms())) {
		strbuf_addf(out, "more than %zu names are in in/; it is looked at when there is room",
			    t->settle.max);
		return RULE_TOO_MANY;
	}
	strbuf_adds(out, "it is seen just now and looked at in a moment");
	due_set(&t->arrival->due, t);
	arrival_own_arm(t->arrival);
	return RULE_SEEN;
}

static enum rule explain_seen(const struct tenant *t, const struct settle_entry *e, int64_t *since_ms,
			      struct strbuf *out)
{
	struct arrival_view v;
	const char *rule;

	report_view(t, e, &v);
	strbuf_adds(out, v.reason);
	if (names_classify(span_of(e->name), &rule) == NAMES_ENCODE)
		strbuf_addf(out, "; %s: it will go to failed/ under an encoded name", rule);
	add_since(out, v.since_ms);
	*since_ms = v.since_ms;
	return v.rule;
}

enum rule arrival_explain(struct arrival *a, const char *tenant, const char *name, int64_t *since_ms,
			  struct strbuf *out)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	struct settle_entry *e;

	*since_ms = 0;
	add_name(out, name);
	strbuf_adds(out, ": ");
	if (!t) {
		strbuf_adds(out, "there is no tenant of that name");
		return RULE_NO_TENANT;
	}
	if (!t->there) {
		strbuf_adds(out, t->missing ? t->fault : "in/ has not been scanned yet");
		return t->missing ? RULE_NO_FOLDER : RULE_SEEN;
	}
	if (!fs_is_bare_name(span_of(name))) {
		strbuf_adds(out, "no name of a file in in/: subdirectories are not looked into");
		return RULE_FOLDER;
	}
	e = settle_find(&t->settle, name);
	return e ? explain_seen(t, e, since_ms, out) : explain_unseen(t, name, out);
}

/* ---- counts ---- */

static void add_counts(const struct tenant *t, struct arrival_counts *out)
{
	out->entries += map_len(&t->settle.names) - t->settle.state[ARRIVAL_STATE_ASIDE];
	for (size_t s = 0; s < ARRAY_LEN(out->state); s++)
		out->state[s] += t->settle.state[s];
	for (size_t i = 0; i < map_len(&t->settle.names); i++) {
		const struct settle_entry *e = map_value(&t->settle.names, i);

		if (e->state == ARRIVAL_STATE_LINKED && e->due == SETTLE_NEVER)
			out->linked_left++;
		out->incomplete += e->incomplete;
		if (e->state != ARRIVAL_STATE_ASIDE && (!out->oldest_ms || e->arrived_ms < out->oldest_ms))
			out->oldest_ms = e->arrived_ms;
	}
	out->scans += t->scans;
	out->dropped += t->settle.dropped;
	out->scanning = out->scanning || tenant_is_scanning(t);
}

void arrival_counts(struct arrival *a, const char *tenant, struct arrival_counts *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < map_len(&a->tenants); i++) {
		struct tenant *t = map_value(&a->tenants, i);

		if (!tenant || strcmp(tenant, t->name) == 0)
			add_counts(t, out);
	}
	for (size_t i = 0; i < a->batch.len; i++)
		if (!tenant || strcmp(tenant, a->batch.items[i].tenant) == 0)
			out->uncommitted++;
	out->claims = a->batch.claims;
	out->overflows = a->overflows;
}

bool arrival_health(struct arrival *a, const char *tenant, struct arrival_health *out)
{
	struct tenant *t = arrival_own_tenant(a, tenant);

	if (t)
		tenant_health(t, out);
	return t != NULL;
}
