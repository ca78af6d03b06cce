/*
 * straight_own - what the making of the straight way and its use share; only straight.c and straight_layout.c include it
 */
#ifndef WORKER_STRAIGHT_OWN_H
#define WORKER_STRAIGHT_OWN_H

#include "watcher/worker/straight.h"

#define COPY 32 /* bytes at a time; so many may be read behind a glue */

/* What a column's text must be for the document to have it as it is. */
enum form {
	FORM_ANY,
	FORM_INTEGER,
	FORM_NATURAL,
	FORM_FLOAT,
	FORM_RUBY_FLOAT, /* written as Ruby's Float#to_s does: 5 and 5.00 are 5.0 */
	FORM_BOOLEAN,
	FORM_DATE,
	FORM_DATE_NANOS,
	FORM_ADDRESS,
};

/* One value of the document and what stands before it. */
struct part {
	size_t column;
	enum form form;
	bool text;        /* in quotes */
	size_t digits;    /* FORM_INTEGER, FORM_NATURAL: so many are always in range */
	struct span glue; /* {"name": or ,"name": and a text's quote; own, COPY bytes may be read behind it */
};

struct straight {
	struct part *parts;
	size_t count;
	size_t columns;
	struct span *names; /* of the parts, own; NULL: not all of the document is parts */
	bool filtered;      /* a csv filter reads the row, to which a CR is a line end */
	struct span header; /* own; n > 0: the first column of a row that may be the header */
	struct span tail;   /* own, as glue: what stands behind the last value */
	size_t fixed;       /* bytes of a document that are no values, at most */
};

#endif
