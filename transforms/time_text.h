/*
 * time_text - a time as text by a pattern, UTC, English names; compiled once
 *
 *	time_text_compile(pattern, TIME_TEXT_JODA, arena, &t, &why, &offset)     -1: why, and the byte at fault
 *	time_text_add(t, ms, out, cap)                                           bytes written, at most cap
 *
 * TIME_TEXT_JODA: G C Y x w e E y D M d a K h H k m s S z Z, quotes.  TIME_TEXT_JAVA: u y M L d D Q q E a h K k H m s S A n X x Z
 * O V z, quotes; weeks (Y w W e c) are refused there, since they depend on the country of the machine that counts them.
 * Source: documentation of Joda-Time's DateTimeFormat and of java.time.format.DateTimeFormatter.
 */
#ifndef TRANSFORMS_TIME_TEXT_H
#define TRANSFORMS_TIME_TEXT_H

#include "watcher/base/arena.h"

enum time_text_kind { TIME_TEXT_JODA, TIME_TEXT_JAVA };

#define TIME_TEXT_MAX 512 /* no pattern gives more */

struct time_text;

int time_text_compile(struct span pattern, enum time_text_kind kind, struct arena *a,
		      const struct time_text **out, const char **why, size_t *offset) MUST_CHECK;
size_t time_text_add(const struct time_text *t, int64_t ms, char *out, size_t cap);

#endif
