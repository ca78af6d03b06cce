/*
 * sessions - level session: sshd's own log says whether the session that wrote a file ended well; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/sessions_own.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/turn.h"
#include <errno.h>
#include <fcntl.h>

#define POLL_SECONDS 0.2
#define STEPS_A_POLL 4
#define STEPS_AT_START 400
#define HOLD_MS 300 /* a rename's failure stands in the line behind it */
#define SLACK_MS 2000 /* between the kernel's time of a change and the line that tells of it */
#define UNPROVEN_MS (10 * 60 * 1000)
#define PRUNE_MS (60 * 1000)
#define PRUNE_STEP 1000 /* names looked for at once */
#define OLD_MS (60 * 60 * 1000)
#define NAMES_MAX 200000 /* remembered a tenant; a further one waits as unproven */

static bool is_open(enum session_state state)
{
	return state == SESSION_OPEN || state == SESSION_SPOILED;
}

static void remember(struct sessions *s, const char *name, const struct evidence *now)
{
	struct evidence *e = map_get(&s->names, span_of(name));

	if (!e && map_len(&s->names) >= NAMES_MAX)
		return;
	if (!e) {
		e = xcalloc(1, sizeof(*e));
		map_put(&s->names, span_of(name), e);
	}
	*e = *now;
	if (is_open(e->state))
		map_put(&s->open, span_of(name), e);
	else
		(void)map_remove(&s->open, span_of(name));
}

void sessions_own_set(struct sessions *s, const char *name, enum session_state state, int64_t time_ms, uint64_t pid)
{
	const struct session row = {.name = name, .state = state, .time_ms = time_ms, .pid = pid};
	const struct evidence now = {state, time_ms, pid, clock_mono_ms()};
	struct fault f = FAULT_INIT;

	remember(s, name, &now);
	if (!s->d->fatal && session_rows_put(s->d->journal, s->t->name, &row, &f) < 0)
		ingestd_fatal(s->d, &f);
	arrival_touch(s->d->arrival, s->t->name, name);
}

void sessions_own_drop(struct sessions *s, const char *name)
{
	struct evidence *e = map_remove(&s->names, span_of(name));
	struct fault f = FAULT_INIT;

	(void)map_remove(&s->open, span_of(name));
	(void)map_remove(&s->told, span_of(name));
	(void)map_remove(&s->waiting, span_of(name));
	if (!e)
		return;
	free(e);
	if (!s->d->fatal && session_rows_drop(s->d->journal, s->t->name, name, &f) < 0)
		ingestd_fatal(s->d, &f);
}

/* --- the log --- */

static void keep_place(struct sessions *s)
{
	const struct tail_at *at = &s->tail.at;
	const struct session_at row = {at->ino, at->offset, {at->mark, at->mark_n}};
	struct fault f = FAULT_INIT;

	if (!s->d->fatal && session_rows_put_at(s->d->journal, s->t->name, &row, &f) < 0)
		ingestd_fatal(s->d, &f);
}

static void say_log(struct sessions *s, bool missing, const struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;

	if (missing == s->missing)
		return;
	s->missing = missing;
	log_add_pair(&sb, "tenant", span_of(s->t->name));
	log_add_pair(&sb, "reason", span_of(missing ? f->text : "it is read again"));
	event(s->d, EV_SESSION_LOG, "%s", sb.p);
	strbuf_release(&sb);
}

static void read_log(struct sessions *s, int steps)
{
	struct fault f = FAULT_INIT;
	uint64_t before = s->tail.at.offset;
	int r = 1;

	for (int i = 0; i < steps && r > 0; i++)
		r = tail_read(&s->tail, sessions_own_line, s, &f);
	say_log(s, r < 0, &f);
	if (s->tail.at.offset != before)
		keep_place(s);
}

