/*
 * redo - the writes of the open transaction; see redo.h
 *
 * In the buffer stands a struct redo_value, then its bytes, one behind the other.
 */
#include "watcher/base/base.h"
#include "watcher/spool/redo.h"

void redo_init(struct redo *r)
{
	*r = (struct redo){0};
	strbuf_init(&r->values);
}

void redo_release(struct redo *r)
{
	free(r->writes);
	strbuf_release(&r->values);
	redo_init(r);
}

void redo_clear(struct redo *r)
{
	r->len = r->from = 0;
	strbuf_reset(&r->values);
}

static size_t bytes_of(const struct redo_value *v)
{
	return v->kind == REDO_INTEGER ? 0 : (size_t)v->n;
}

void redo_value(struct redo *r, int at, enum redo_kind kind, int64_t n, const char *bytes)
{
	struct redo_value v = {.at = at, .kind = kind, .n = n};

	strbuf_add(&r->values, (const char *)&v, sizeof(v));
	if (bytes_of(&v))
		strbuf_add(&r->values, bytes, bytes_of(&v));
}

void redo_add(struct redo *r, void *statement, int want)
{
	if (r->len == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->writes = xrealloc(r->writes, r->cap * sizeof(*r->writes));
	}
	r->writes[r->len++] = (struct redo_write){statement, r->from, r->values.n, want};
	r->from = r->values.n;
}

bool redo_next(const struct redo *r, const struct redo_write *w, struct redo_value *v)
{
	size_t at = v->next ? v->next : w->from;

	if (at >= w->to)
		return false;
	memcpy(v, r->values.p + at, sizeof(*v));
	v->bytes = r->values.p + at + sizeof(*v);
	v->next = at + sizeof(*v) + bytes_of(v);
	return true;
}
