/*
 * address_text - is this text an IP address?  See the header
 *
 * Called by fit.c for every value of a field of type ip.  Owns and allocates nothing.
 */
#include "watcher/base/base.h"
#include "watcher/sink/address_text.h"

#define GROUPS 8

static bool is_ipv4(struct span s)
{
	size_t i = 0;

	for (int part = 0; part < 4; part++) {
		size_t from;
		unsigned n = 0;

		if (part > 0 && (i == s.n || s.p[i++] != '.'))
			return false;
		for (from = i; i < s.n && i - from < 3 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			n = n * 10 + (unsigned)(s.p[i] - '0');
		if (i == from || n > 255 || (s.p[from] == '0' && i - from > 1))
			return false;
	}
	return i == s.n;
}

/* Hexadecimal digits of at most 16 bits; the servers take any number of zeros before them. */
static bool is_group(struct span s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] | 32) : s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
		n = n * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		if (n > 0xffff)
			return false;
	}
	return s.n > 0;
}

/* Groups between colons, the last perhaps an IPv4 address, which is two; -1: something is neither. */
static int count_groups(struct span s, bool may_end_in_ipv4)
{
	int n = 0;

	while (s.n > 0) {
		const char *colon = memchr(s.p, ':', s.n);
		struct span group = {s.p, colon ? (size_t)(colon - s.p) : s.n};
		bool ipv4 = !colon && may_end_in_ipv4 && memchr(group.p, '.', group.n);

		if (!(ipv4 ? is_ipv4(group) : is_group(group)))
			return -1;
		n += ipv4 ? 2 : 1;
		if (n > GROUPS || !colon)
			return n > GROUPS ? -1 : n;
		s = (struct span){colon + 1, s.n - group.n - 1};
		if (s.n == 0)
			return -1;
	}
	return n;
}

static struct span without_scope(struct span s)
{
	const char *percent = memchr(s.p, '%', s.n);
	size_t n = percent ? (size_t)(percent - s.p) : s.n;

	/* the servers want a scope behind the sign, and none behind an IPv4 ending */
	if (!percent || n + 1 == s.n || memchr(s.p, '.', n))
		return s;
	return (struct span){s.p, n};
}

static bool is_ipv6(struct span s)
{
	const char *gap = NULL;
	int before, after;

	s = without_scope(s);
	for (size_t i = 0; i + 1 < s.n && !gap; i++)
		if (s.p[i] == ':' && s.p[i + 1] == ':')
			gap = s.p + i;
	if (!gap)
		return count_groups(s, true) == GROUPS;
	before = count_groups((struct span){s.p, (size_t)(gap - s.p)}, false);
	after = count_groups((struct span){gap + 2, s.n - (size_t)(gap - s.p) - 2}, true);
	return before >= 0 && after >= 0 && before + after < GROUPS;
}

bool address_text_fits(struct span s)
{
	return s.n > 0 && (memchr(s.p, ':', s.n) ? is_ipv6(s) : is_ipv4(s));
}