static void drop_gone(struct map *names, int in)
{
	for (size_t i = map_len(names); i-- > 0;)
		if (faccessat(in, map_key(names, i).p, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			(void)map_remove(names, map_key(names, i));
}

/* What has left in/ without being taken, an hour ago or more. */
static void prune(struct sessions *s)
{
	int in = s->t->folders ? folders_fd(s->t->folders, FOLDER_IN) : -1;
	int64_t old = clock_now_ms() - OLD_MS;
	size_t i = s->prune_at && s->prune_at < map_len(&s->names) ? s->prune_at : map_len(&s->names);
	size_t end = i > PRUNE_STEP ? i - PRUNE_STEP : 0;

	s->prune_at = end;
	while (i-- > end && in >= 0) {
		const struct evidence *e = map_value(&s->names, i);
		char *name;

		if (e->time_ms > old || faccessat(in, map_key(&s->names, i).p, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		name = xstrdup(map_key(&s->names, i).p);
		sessions_own_drop(s, name);
		free(name);
	}
	if (in >= 0) {
		drop_gone(&s->told, in);
		drop_gone(&s->waiting, in);
	}
	/* nothing else may happen to them before it is time to tell */
	for (i = map_len(&s->waiting); i-- > 0;)
		arrival_touch(s->d->arrival, s->t->name, map_key(&s->waiting, i).p);
}

static void on_poll(struct ev_loop *loop, ev_timer *w, int events)
{
	struct ingestd *d = w->data;
	bool pruning = clock_mono_ms() >= d->sessions.prune_ms;

	(void)loop;
	(void)events;
	for (size_t i = 0; i < map_len(&d->tenants) && !d->fatal && !d->turn.behind; i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (!t->sessions)
			continue;
		read_log(t->sessions, STEPS_A_POLL);
		if (pruning)
			prune(t->sessions);
	}
	if (pruning)
		d->sessions.prune_ms = clock_mono_ms() + PRUNE_MS;
}

void sessions_start(struct ingestd *d)
{
	ev_timer_init(&d->sessions.poll, on_poll, POLL_SECONDS, POLL_SECONDS);
	d->sessions.poll.data = d;
}

/* --- a tenant --- */

static void load_one(void *ctx, const struct session *row)
{
	const struct evidence e = {row->state, row->time_ms, row->pid, 0};

	remember(ctx, row->name, &e);
}

static int load(struct sessions *s, struct fault *f)
{
	struct tail_at *at = &s->tail.at;
	struct session_at row = {0};
	int r = session_rows_at(s->d->journal, s->t->name, &row, at->mark, f);

	if (r < 0)
		return -1;
	at->ino = row.ino;
	at->offset = row.offset;
	at->mark_n = r ? row.mark.n : 0;
	return session_rows_each(s->d->journal, s->t->name, load_one, s, f);
}

/* The syslog daemon writes into it. */
static int make_folder(const struct ingestd *d, struct fault *f)
{
	char *path = xasprintf("%s/sshd", d->config->logs);
	int r = fs_make_dirs(path, 0750, f);

	free(path);
	return r;
}

int sessions_tenant(struct ingestd *d, struct tenant *t, struct fault *f)
{
	struct sessions *s;
	char *path;

	if (t->profile->level != LEVEL_SESSION) {
		sessions_free(&t->sessions);
		return 0;
	}
	if (t->sessions)
		return 0;
	s = xcalloc(1, sizeof(*s));
	s->d = d;
	s->t = t;
	map_init(&s->names);
	map_init(&s->open);
	map_init(&s->renamed);
	map_init(&s->waiting);
	map_init(&s->told);
	path = xasprintf("%s/sshd/%s.log", d->config->logs, t->name);
	tail_init(&s->tail, path);
	free(path);
	t->sessions = s;
	if (make_folder(d, f) < 0 || load(s, f) < 0) {
		sessions_free(&t->sessions);
		return -1;
	}
	read_log(s, STEPS_AT_START);
	ev_timer_start(d->loop, &d->sessions.poll);
	return 0;
}

void sessions_free(struct sessions **sp)
{
	struct sessions *s = *sp;

	if (!s)
		return;
	for (size_t i = 0; i < map_len(&s->names); i++)
		free(map_value(&s->names, i));
	for (size_t i = 0; i < map_len(&s->renamed); i++)
		free(map_value(&s->renamed, i));
	map_release(&s->names);
	map_release(&s->open);
	map_release(&s->renamed);
	map_release(&s->waiting);
	map_release(&s->told);
	tail_release(&s->tail);
	free(s);
	*sp = NULL;
}

/* --- a file --- */

static int64_t ctime_ms(const struct stat *st)
{
	return (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
}

static const char *reason_of(const struct evidence *e)
{
	if (e && e->state == SESSION_OPEN)
		return "the end of the session that writes it (arrival level session)";
	if (e && e->state == SESSION_SPOILED)
		return "a new upload: a write to it failed, or it was cut behind its upload (arrival level session; "
		       "`ingestctl release PATH` takes it as it is)";
	return "a line in sshd's log that its session closed it after its last change (arrival level session; "
	       "`ingestctl release PATH` takes it as it is)";
}

static void tell_unproven(struct sessions *s, const char *name, const char *reason)
{
	struct strbuf sb = STRBUF_INIT;

	if (map_get(&s->told, span_of(name)))
		return;
	map_put(&s->told, span_of(name), s);
	(void)map_remove(&s->waiting, span_of(name));
	log_add_pair(&sb, "file", span_of(name));
	log_add_pair(&sb, "waits_for", span_of(reason));
	event_tenant(s->d, s->t, EV_FILE_UNPROVEN, "%s", sb.p);
	strbuf_release(&sb);
}

enum sessions_verdict sessions_decide(struct tenant *t, const char *name, const struct stat *st, struct arrival_answer *answer)
{
	struct sessions *s = t->sessions;
	const struct evidence *e = map_get(&s->names, span_of(name));
	int64_t changed = ctime_ms(st), age = clock_now_ms() - changed;
	bool covers = e && !is_open(e->state) && changed <= e->time_ms + SLACK_MS;

	if (covers && e->read_ms && clock_mono_ms() < e->read_ms + HOLD_MS) {
		answer->reason = "its session has closed it; whether sshd could do so is seen in a moment";
		answer->later_ms = HOLD_MS;
		return SESSIONS_WAIT;
	}
	if (covers)
		(void)map_remove(&s->waiting, span_of(name));
	if (covers)
		return e->state == SESSION_FORCED ? SESSIONS_BROKEN : SESSIONS_PROVEN;
	answer->reason = reason_of(e);
	answer->rule = RULE_SESSION;
	answer->unproven = true;
	if (age >= UNPROVEN_MS)
		tell_unproven(s, name, answer->reason);
	else if (map_len(&s->waiting) < NAMES_MAX)
		map_put(&s->waiting, span_of(name), s);
	return SESSIONS_WAIT;
}

void sessions_taken(struct tenant *t, const char *name, struct file_row *row)
{
	const struct evidence *e = t->sessions ? map_get(&t->sessions->names, span_of(name)) : NULL;

	if (!e)
		return;
	if (e->state == SESSION_FORCED)
		file_row_set(&row->arrival_fault, "partial upload: its session broke off (sshd: forced close); send it again");
	sessions_own_drop(t->sessions, name);
}

int sessions_release(struct ingestd *d, struct tenant *t, const char *name, struct fault *f)
{
	struct sessions *s = t->sessions;
	struct arrival_view v;
	struct strbuf sb = STRBUF_INIT;

	if (!arrival_find(d->arrival, t->name, name, &v))
		return fault_set(f, FAULT_CONFIG, "there is no such file in in/ that could be taken");
	if (!s)
		return fault_set(f, FAULT_CONFIG, "it is in in/ and not held: %s", v.reason);
	sessions_own_set(s, name, SESSION_RELEASED, clock_now_ms(), 0);
	log_add_pair(&sb, "file", span_of(name));
	event_tenant(d, t, EV_FILE_RELEASED, "%s", sb.p);
	strbuf_release(&sb);
	return d->fatal ? -1 : 0;
}

size_t sessions_unproven(const struct tenant *t)
{
	return t->sessions ? map_len(&t->sessions->told) : 0;
}
