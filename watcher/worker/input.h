/*
 * input - the claimed file as records: descriptor, digest, decoding, parsing
 *
 *	input_new(fd, &options, &in, &f)
 *	while ((r = input_next(in, &rec, &f)) == 1) ...
 *	input_digest(in, hex, raw, &bytes, &f)        reads what is left; only with options.digest and from the file's begin
 *	input_free(&in)
 *
 * options.tick is called for every window of bytes, so that a record of a gigabyte is no silence; its -1 ends the reading.
 * Ownership: descriptor, version and start are borrowed; records live until the next call.
 * Errors: FAULT_DATA for a format that is not allowed, by name or by content, and for an unusable header.
 */
#ifndef WORKER_INPUT_H
#define WORKER_INPUT_H

#include "watcher/base/digest.h"
#include "watcher/decode/layers.h"
#include "watcher/model/version.h"
#include "watcher/parse/parser.h"

struct input;

struct input_ticker {
	int (*tick)(void *context, struct fault *f); /* NULL: none */
	void *context;
};

struct input_options {
	const struct version *version;
	const char *file; /* the name as it arrived */
	bool split_fields; /* csv only, as usual */
	size_t usual;      /* parser.h */
	bool digest;
	const struct parser_start *start; /* NULL: from the begin */
	struct input_ticker ticker;
	struct layers_keys keys; /* where the key of an encrypted file comes from */
};

/* format_bit by the name and the job; FAULT_DATA: not one of the profile's. */
int input_format_of(const struct version *v, const char *file, unsigned *out, struct fault *f) MUST_CHECK;

int input_new(int fd, const struct input_options *o, struct input **out, struct fault *f) MUST_CHECK;
void input_free(struct input **in);
int input_next(struct input *in, struct record *rec, struct fault *f) MUST_CHECK;
/* Up to n bytes at an offset, moving nothing. */
int input_look(struct input *in, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
	MUST_CHECK;
int input_digest(struct input *in, char hex[DIGEST_HEX], unsigned char raw[DIGEST_SIZE],
		 uint64_t *bytes, struct fault *f) MUST_CHECK;
const struct parser_header *input_header(const struct input *in);
unsigned input_format(const struct input *in); /* format_bit */
/* Then a look at what was passed costs all that is before it. */
bool input_is_layered(const struct input *in);

/* The digest alone: a resumed load checks it before its first row. */
int input_digest_of(int fd, const struct input_ticker *ticker, char hex[DIGEST_HEX], uint64_t *bytes,
		    struct fault *f) MUST_CHECK;

#endif
