/*
 * input - the claimed file as records: descriptor, digest, decoding, parsing
 *
 *	input_open(fd, version, file_name, start or NULL, &in, &f)
 *	while ((r = input_next(&in, &rec, &f)) == 1) ...
 *	input_digest(&in, hex, raw, &bytes, &f)       reads what is left; only when opened from the file's begin
 *	input_close(&in)
 *
 * Errors: FAULT_DATA for a format that is not allowed, by name or by content, and for an unusable header.
 */
#ifndef WORKER_INPUT_H
#define WORKER_INPUT_H

#include "watcher/base/digest.h"
#include "watcher/decode/stream.h"
#include "watcher/model/version.h"
#include "watcher/parse/parser.h"

struct input {
	struct stream *stream; /* digest over file */
	struct parser *parser;
	unsigned format; /* format_bit */
};

int input_open(int fd, const struct version *v, const char *file, const struct parser_start *start,
	       struct input *out, struct fault *f) MUST_CHECK;
int input_next(struct input *in, struct record *rec, struct fault *f) MUST_CHECK;
int input_digest(struct input *in, char hex[DIGEST_HEX], unsigned char raw[DIGEST_SIZE],
		 uint64_t *bytes, struct fault *f) MUST_CHECK;
void input_close(struct input *in);

/* The digest alone: a resumed load checks it before its first row. */
int input_digest_of(int fd, char hex[DIGEST_HEX], uint64_t *bytes, struct fault *f) MUST_CHECK;

#endif
