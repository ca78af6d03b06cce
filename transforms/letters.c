/*
 * letters - upper and lower case, and white space, as Ruby's strings have them; see the header
 *
 * Called by mutate.  ASCII is done here; the rest is libunistring's, whose only door this is.  Lower case goes letter by letter: a
 * final sigma is no other sigma to Ruby.
 */
#include "watcher/base/base.h"
#include "transforms/letters.h"
#include <unicase.h>
#include <unistr.h>

#define DOTTED_I 0x130 /* the one letter whose lower case is two */

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static struct span map_ascii(struct span s, struct arena *a, char (*map)(char))
{
	size_t i = 0;
	char *to;

	while (i < s.n && map(s.p[i]) == s.p[i])
		i++;
	if (i == s.n)
		return s;
	to = arena_alloc(a, s.n);
	memcpy(to, s.p, i);
	for (; i < s.n; i++)
		to[i] = map(s.p[i]);
	return (struct span){to, s.n};
}

typedef uint8_t *(*full_mapping)(const uint8_t *s, size_t n, const char *language, uninorm_t nf,
				 uint8_t *buf, size_t *length);

/* At most three times as long (Unicode's SpecialCasing); the bytes are put into the arena. */
static struct span map_full(struct span s, struct arena *a, full_mapping map)
{
	size_t n = s.n * 3 + 1;
	uint8_t *buf = arena_alloc(a, n);
	uint8_t *out = map((const uint8_t *)s.p, s.n, NULL, NULL, buf, &n);
	struct span made;

	CHECK(out != NULL);
	made = (struct span){(const char *)out, n};
	if (out != buf) {
		made = arena_span(a, made);
		free(out);
	}
	return made;
}

struct span letters_upper(struct span s, struct arena *a)
{
	return is_ascii(s) ? map_ascii(s, a, upper) : map_full(s, a, u8_toupper);
}

struct span letters_lower(struct span s, struct arena *a)
{
	uint8_t *to;
	size_t n = 0;
	ucs4_t c;
	int step;

	if (is_ascii(s))
		return map_ascii(s, a, lower);
	to = arena_alloc(a, s.n * 3 + 4);
	for (size_t i = 0; i < s.n; i += (size_t)step) {
		step = u8_mbtouc_unsafe(&c, (const uint8_t *)s.p + i, s.n - i);
		if (c == DOTTED_I) {
			memcpy(to + n, "i\xcc\x87", 3);
			n += 3;
			continue;
		}
		n += (size_t)u8_uctomb(to + n, uc_tolower(c), 6);
	}
	return (struct span){(const char *)to, n};
}

struct span letters_capitalize(struct span s, struct arena *a)
{
	struct span first, rest;
	size_t n = 1;
	char *to;

	if (!s.n)
		return s;
	while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n++;
	first = n == 1 ? map_ascii((struct span){s.p, 1}, a, upper)
		       : map_full((struct span){s.p, n}, a, u8_totitle);
	rest = letters_lower((struct span){s.p + n, s.n - n}, a);
	to = arena_alloc(a, first.n + rest.n);
	memcpy(to, first.p, first.n);
	memcpy(to + first.n, rest.p, rest.n);
	return (struct span){to, first.n + rest.n};
}

static bool is_space(char c)
{
	return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r');
}

struct span letters_strip(struct span s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}
