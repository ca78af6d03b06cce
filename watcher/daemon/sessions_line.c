/*
 * sessions_line - what one line of sshd's log changes; see sessions.h
 *
 * The last to open a file for writing is the one whose close counts.  Whatever cannot be told for sure takes evidence away and gives
 * none: the file then waits.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/sessions_own.h"
#include "watcher/model/sshd_line.h"

#define RENAMED_MAX 1024

static struct evidence *find(const struct sessions *s, const char *name)
{
	return map_get(&s->names, span_of(name));
}

static void on_close(struct sessions *s, const struct sshd_line *l)
{
	struct evidence *e = find(s, l->name);
	bool own = e && e->pid == l->pid && (e->state == SESSION_OPEN || e->state == SESSION_SPOILED);

	/* a reader's handle says nothing of the bytes */
	if (!own && !l->written)
		return;
	if (l->kind == SSHD_FORCED)
		sessions_own_set(s, l->name, SESSION_FORCED, l->time_ms, l->pid);
	else if (own)
		sessions_own_set(s, l->name, e->state == SESSION_OPEN ? SESSION_CLEAN : SESSION_SPOILED, l->time_ms, l->pid);
}

static struct span pid_key(const unsigned long *pid)
{
	return (struct span){(const char *)pid, sizeof(*pid)};
}

static void forget_renamed(struct sessions *s, unsigned long pid)
{
	free(map_remove(&s->renamed, pid_key(&pid)));
}

static void keep_renamed(struct sessions *s, const struct sshd_line *l)
{
	const struct evidence *from = l->has_name ? find(s, l->name) : NULL, *to = l->has_other ? find(s, l->other) : NULL;
	struct renamed *r;

	while (map_len(&s->renamed) >= RENAMED_MAX) {
		free(map_value(&s->renamed, 0));
		(void)map_remove(&s->renamed, map_key(&s->renamed, 0));
	}
	r = xcalloc(1, sizeof(*r));
	memcpy(r->from, l->name, sizeof(r->from));
	memcpy(r->to, l->other, sizeof(r->to));
	r->had_from = from != NULL;
	r->had_to = to != NULL;
	if (from)
		r->was_from = *from;
	if (to)
		r->was_to = *to;
	free(map_put(&s->renamed, pid_key(&l->pid), r));
}

static void on_rename(struct sessions *s, const struct sshd_line *l)
{
	const struct evidence *from = l->has_name ? find(s, l->name) : NULL;

	keep_renamed(s, l);
	if (l->has_other && from)
		/* the rename is a change too: the file's own time is its */
		sessions_own_set(s, l->other, from->state, l->time_ms, from->pid);
	else if (l->has_other)
		sessions_own_drop(s, l->other);
	if (l->has_name)
		sessions_own_drop(s, l->name);
}

static void put_back(struct sessions *s, const char *name, bool had, const struct evidence *was)
{
	if (!name[0])
		return;
	if (had)
		sessions_own_set(s, name, was->state, was->time_ms, was->pid);
	else
		sessions_own_drop(s, name);
}

/* The rename before it did not take place; else a write did not, and the file that is open lacks it. */
static void on_failed(struct sessions *s, const struct sshd_line *l)
{
	struct renamed *r = map_get(&s->renamed, pid_key(&l->pid));

	if (r) {
		put_back(s, r->to, r->had_to, &r->was_to);
		put_back(s, r->from, r->had_from, &r->was_from);
		return;
	}
	for (size_t i = map_len(&s->open); i-- > 0;) {
		const struct evidence *e = map_value(&s->open, i);
		char *name;

		if (e->pid != l->pid || e->state != SESSION_OPEN)
			continue;
		name = xstrdup(map_key(&s->open, i).p);
		sessions_own_set(s, name, SESSION_SPOILED, l->time_ms, l->pid);
		free(name);
	}
}

/* Some file has a new name, which may be that of any. */
static void on_unclear(struct sessions *s)
{
	for (size_t i = map_len(&s->names); i-- > 0;) {
		const struct evidence *e = map_value(&s->names, i);
		char *name;

		if (e->state != SESSION_CLEAN)
			continue;
		name = xstrdup(map_key(&s->names, i).p);
		sessions_own_drop(s, name);
		free(name);
	}
}

static void on_touch(struct sessions *s, const struct sshd_line *l)
{
	const struct evidence *e = find(s, l->name);
	bool open = e && (e->state == SESSION_OPEN || e->state == SESSION_SPOILED);

	if (!e || open)
		return;
	sessions_own_set(s, l->name, l->kind == SSHD_RESIZE ? SESSION_SPOILED : e->state, l->time_ms, e->pid);
}

static void take(struct sessions *s, const struct sshd_line *l)
{
	switch (l->kind) {
	case SSHD_OPEN:
		if (l->has_name)
			sessions_own_set(s, l->name, SESSION_OPEN, l->time_ms, l->pid);
		return;
	case SSHD_CLOSE:
	case SSHD_FORCED:
		if (l->has_name)
			on_close(s, l);
		return;
	case SSHD_RENAME:
		on_rename(s, l);
		return;
	case SSHD_REMOVE:
		if (l->has_name)
			sessions_own_drop(s, l->name);
		return;
	case SSHD_RESIZE:
	case SSHD_TOUCH:
		if (l->has_name)
			on_touch(s, l);
		return;
	case SSHD_LINK:
		if (l->has_other)
			sessions_own_drop(s, l->other);
		return;
	case SSHD_FAILED:
		on_failed(s, l);
		return;
	case SSHD_UNCLEAR:
		on_unclear(s);
		return;
	}
}

void sessions_own_line(void *ctx, struct span line)
{
	struct sessions *s = ctx;
	struct sshd_line l;

	if (!sshd_line_parse(line, &l))
		return;
	if (l.kind != SSHD_RENAME && l.kind != SSHD_FAILED)
		forget_renamed(s, l.pid);
	take(s, &l);
	if (l.kind == SSHD_FAILED)
		forget_renamed(s, l.pid);
}
