/*
 * receipt - the record of a file: one object for receipt, journal, `ingestctl show`, MongoDB (interface.md)
 *
 * A plain counted-free struct of what is known of one arrival; receipt_add_json writes it with every field present, null where
 * unknown.  Times are wall milliseconds, 0 = unknown.  sentence is made by receipt_sentence: one line a tenant understands.
 * Ownership: strings are the struct's own (malloc'ed), NULL = unknown.
 */
#ifndef MODEL_RECEIPT_H
#define MODEL_RECEIPT_H

#include "watcher/model/message.h"

struct receipt {
	char arrival[ULID_TEXT];
	char delivery[DELIVERY_TEXT]; /* "" = null */
	char *duplicate_of;           /* arrival id */
	char *replaces, *replaced_by; /* arrival ids: "same_name": "replace" */
	char *tenant, *job, *run, *file;
	uint64_t bytes;
	char sha256[DIGEST_HEX];
	char *state;  /* done|failed|held|duplicate|undone|queued|running|waiting */
	char *reason; /* a sentence */
	bool goes_by_itself; /* held: a quota lets it go when it has room */
	char job_version[VERSION_HASH];
	bool has_rows;
	struct counters counters;
	char *sink, *index, *leg_state;
	bool has_first_error;
	uint64_t error_line;
	char *error_column, *error_text;
	char *coercions_json; /* an array or NULL */
	struct {
		int64_t arrived, complete, claimed, started, indexed, placed;
		int64_t ended; /* with a receipt whose file is not placed yet: now */
	} times;
	char *encrypted_to; /* the recipient whose key opened the file */
	uint64_t attempts;
	uint64_t cpu_us;
	uint64_t peak_rss;
	char *rejects_file; /* name beside the receipt, or NULL: the sentence names it */
};

void receipt_init(struct receipt *r);
void receipt_release(struct receipt *r);
/* with_placed: the file's receipt has no times.placed. */
void receipt_add_json(struct strbuf *sb, const struct receipt *r, bool with_placed);
void receipt_add_sentence(struct strbuf *sb, const struct receipt *r);

#endif
