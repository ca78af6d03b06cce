/*
 * date_pattern - the formats of the date filter: Joda's patterns, ISO8601, UNIX, UNIX_MS, TAI64N
 *
 *	date_pattern_compile(text, arena, &p, &why, &offset)           -1: why is a sentence, offset the byte at fault
 *	if (date_pattern_parse(p, text, &context, &ms, &why)) ...      why: static, the reason of a mismatch
 *	date_epoch_parse(kind, text, is_number, &context, &ms, &why)     of UNIX, UNIX_MS, TAI64N
 *
 * Letters: G Y y x M w d D e E a K h H k m s S z Z, quotes; C is refused.  Names are English, as they are, in small or in capital
 * letters.  The whole text must match.  A pattern without a year takes the current one; December read in January is of the
 * year before, January read in December of the next one.
 * Source: logstash-filter-date 3.1.15, Joda-Time 2.8 DateTimeFormat and ISODateTimeFormat (documentation; meaning only).
 */
#ifndef TRANSFORMS_DATE_PATTERN_H
#define TRANSFORMS_DATE_PATTERN_H

#include "watcher/base/arena.h"
#include "transforms/date_fields.h"

#define DATE_PIECES 64

enum date_kind { DATE_JODA, DATE_ISO8601, DATE_UNIX, DATE_UNIX_MS, DATE_TAI64N };

struct date_piece {
	char letter; /* NUL: the literal */
	bool exact;  /* two digits of a year, no more */
	size_t count, max;
	struct span literal;
};

struct date_pattern {
	enum date_kind kind;
	struct span text;
	bool has_year, has_offset; /* by the letters in it, quoted ones too, as the plugin looks */
	bool has_names;
	size_t count;
	struct date_piece pieces[DATE_PIECES];
};

struct date_context {
	int64_t now_ms;
	const struct zone *zone; /* of texts that name none */
	struct zones *zones;
	bool assumed; /* out: the text named no zone */
	bool moved;   /* out: the weekday moved the date */
	bool cut;     /* out: it had more than milliseconds */
};

int date_pattern_compile(struct span text, struct arena *a, struct date_pattern **out,
			 const char **why, size_t *offset) MUST_CHECK;
bool date_pattern_parse(const struct date_pattern *p, struct span text, struct date_context *c,
			int64_t *ms, const char **why);
/* date_iso.c */
bool date_iso_parse(struct span text, struct date_fields *f);
/* date_epoch.c; number: the value is one, not a text. */
bool date_epoch_parse(enum date_kind kind, struct span text, bool number, struct date_context *c,
		      int64_t *ms, const char **why);

#endif
