/*
 * age_header - the head of an age v1 file: who can open it
 *
 *	age_header_read(context, read, &h, &f)      reads byte by byte, to the end of the header and no further
 *	... a file key is found for one of h.x25519 ...
 *	age_header_verify(&h, file_key, &f)         is the header what the sender wrote?
 *	age_header_release(&h)
 *
 * Only X25519 stanzas are kept; others are counted, and the first one's type is kept to name it.
 * Bounds: the header has 64 KiB at most, AGE_STANZAS X25519 stanzas.
 * Errors: FAULT_DATA with the line of the header.  Source: age-encryption.org/v1 (C2SP age.md), "Header".
 */
#ifndef DECODE_AGE_HEADER_H
#define DECODE_AGE_HEADER_H

#include "watcher/base/age_crypto.h"
#include "watcher/base/strbuf.h"
#include "watcher/decode/probe.h"

#define AGE_STANZAS 64
#define AGE_TYPE 32 /* with NUL */

struct age_stanza {
	unsigned char share[AGE_KEY];
	unsigned char body[AGE_BODY];
};

struct age_header {
	struct strbuf text; /* all of it */
	size_t signed_size; /* the part that the MAC covers: to "---" */
	unsigned char mac[AGE_KEY];
	struct age_stanza x25519[AGE_STANZAS];
	size_t x25519_count;
	size_t other_count;
	char other_type[AGE_TYPE];
	bool passphrase; /* a stanza of type scrypt */
};

int age_header_read(void *context, decode_read_fn read, struct age_header *h, struct fault *f)
	MUST_CHECK;
int age_header_verify(const struct age_header *h, const unsigned char file_key[AGE_FILE_KEY],
		      struct fault *f) MUST_CHECK;
void age_header_release(struct age_header *h);

#endif
