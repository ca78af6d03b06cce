/*
 * filter_split - one event for each part of a text or each element of a list
 *
 * Parts that are empty, and elements that are null, make no event; a text of one part stays the event it is, undecorated; every other
 * original ends here, also where nothing came of it.  As Ruby splits: a terminator of one blank is any run of white space, an empty one
 * is each character.  Source: logstash-filter-split 3.1.9 (meaning).
 */
#include "watcher/base/base.h"
#include "transforms/filter.h"

#define FAILED "_split_type_failure"

struct split {
	struct option_item field, terminator, target;
	const struct ref *to;
};

static const struct option options[] = {
	{"field", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct split, field), .otherwise = "message",
	 .says = "the field whose parts become events"},
	{"terminator", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct split, terminator),
	 .otherwise = "\n", .says = "what stands between two parts of a text; a line end when not set"},
	{"target", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct split, target),
	 .says = "the field for a part; not set: the field itself"},
};

static int split_init(void *self, struct compile *c)
{
	struct split *s = self;

	(void)c;
	s->to = s->target.set ? s->target.ref : s->field.ref;
	return 0;
}

/* --- parts of a text --- */

struct parts {
	struct span rest;
	struct span terminator;
	bool blank; /* any white space */
	bool over;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static struct span cut(struct parts *p, size_t n, size_t skip)
{
	struct span part = {p->rest.p, n};

	p->rest.p += n + skip;
	p->rest.n -= n + skip;
	return part;
}

static bool next_word(struct parts *p, struct span *out)
{
	size_t n = 0;

	while (p->rest.n && is_space(*p->rest.p))
		(void)cut(p, 0, 1);
	while (n < p->rest.n && !is_space(p->rest.p[n]))
		n++;
	p->over = n == p->rest.n;
	*out = cut(p, n, 0);
	return true;
}

static size_t character(struct span s)
{
	size_t n = 1;

	while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static bool next_part(struct parts *p, struct span *out)
{
	const char *at;

	if (p->over)
		return false;
	if (p->blank)
		return next_word(p, out);
	if (!p->terminator.n) {
		p->over = !p->rest.n;
		*out = cut(p, p->over ? 0 : character(p->rest), 0);
		return true;
	}
	at = memmem(p->rest.p, p->rest.n, p->terminator.p, p->terminator.n);
	p->over = !at;
	*out = at ? cut(p, (size_t)(at - p->rest.p), p->terminator.n) : cut(p, p->rest.n, 0);
	return true;
}

/* --- run --- */

static enum filter_result emit(const struct split *s, struct filter_run *run, struct event *ev,
			       struct value v)
{
	struct event *made;
	const char *why;

	if (v.type == VALUE_NULL || (v.type == VALUE_STRING && !v.u.text.n))
		return FILTER_DONE;
	if (filter_spent(run))
		return filter_fail(run, ev, FAILED, s->field.ref->shown, NULL,
				   "the row has used up its time or memory");
	made = event_copy(ev);
	if (ref_set(s->to, made, value_copy(&v, ev->arena), &why) < 0)
		return filter_fail(run, ev, FAILED, s->to->shown, &v, "%s", why);
	if (s->to == s->field.ref)
		made->message_set = ev->message_set; /* a part of the row is the row still */
	return filter_emit(run, made) < 0 ? FILTER_FAILED : FILTER_DONE;
}

static enum filter_result split_text(const struct split *s, struct filter_run *run, struct event *ev,
				     struct span text)
{
	struct parts p = {.rest = text, .terminator = s->terminator.text};
	enum filter_result r = FILTER_DONE;
	struct span part;

	p.blank = span_is(p.terminator, " ");
	if (text.n && next_part(&p, &part) && p.over)
		return FILTER_LEFT;
	p = (struct parts){.rest = text, .terminator = s->terminator.text, .blank = p.blank};
	while (r == FILTER_DONE && next_part(&p, &part))
		r = emit(s, run, ev, value_string(part));
	return r == FILTER_DONE ? FILTER_CANCEL : r;
}

static enum filter_result split_list(const struct split *s, struct filter_run *run, struct event *ev,
				     const struct value_array *list)
{
	enum filter_result r = FILTER_DONE;
	struct value was;

	if (!s->target.set)
		(void)ref_remove(s->field.ref, ev, &was); /* or each event would copy it */
	for (size_t i = 0; i < list->len && r == FILTER_DONE; i++)
		r = emit(s, run, ev, list->items[i]);
	return r == FILTER_DONE ? FILTER_CANCEL : r;
}

static enum filter_result split_run(void *self, struct filter_run *run, struct event *ev)
{
	const struct split *s = self;
	const struct value *v = ref_get(s->field.ref, ev);

	if (v && v->type == VALUE_STRING)
		return split_text(s, run, ev, v->u.text);
	if (v && v->type == VALUE_ARRAY)
		return split_list(s, run, ev, v->u.array);
	return filter_fail(run, ev, FAILED, s->field.ref->shown, v,
			   v ? "it is neither text nor list" : "the field is not there");
}

const struct filter_type filter_split = {
	.name = "split",
	.says = "makes an event of each part of a text or each element of a list",
	.size = sizeof(struct split),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = split_init,
	.run = split_run,
};
