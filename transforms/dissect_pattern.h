/*
 * dissect_pattern - a dissect mapping, compiled once: text taken apart at delimiters, without regular expressions
 *
 *	dissect_compile(mapping, arena, &d, &why, &offset)      -1: why is a sentence, offset the byte at fault
 *	if (dissect_match(d, text))
 *		d->parts[i].value, in d->parts' order            the values' spans are of the text
 *
 *	%{name} %{} %{?name} (skipped) %{+name} %{+name/2} (appended, in order) %{&name} (its name is the value of `name`)
 *	%{*name} (only a name for %{&name}: the ingest processor's way to write it) and `->` behind each: repeated delimiters are one
 *
 * d->saved lists the parts that are to be set, in the order of setting: plain ones, appends by their number, indirect ones.
 * Bytes, no characters: delimiters are found whatever they are.  Time is linear in text times delimiters.
 * A question mark within a name is refused, as the dissect specification has it; Logstash's documentation is silent there.
 * Source: logstash-filter-dissect 1.3.0, its specification before its documentation (meaning only).
 */
#ifndef TRANSFORMS_DISSECT_PATTERN_H
#define TRANSFORMS_DISSECT_PATTERN_H

#include "watcher/base/arena.h"

#define DISSECT_PARTS 256

enum dissect_kind { DISSECT_SKIP, DISSECT_PLAIN, DISSECT_APPEND, DISSECT_INDIRECT };

struct dissect_part {
	enum dissect_kind kind;
	struct span name;
	size_t at;	    /* of the name in the mapping */
	unsigned order;
	struct span before; /* the delimiter in front; empty for none */
	bool packed;	    /* the delimiter behind it may repeat */
	struct span value;  /* of the last match */
};

struct dissect_pattern {
	size_t count;
	struct dissect_part *parts;
	size_t saved_count;
	struct dissect_part **saved;
};

int dissect_compile(struct span mapping, struct arena *a, struct dissect_pattern **out,
		    const char **why, size_t *offset) MUST_CHECK;
bool dissect_match(struct dissect_pattern *d, struct span text);
/* Of another part with that name; SPAN_NONE: there is none. */
struct span dissect_other(const struct dissect_pattern *d, const struct dissect_part *part);
/* Two fields with nothing between them: such a mapping matches nothing. */
bool dissect_is_hopeless(const struct dissect_pattern *d);

#endif
