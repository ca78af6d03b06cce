/*
 * regex - the one door to Oniguruma: Ruby's syntax, UTF-8, unanchored, `^` and `$` at lines
 *
 *	regex_compile(pattern, flags, &re, &why)     -1: why is a sentence (static or the regex module's)
 *	switch (regex_search(re, subject, from, &m))
 *	REGEX_MATCH: m.begin[0], m.end[0], groups 1..m.count-1 (-1: did not take part)
 *	REGEX_LIMIT: the retry or stack limit of this match was reached, or the row's time is up: the row's fault, not a mismatch
 *	regex_charge(re, pattern, &budget, at)       what its searches cost is the budget's; at: its place in the filter's text
 *	regex_free(&re)
 *
 * Compiled once; a search allocates nothing that grows with the rows.  m is the regex's and good until its next search.
 */
#ifndef TRANSFORMS_REGEX_H
#define TRANSFORMS_REGEX_H

#include "watcher/base/span.h"

#define REGEX_WHY 192

enum regex_flags {
	REGEX_PLAIN = 0,
	REGEX_DOT_ALL = 1,     /* Ruby's /m */
	REGEX_IGNORE_CASE = 2,
};

enum regex_result { REGEX_MISS, REGEX_MATCH, REGEX_LIMIT };

struct budget;
struct regex;

struct regex_match {
	size_t count; /* group 0 included */
	const int *begin;
	const int *end;
};

int regex_compile(struct span pattern, unsigned flags, struct regex **out, char why[REGEX_WHY])
	MUST_CHECK;
void regex_charge(struct regex *re, struct span pattern, struct budget *budget, size_t at);
void regex_free(struct regex **re);
/* The number of a named group; -1: there is none.  Of several with one name the last. */
int regex_group(const struct regex *re, struct span name);
enum regex_result regex_search(struct regex *re, struct span subject, size_t from,
			       struct regex_match *m) MUST_CHECK;

#endif
