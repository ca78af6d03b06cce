/*
 * globs - can one name match two shell patterns?  see the header
 *
 * Each pattern becomes a list of items: a set of bytes, or a star.  (i, j) is reachable when some text takes pattern a to i and b to j.
 */
#include "watcher/daemon/globs.h"

struct item {
	bool star;
	unsigned char set[32]; /* a bit a byte */
};

static void add_byte(struct item *it, unsigned c)
{
	it->set[c / 8] |= (unsigned char)(1u << (c % 8));
}

static void add_all(struct item *it)
{
	memset(it->set, 0xff, sizeof(it->set));
	it->set[0] &= 0xfe; /* no name has a NUL */
}

/* p is behind the '['; returns behind the ']', or NULL: the '[' is a literal. */
static const char *take_bracket(const char *p, struct item *it)
{
	bool negate = *p == '!' || *p == '^';
	const char *start = negate ? p + 1 : p;

	for (p = start; *p && (*p != ']' || p == start); p++) {
		unsigned from = (unsigned char)*p, to = from;

		if (p[0] == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
			add_all(it);
			p = strchr(p, ']');
			if (!p)
				return NULL;
			continue;
		}
		if (p[1] == '-' && p[2] && p[2] != ']') {
			to = (unsigned char)p[2];
			p += 2;
		}
		for (unsigned c = from; c <= to; c++)
			add_byte(it, c);
	}
	if (!*p)
		return NULL;
	for (size_t i = 0; negate && i < sizeof(it->set); i++)
		it->set[i] = (unsigned char)~it->set[i];
	return p + 1;
}

static size_t parse(const char *p, struct item *items)
{
	size_t n = 0;

	while (*p) {
		struct item *it = &items[n++];
		const char *end;

		memset(it, 0, sizeof(*it));
		if (*p == '*') {
			it->star = true;
			p++;
		} else if (*p == '?') {
			add_all(it);
			p++;
		} else if (*p == '[' && (end = take_bracket(p + 1, it)) != NULL) {
			p = end;
		} else {
			memset(it, 0, sizeof(*it));
			if (*p == '\\' && p[1])
				p++;
			add_byte(it, (unsigned char)*p++);
		}
	}
	return n;
}

static bool sets_meet(const struct item *a, const struct item *b)
{
	for (size_t i = 0; i < sizeof(a->set); i++)
		if (a->set[i] & b->set[i])
			return true;
	return false;
}

bool globs_overlap(const char *a, const char *b)
{
	struct item *x = xcalloc(strlen(a) + 1, sizeof(*x)), *y = xcalloc(strlen(b) + 1, sizeof(*y));
	size_t n = parse(a, x), m = parse(b, y);
	bool *at = xcalloc((n + 1) * (m + 1), sizeof(*at));
	bool meets;

	at[0] = true;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			bool sx = i < n && x[i].star, sy = j < m && y[j].star;

			if (!at[i * (m + 1) + j])
				continue;
			if (sx) /* a star that takes nothing, or one more byte of the other */
				at[(i + 1) * (m + 1) + j] = true;
			if (sy)
				at[i * (m + 1) + j + 1] = true;
			if (sx && j < m && !sy)
				at[i * (m + 1) + j + 1] = true;
			if (sy && i < n && !sx)
				at[(i + 1) * (m + 1) + j] = true;
			if (i < n && j < m && !sx && !sy && sets_meet(&x[i], &y[j]))
				at[(i + 1) * (m + 1) + j + 1] = true;
		}
	}
	meets = at[n * (m + 1) + m];
	free(at);
	free(x);
	free(y);
	return meets;
}
