/*
 * lying - what lies in in/ for ten minutes and is not taken: said once for each file; see arrival.h
 *
 * Called by the loop once a second, and by who asks for the list.  A file is told at most once in lying_ms, and after the first time only
 * when it, or the rule that keeps it, has changed; a look tells at most LINES_MAX by a line of their own, so that 100,000 files are no
 * 100,000 lines.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/own.h"
#include "watcher/base/clock.h"

#define LINES_MAX 100
#define INCOMPLETE_MS (24 * 3600 * (int64_t)1000)
#define LOOKS 10 /* in lying_ms, for what has changed since it was told */

static bool is_as_told(const struct settle_entry *e, enum rule rule)
{
	const struct settle_told *told = &e->told;

	return told->rule == rule && told->size == e->st.st_size && told->mode == e->st.st_mode &&
	       told->mtime.tv_sec == e->st.st_mtim.tv_sec && told->mtime.tv_nsec == e->st.st_mtim.tv_nsec;
}

/* mono: not to be told before */
static int64_t due_of(const struct tenant *t, const struct settle_entry *e)
{
	return (e->told.mono ? e->told.mono : e->first_mono) + t->arrival->limits.lying_ms;
}

static bool is_to_tell(struct tenant *t, struct settle_entry *e, int64_t now)
{
	enum rule rule;

	if (due_of(t, e) > now)
		return false;
	rule = report_rule(t, e);
	if (e->told.mono && is_as_told(e, rule))
		return false;
	e->told = (struct settle_told){now, rule, e->st.st_mode, e->st.st_size, e->st.st_mtim};
	return true;
}

/* One half of what its sender sends together has been here for a day; the wall clock's day, so that a restart begins no new one. */
static void look_at_half(struct tenant *t, struct settle_entry *e)
{
	enum rule rule;
	struct arrival_view v;

	if (e->incomplete || !t->arrival->ops.incomplete || clock_now_ms() - e->arrived_ms < INCOMPLETE_MS)
		return;
	rule = report_rule(t, e);
	if (rule != RULE_MANIFEST && rule != RULE_SIDECAR)
		return;
	e->incomplete = true;
	report_view(t, e, &v);
	t->arrival->ops.incomplete(t->arrival->ctx, &v);
}

void lying_look(struct tenant *t, int64_t now)
{
	const struct settle_entry *found[LINES_MAX];
	struct arrival *a = t->arrival;
	size_t n = 0;

	if (!a->ops.lying || t->lying_at > now)
		return;
	t->lying_at = now + a->limits.lying_ms / LOOKS;
	for (size_t i = 0; i < map_len(&t->settle.names); i++) {
		struct settle_entry *e = map_value(&t->settle.names, i);

		look_at_half(t, e);
		if (is_to_tell(t, e, now) && n++ < LINES_MAX)
			found[n - 1] = e;
		else if (!e->told.mono && due_of(t, e) < t->lying_at)
			t->lying_at = due_of(t, e);
	}
	for (size_t i = 0; i < n && i < LINES_MAX; i++) {
		struct arrival_view v;

		report_view(t, found[i], &v);
		a->ops.lying(a->ctx, &v, i == LINES_MAX - 1 ? n - LINES_MAX : 0);
	}
}

size_t arrival_lying(struct arrival *a, const char *tenant, size_t max,
		     void (*fn)(void *ctx, const struct arrival_view *v), void *ctx)
{
	struct tenant *t = arrival_own_tenant(a, tenant);
	int64_t since = clock_mono_ms() - a->limits.lying_ms;
	size_t n = 0;

	for (size_t i = 0; t && i < map_len(&t->settle.names); i++) {
		const struct settle_entry *e = map_value(&t->settle.names, i);
		struct arrival_view v;

		if (e->first_mono > since || n++ >= max)
			continue;
		report_view(t, e, &v);
		fn(ctx, &v);
	}
	return n;
}
