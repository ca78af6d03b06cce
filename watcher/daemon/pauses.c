/*
 * pauses - what somebody has paused; see the header
 *
 * Asked where files are taken (claims), where they begin (passes) and where runs are started (starts); told by the admin API.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/pauses.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/pause_rows.h"

static const char *const kinds[] = {
	[PAUSE_TENANT] = "tenant",
	[PAUSE_JOB] = "job",
	[PAUSE_SINK] = "sink",
	[PAUSE_ALL] = "all",
};

struct pause {
	enum pause_kind kind;
	char *name, *reason;
	char *sentence;
	int64_t since_ms;
};

static char *key_of(const char *kind, const char *name)
{
	return xasprintf("%s %s", kind, name);
}

static struct pause *find(const struct ingestd *d, enum pause_kind kind, const char *name)
{
	char *key = key_of(kinds[kind], name);
	struct pause *p = map_get(&d->pauses.by_key, span_of(key));

	free(key);
	return p;
}

static void free_pause(struct pause *p)
{
	free(p->name);
	free(p->reason);
	free(p->sentence);
	free(p);
}

static void drop(struct ingestd *d, struct pause *p)
{
	char *key = key_of(kinds[p->kind], p->name);

	map_remove(&d->pauses.by_key, span_of(key));
	free(key);
	free_pause(p);
}

static char *sentence_of(const struct pause *p)
{
	char since[CLOCK_TEXT];

	clock_format(p->since_ms, since);
	if (p->kind == PAUSE_ALL)
		return xasprintf("ingestd was drained at %s%s%s", since, p->reason[0] ? ": " : "", p->reason);
	return xasprintf("%s %s was paused at %s%s%s", kinds[p->kind], p->name, since, p->reason[0] ? ": " : "", p->reason);
}

static void add(struct ingestd *d, enum pause_kind kind, const struct pause_row *row)
{
	struct pause *p = find(d, kind, row->name);
	char *key;

	if (p)
		drop(d, p);
	p = xcalloc(1, sizeof(*p));
	p->kind = kind;
	p->name = xstrdup(row->name);
	p->reason = xstrdup(row->reason);
	p->since_ms = row->since_ms;
	p->sentence = sentence_of(p);
	key = key_of(kinds[kind], p->name);
	map_put(&d->pauses.by_key, span_of(key), p);
	free(key);
}

static void take_row(void *ctx, const struct pause_row *row)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i], row->kind) == 0)
			add(ctx, (enum pause_kind)i, row);
}

int pauses_start(struct ingestd *d, struct fault *f)
{
	return pause_rows_each(d->journal, take_row, d, f);
}

void pauses_release(struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->pauses.by_key); i++)
		free_pause(map_value(&d->pauses.by_key, i));
	map_release(&d->pauses.by_key);
}

/* --- why --- */

const char *pauses_of(const struct ingestd *d, enum pause_kind kind, const char *name)
{
	const struct pause *p = name && map_len(&d->pauses.by_key) ? find(d, kind, name) : NULL;

	return p ? p->sentence : NULL;
}

const char *pauses_of_job(const struct ingestd *d, const char *tenant, const char *job)
{
	char *name = xasprintf("%s/%s", tenant, job);
	const char *why = pauses_of(d, PAUSE_JOB, name);

	free(name);
	return why;
}

const char *pauses_why(const struct ingestd *d, const char *tenant, const char *job, const char *sink)
{
	const char *why;

	if (!map_len(&d->pauses.by_key))
		return NULL;
	why = pauses_of(d, PAUSE_ALL, "");
	if (!why)
		why = pauses_of(d, PAUSE_TENANT, tenant);
	if (!why && tenant && job)
		why = pauses_of_job(d, tenant, job);
	return why ? why : pauses_of(d, PAUSE_SINK, sink);
}

/* Where it will go, or has gone. */
static const char *sink_of(const struct ingestd *d, const struct file *x)
{
	const struct sink_config *s = !x->row.leg.sink && x->job ? tenants_sink(d, x->job) : NULL;

	return s ? s->name : x->row.leg.sink;
}

bool pauses_wait(const struct ingestd *d, const struct file *x, struct fault *f)
{
	const char *why = pauses_why(d, x->row.tenant, x->row.job, sink_of(d, x));

	if (!why)
		return false;
	fault_set(f, FAULT_TEMPORARY, "%s", why);
	return true;
}

/* --- set and ended --- */

/* What was kept back looks again. */
static void go_on(struct ingestd *d)
{
	ingestd_gates(d);
	for (size_t i = 0; i < map_len(&d->tenants); i++)
		tenants_look_again(d, map_value(&d->tenants, i));
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (x->row.state == FILE_WAITING && x->waits_pause && !d->stopping)
			file_wake(d, x);
	}
	if (!d->fatal)
		starts_look(d);
}

static void say(struct ingestd *d, enum event_id id, const char *kind, const char *name, const char *reason)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "what=%s", kind);
	if (name[0])
		log_add_pair(&sb, "name", span_of(name));
	if (reason)
		log_add_pair(&sb, "reason", span_of(reason));
	event(d, id, "%s", sb.p);
	strbuf_release(&sb);
}

int pauses_set(struct ingestd *d, enum pause_kind kind, const char *name, const char *reason, struct fault *f)
{
	struct pause_row row = {kinds[kind], name, reason, clock_now_ms()};

	if (pause_rows_put(d->journal, &row, f) < 0 || turn_commit(d, f) < 0)
		return -1;
	add(d, kind, &row);
	d->pauses.said_drained = false;
	say(d, EV_PAUSE_BEGUN, row.kind, name, reason);
	ingestd_gates(d);
	return 0;
}

int pauses_end(struct ingestd *d, enum pause_kind kind, const char *name, struct fault *f)
{
	struct pause *p = find(d, kind, name);

	if (!p)
		return 0;
	if (pause_rows_drop(d->journal, kinds[kind], name, f) < 0 || turn_commit(d, f) < 0)
		return -1;
	say(d, EV_PAUSE_ENDED, kinds[kind], name, NULL);
	drop(d, p);
	go_on(d);
	return 1;
}

int pauses_forget(struct ingestd *d, const char *tenant, struct fault *f)
{
	size_t n = strlen(tenant);

	for (size_t i = map_len(&d->pauses.by_key); i-- > 0;) {
		struct pause *p = map_value(&d->pauses.by_key, i);

		if (p->kind > PAUSE_JOB || strncmp(p->name, tenant, n) != 0 || p->name[n] != (p->kind == PAUSE_JOB ? '/' : '\0'))
			continue;
		if (pause_rows_drop(d->journal, kinds[p->kind], p->name, f) < 0)
			return -1;
		drop(d, p);
	}
	return 0;
}

bool pauses_drained(struct ingestd *d)
{
	if (!pauses_of(d, PAUSE_ALL, "") || schedule_running(d->schedule) || d->turn.pending)
		return false;
	if (!d->pauses.said_drained)
		event(d, EV_DAEMON_DRAINED, "files=%zu", map_len(&d->files));
	d->pauses.said_drained = true;
	return true;
}

void pauses_add_json(const struct ingestd *d, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < map_len(&d->pauses.by_key); i++) {
		const struct pause *p = map_value(&d->pauses.by_key, i);

		json_add_comma(out);
		strbuf_addc(out, '{');
		json_pair_string(out, "what", kinds[p->kind]);
		json_pair_string(out, "name", p->kind == PAUSE_ALL ? NULL : p->name);
		json_pair_time(out, "since", p->since_ms);
		json_pair_string(out, "reason", p->reason);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}
