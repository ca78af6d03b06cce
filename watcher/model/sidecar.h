/*
 * sidecar - NAME.sha256 or NAME.manifest.json, what its sender states of NAME
 *
 *	sidecar_name("a.csv", kind, name)                "a.csv.sha256"; false: too long for one
 *	owner = sidecar_owner(span)                      "a.csv" of "a.csv.sha256"
 *	sidecar_parse(text, "a.csv", digest, &f)         in a worker: the text is a tenant's
 *
 * As stock `sha256sum` writes it: HEX, a blank, a blank or `*`, the name; a line that begins with a
 * backslash has \\ and \n in its name; with --tag: SHA256 (NAME) = HEX.  What stands before the last
 * slash of a name is the sender's own folder and says nothing here.  Exactly one line must be for NAME.
 * Faults: DATA, with the line and the command that mends it.
 * Source: coreutils manual, md5sum invocation.
 */
#ifndef MODEL_SIDECAR_H
#define MODEL_SIDECAR_H

#include "watcher/base/digest.h"
#include "watcher/base/fault.h"

#define SIDECAR_SUFFIX ".sha256"
#define MANIFEST_SUFFIX ".manifest.json"

enum sidecar_kind { SIDECAR_SUM, SIDECAR_MANIFEST, SIDECAR_KINDS };

extern const char *const sidecar_suffixes[SIDECAR_KINDS];

#define SIDECAR_MAX 65536 /* bytes of it that are read; a longer one is refused */
#define SIDECAR_LEAST 67  /* HEX, two blanks and a name of one byte: a shorter one is not written yet */

bool sidecar_name(const char *file, enum sidecar_kind kind, char out[256]);
/* Of zero length: it is no sidecar's name. */
struct span sidecar_owner(struct span name);
int sidecar_parse(struct span text, const char *file, unsigned char digest[DIGEST_SIZE], struct fault *f) MUST_CHECK;

#endif
