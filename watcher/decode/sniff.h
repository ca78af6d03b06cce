/*
 * sniff - what a file is, by its first bytes
 *
 *	if (sniff_check(stream, "csv", &f) < 0)
 *		... FAULT_DATA "File format not allowed: data.csv's content is gzip ...; send ..."
 *
 * Called by the worker before a row is parsed, for csv and txt.  A text may hold any UTF-8, NUL
 * too; what is refused begins with the mark of a known other format, or is UTF-16 or UTF-32, or is
 * full of NULs.
 * Errors: FAULT_DATA with what was found and what to send instead; FAULT_SYSTEM from
 * the stream. Source: the formats' own specifications (RFC 1952, RFC 8878, APPNOTE.TXT, ...), each
 * mark beside its row in sniff.c.
 */
#ifndef DECODE_SNIFF_H
#define DECODE_SNIFF_H

#include "watcher/decode/stream.h"

#define SNIFF_BYTES 4096

/* What the bytes are, in words ("a gzip file"), and what to send instead; NULL: may be text. */
struct sniff_finding {
	const char *what;
	const char *instead; /* NULL: it is encrypted by another tool than age */
};
const struct sniff_finding *sniff_bytes(struct span head);

/*
 * expected: the format's name ("csv", "txt").  encrypt: the command that encrypts a file as we take it; NULL: we take none.  Looks,
 * never moves the stream.
 */
int sniff_check(struct stream *s, const char *expected, const char *encrypt, struct fault *f) MUST_CHECK;

#endif
