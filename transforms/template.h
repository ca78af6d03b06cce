/*
 * template - text with `%{...}` in it, compiled once
 *
 *	%{[a][b]}      the field's text; not there: the characters as they stand
 *	%{+%s}         @timestamp in seconds     %{+YYYY.MM.dd}  by a Joda pattern, UTC
 *	%{{yyyy-DDD}}  by a java.time pattern    %{{TIME_NOW}}   this moment
 *
 *	template_compile(text, arena, &t, &why, &offset)
 *	s = template_render(t, ev, now_ms)          in the event's arena, or the text itself when nothing is to be put in
 *
 * A time is that of @timestamp, of now_ms where the event has none.  An array is its elements joined by commas, a map its
 * JSON; null leaves the characters as a missing field does.  Output over TEMPLATE_MAX ends there.
 * Source: Logstash's StringInterpolation, meaning only.
 */
#ifndef TRANSFORMS_TEMPLATE_H
#define TRANSFORMS_TEMPLATE_H

#include "watcher/model/event.h"

#define TEMPLATE_MAX (4 * 1024 * 1024)

struct template;

int template_compile(struct span text, struct arena *a, const struct template **out, const char **why,
		     size_t *offset) MUST_CHECK;
struct span template_render(const struct template *t, const struct event *ev, int64_t now_ms);
/* Nothing to put in: the text is what it renders to. */
bool template_is_plain(const struct template *t);
struct span template_text(const struct template *t);

#endif
