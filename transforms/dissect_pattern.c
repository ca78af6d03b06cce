/*
 * dissect_pattern - a dissect mapping; see the header
 */
#include "watcher/base/base.h"
#include "transforms/dissect_pattern.h"

/* Where the bytes are next, from `from` on; -1: nowhere. */
static ssize_t find(struct span text, size_t from, struct span what)
{
	const char *p;

	if (!what.n || from > text.n)
		return -1;
	p = memmem(text.p + from, text.n - from, what.p, what.n);
	return p ? p - text.p : -1;
}

/* --- compile --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes `/n` or `/nn` off the end of the name. */
static bool take_order(struct span *name, unsigned *order)
{
	size_t n = name->n, digits = 0;

	while (digits < 2 && n > digits && is_digit(name->p[n - digits - 1]))
		digits++;
	if (!digits || n <= digits || name->p[n - digits - 1] != '/')
		return false;
	*order = 0;
	for (size_t i = n - digits; i < n; i++)
		*order = *order * 10 + (unsigned)(name->p[i] - '0');
	name->n = n - digits - 1;
	return true;
}

static bool take_arrow(struct span *name)
{
	if (!span_ends(*name, SPAN_LITERAL("->")))
		return false;
	name->n -= 2;
	return true;
}

/* `name`, `name/n`, `name->`, `name/n->`, `name->/n`. */
static void take_suffix(struct dissect_part *p)
{
	p->packed = take_arrow(&p->name);
	if (take_order(&p->name, &p->order) && !p->packed)
		p->packed = take_arrow(&p->name);
}

static int refuse(const char **why, size_t *offset, size_t at, const char *text)
{
	*why = text;
	*offset = at;
	return -1;
}

static int take_key(struct dissect_part *p, struct span key, const char **why, size_t *offset)
{
	p->kind = DISSECT_PLAIN;
	p->name = key;
	if (!key.n)
		p->kind = DISSECT_SKIP;
	else if (key.p[0] == '?' || key.p[0] == '*')
		p->kind = DISSECT_SKIP;
	else if (key.p[0] == '+')
		p->kind = DISSECT_APPEND;
	else if (key.p[0] == '&')
		p->kind = DISSECT_INDIRECT;
	if (key.n > 1 && ((key.p[0] == '+' && key.p[1] == '&') || (key.p[0] == '&' && key.p[1] == '+')))
		return refuse(why, offset, p->at, "a field is appended (+) or indirect (&), not both");
	if (key.n && p->kind != DISSECT_PLAIN) {
		p->name.p++;
		p->name.n--;
	}
	if (p->name.n && memchr(p->name.p, '?', p->name.n))
		return refuse(why, offset, p->at, "a question mark stands in front of a name (skipped), not within it");
	take_suffix(p);
	if (p->name.n || p->kind == DISSECT_SKIP)
		return 0;
	if (p->kind != DISSECT_PLAIN)
		return refuse(why, offset, p->at, "a field's prefix (+, &) needs a name behind it");
	p->kind = DISSECT_SKIP; /* %{->} */
	return 0;
}

static unsigned rank(const struct dissect_part *p)
{
	switch (p->kind) {
	case DISSECT_SKIP:
	case DISSECT_PLAIN:
		return 0;
	case DISSECT_APPEND:
		return 1 + p->order;
	case DISSECT_INDIRECT:
		return 1000;
	}
	return 0;
}

/* By rank, else as they stand in the mapping: insertion keeps the order of equals. */
static void sort_saved(struct dissect_pattern *d, struct arena *a)
{
	d->saved = arena_alloc(a, d->count * sizeof(struct dissect_part *));
	for (size_t i = 0; i < d->count; i++) {
		struct dissect_part *p = &d->parts[i];
		size_t at = d->saved_count;

		if (p->kind == DISSECT_SKIP)
			continue;
		for (; at && rank(d->saved[at - 1]) > rank(p); at--)
			d->saved[at] = d->saved[at - 1];
		d->saved[at] = p;
		d->saved_count++;
	}
}

static void add_tail(struct dissect_pattern *d, struct span mapping)
{
	size_t n = mapping.n;

	while (n && mapping.p[n - 1] != '}')
		n--;
	if (n == mapping.n)
		return;
	d->parts[d->count++] =
		(struct dissect_part){.kind = DISSECT_SKIP, .before = {mapping.p + n, mapping.n - n}};
}

int dissect_compile(struct span mapping, struct arena *a, struct dissect_pattern **out,
		    const char **why, size_t *offset)
{
	struct dissect_pattern *d = arena_zalloc(a, sizeof(*d));
	size_t from = 0;

	mapping = arena_span(a, mapping);
	d->parts = arena_zalloc(a, (DISSECT_PARTS + 1) * sizeof(*d->parts));
	for (;;) {
		struct dissect_part *p = &d->parts[d->count];
		ssize_t open = find(mapping, from, SPAN_LITERAL("%{"));
		ssize_t close = open < 0 ? -1 : find(mapping, (size_t)open, SPAN_LITERAL("}"));

		if (close < 0)
			break;
		if (d->count == DISSECT_PARTS)
			return refuse(why, offset, (size_t)open, "more than 256 fields in one mapping");
		p->at = (size_t)open + 2;
		p->before = (struct span){mapping.p + from, (size_t)open - from};
		if (take_key(p, (struct span){mapping.p + p->at, (size_t)close - p->at}, why, offset) < 0)
			return -1;
		d->count++;
		from = (size_t)close + 1;
	}
	if (!d->count)
		return refuse(why, offset, 0, "a mapping needs a field: %{name}");
	add_tail(d, mapping);
	sort_saved(d, a);
	*out = d;
	return 0;
}

bool dissect_is_hopeless(const struct dissect_pattern *d)
{
	for (size_t i = 1; i < d->count; i++)
		if (!d->parts[i].before.n)
			return true;
	return false;
}

/* --- match --- */

/*
 * One part: *left is behind the delimiter in front of it.  A delimiter at byte 0 is found and not passed, as in the plugin: the
 * value behind an empty first one begins with the delimiter.
 */
static bool take_value(struct dissect_part *p, struct span text, struct span delimiter, size_t *left)
{
	ssize_t end = find(text, *left, delimiter);

	if (end < 0)
		return false;
	p->value = (struct span){text.p + *left, (size_t)end - *left};
	if (end > 0)
		*left = (size_t)end + delimiter.n;
	return true;
}

static void pass_repeats(struct span text, struct span delimiter, size_t *left)
{
	while (delimiter.n && text.n - *left >= delimiter.n &&
	       memcmp(text.p + *left, delimiter.p, delimiter.n) == 0)
		*left += delimiter.n;
}

bool dissect_match(struct dissect_pattern *d, struct span text)
{
	struct span first = d->parts[0].before;
	size_t left = 0, last = d->count - 1;

	if (!text.n || !span_starts(text, first))
		return false;
	left = first.n;
	for (size_t i = 0; i < last; i++) {
		if (i && d->parts[i - 1].packed)
			pass_repeats(text, d->parts[i].before, &left);
		if (!take_value(&d->parts[i], text, d->parts[i + 1].before, &left))
			return false;
	}
	if (last && d->parts[last - 1].packed)
		pass_repeats(text, d->parts[last].before, &left);
	d->parts[last].value = (struct span){text.p + left, text.n - left};
	return true;
}

struct span dissect_other(const struct dissect_pattern *d, const struct dissect_part *part)
{
	for (size_t i = 0; i < d->count; i++)
		if (&d->parts[i] != part && span_equal(d->parts[i].name, part->name))
			return d->parts[i].value;
	return SPAN_NONE;
}
