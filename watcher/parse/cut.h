/*
 * cut - find where records end
 *
 *	cutter_init(&c, &options, &source, offset, eol)
 *	while (cutter_next(&c, &cut, &f) == 0 && cut.kind != CUT_END)
 *		...                                   cut.raw is good until the next call
 *	cutter_release(&c)
 *
 * Knows quotes, line ends and the longest row; nothing of fields, text encodings or numbers of
 * rows. Memory: max_row_bytes plus the window's slack.  Time: linear, whatever the bytes (see
 * cut.c, frontier).
 * Errors: those of the source.
 */
#ifndef PARSE_CUT_H
#define PARSE_CUT_H

#include "watcher/parse/window.h"

enum cut_kind {
	CUT_RECORD,
	CUT_UNCLOSED, /* raw: the line on which a quote was opened and never closed */
	CUT_OVERLONG, /* raw: the first bytes of a row over max_row_bytes */
	CUT_END,
};

struct cut {
	enum cut_kind kind;
	struct span raw; /* without the line end */
	bool raw_cut;	 /* raw is not all of it */
	uint64_t length; /* of the whole, without the line end */
	uint64_t offset;
	uint64_t next_offset;
	uint64_t lines; /* line ends in it, its own included */
};

/* Where the automaton of RFC 4180 stands before the next byte. */
enum cut_state {
	CUT_AT_FIELD,  /* a field begins */
	CUT_IN_PLAIN,  /* in an unquoted field, or behind a closed quote */
	CUT_IN_QUOTED, /* between quotes */
	CUT_AT_QUOTE,  /* behind a quote within quotes: the end, or the first of two */
};

/*
 * The next place of one byte, remembered: at is valid when found, everything in [from, searched)
 * was looked at.
 */
struct finder {
	uint64_t at;
	uint64_t searched;
	bool found;
};

struct cutter {
	struct window window;
	char eol;
	bool quotes; /* csv */
	uint64_t max_row;
	uint64_t next; /* where the next record begins */
	/* scan in progress */
	uint64_t pos;
	enum cut_state state;
	uint64_t quote_at;  /* where the open quote stands */
	uint64_t quote_eol; /* first line end inside it, or NO_EOL */
	uint64_t first_eol; /* first line end inside quotes of this record, or NO_EOL */
	struct finder eols;
	struct finder quote_marks;
	/* how far an earlier scan ran inside an open quote */
	uint64_t frontier;
	enum cut_state frontier_state;
	char *head; /* own: PARSER_RAW_CUT bytes */
};

void cutter_init(struct cutter *c, const struct parser_options *o,
		 const struct parser_source *source, uint64_t offset, char eol);
void cutter_release(struct cutter *c);
int cutter_next(struct cutter *c, struct cut *out, struct fault *f) MUST_CHECK;
/* What is held of the next record and those behind it, at most a longest row with its line end. */
struct span cutter_peek(struct cutter *c);
/* The next record begins n bytes further on: they were a record that the automaton would end there too. */
void cutter_pass(struct cutter *c, size_t n);

#endif
