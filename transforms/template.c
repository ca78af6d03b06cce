/*
 * template - text with `%{...}` in it, compiled once; see the header
 *
 * A list of pieces: literals, references, times.  Rendering sizes the pieces first and copies once into the event's arena.
 */
#include "watcher/base/base.h"
#include "transforms/template.h"
#include "watcher/base/clock.h"
#include "watcher/base/utf8.h"
#include "transforms/ref.h"
#include "transforms/time_text.h"
#include "transforms/values.h"

#define PIECES 256

enum piece_kind { PIECE_TEXT, PIECE_REF, PIECE_TIME, PIECE_SECONDS, PIECE_NOW };

struct piece {
	enum piece_kind kind;
	struct span text; /* as written; what a missing field leaves */
	const struct ref *ref;
	const struct time_text *time;
};

struct template {
	struct span text;
	size_t count;
	struct piece *pieces;
};

static size_t find(struct span s, size_t from, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = from; i + n <= s.n; i++)
		if (memcmp(s.p + i, what, n) == 0)
			return i;
	return SIZE_MAX;
}

static int compile_java(struct span pattern, struct arena *a, struct piece *p, const char **why,
			size_t *offset)
{
	if (span_is(pattern, "TIME_NOW")) {
		p->kind = PIECE_NOW;
		return 0;
	}
	p->kind = PIECE_TIME;
	return time_text_compile(pattern, TIME_TEXT_JAVA, a, &p->time, why, offset);
}

/* inner: what stands between `%{` and `}`; offsets count from it. */
static int compile_inner(struct span inner, bool java, struct arena *a, struct piece *p, const char **why,
			 size_t *offset)
{
	int r;

	if (java) {
		r = compile_java((struct span){inner.p + 1, inner.n - 1}, a, p, why, offset);
		*offset += 1;
		return r;
	}
	if (span_is(inner, "+%s")) {
		p->kind = PIECE_SECONDS;
		return 0;
	}
	if (inner.p[0] == '+') {
		p->kind = PIECE_TIME;
		r = time_text_compile((struct span){inner.p + 1, inner.n - 1}, TIME_TEXT_JODA, a,
				      &p->time, why, offset);
		*offset += 1;
		return r;
	}
	p->kind = PIECE_REF;
	return ref_compile(inner, a, &p->ref, why, offset);
}

static void add_text(struct template *t, struct span text, size_t from, size_t to)
{
	if (to > from)
		t->pieces[t->count++] =
			(struct piece){PIECE_TEXT, {text.p + from, to - from}, NULL, NULL};
}

/* The piece that begins at `%{` and ends at the `}` at close; the place behind it goes to *end. */
static int add_piece(struct template *t, struct span text, size_t open, size_t close, struct arena *a,
		     size_t *end, const char **why, size_t *offset)
{
	struct span inner = {text.p + open + 2, close - open - 2};
	bool java = inner.n > 1 && inner.p[0] == '{' && close + 1 < text.n && text.p[close + 1] == '}';
	struct piece *p = &t->pieces[t->count];

	*offset = 0;
	*end = close + 1 + java;
	p->text = (struct span){text.p + open, *end - open};
	if (!inner.n) {
		p->kind = PIECE_TEXT;
	} else if (compile_inner(inner, java, a, p, why, offset) < 0) {
		*offset += open + 2;
		return -1;
	}
	t->count++;
	return 0;
}

int template_compile(struct span text, struct arena *a, const struct template **out, const char **why,
		     size_t *offset)
{
	struct template *t = arena_zalloc(a, sizeof(*t));
	size_t from = 0, open, close, places = 1;

	t->text = text = arena_span(a, text);
	for (open = find(text, 0, "%{"); open != SIZE_MAX; open = find(text, open + 2, "%{"))
		places += 2;
	if (places > 2 * PIECES) {
		*why = "more than 256 %{} in one text";
		*offset = 0;
		return -1;
	}
	t->pieces = arena_zalloc(a, places * sizeof(*t->pieces));
	while ((open = find(text, from, "%{")) != SIZE_MAX &&
	       (close = find(text, open, "}")) != SIZE_MAX) {
		add_text(t, text, from, open);
		if (add_piece(t, text, open, close, a, &from, why, offset) < 0)
			return -1;
	}
	add_text(t, text, from, text.n);
	*out = t;
	return 0;
}

bool template_is_plain(const struct template *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->pieces[i].kind != PIECE_TEXT)
			return false;
	return true;
}

struct span template_text(const struct template *t)
{
	return t->text;
}

static int64_t time_of(const struct event *ev, int64_t now_ms)
{
	const struct value *v = event_get(ev, SPAN_LITERAL("@timestamp"));

	return v && v->type == VALUE_TIME ? v->u.time_ms : now_ms;
}

static struct span piece_text(const struct piece *p, const struct event *ev, int64_t now_ms)
{
	char time[TIME_TEXT_MAX];
	const struct value *v;
	int64_t ms;

	switch (p->kind) {
	case PIECE_TEXT:
		return p->text;
	case PIECE_REF:
		v = ref_get(p->ref, ev);
		return v && v->type != VALUE_NULL ? value_text(v, ev->arena) : p->text;
	case PIECE_TIME:
		return arena_span(ev->arena,
				  (struct span){time, time_text_add(p->time, time_of(ev, now_ms), time,
								    sizeof(time))});
	case PIECE_SECONDS:
		ms = time_of(ev, now_ms);
		return arena_printf(ev->arena, "%lld", (long long)(ms / 1000 - (ms % 1000 < 0)));
	case PIECE_NOW:
		clock_format(now_ms, time);
		return arena_span(ev->arena, span_of(time));
	}
	CHECK(!"a piece's kind");
	return SPAN_NONE;
}

struct span template_render(const struct template *t, const struct event *ev, int64_t now_ms)
{
	struct span *parts, out;
	size_t n = 0;
	char *text;

	if (template_is_plain(t))
		return t->text;
	parts = arena_alloc(ev->arena, t->count * sizeof(*parts));
	for (size_t i = 0; i < t->count; i++) {
		parts[i] = piece_text(&t->pieces[i], ev, now_ms);
		n += parts[i].n;
	}
	text = arena_alloc(ev->arena, (n < TEMPLATE_MAX ? n : TEMPLATE_MAX) + 1);
	out = (struct span){text, 0};
	for (size_t i = 0; i < t->count && out.n < TEMPLATE_MAX; i++) {
		size_t room = TEMPLATE_MAX - out.n, len = parts[i].n < room ? parts[i].n : room;

		if (len)
			memcpy(text + out.n, parts[i].p, len);
		out.n += len;
	}
	if (n > TEMPLATE_MAX)
		out.n = utf8_valid_prefix(out);
	return out;
}
