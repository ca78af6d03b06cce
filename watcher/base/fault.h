/*
 * fault - what went wrong, and so what becomes of the file
 *
 *	struct fault f = FAULT_INIT;
 *	if (thing_do(t, &f) < 0)
 *		... f.kind decides the fate (model/outcome.h), f.text is one sentence for a person
 *	return fault_set(f, FAULT_DATA, "line %zu: ...", ...);      always returns -1
 *
 * A fault is filled where it happens, with the value at fault, and logged once by whoever decides.  Tenants' bytes go
 * in through fault_set like all else; control bytes and bytes that are no UTF-8 are escaped by it.  line, field, scope
 * and pause_ms are the caller's to set, before or after: only fault_clear empties them.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "watcher/base/base.h"
#include <stdarg.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_DATA,      /* the file's own fault: failed/ */
	FAULT_KEY,       /* a key or credential is missing or wrong: held/ */
	FAULT_CONFIG,    /* profile, job, filter, mapping: held/ */
	FAULT_TEMPORARY, /* sink away, busy, throttled: waiting, and again */
	FAULT_SYSTEM,    /* disk, memory, kernel: waiting, operator told */
};

/*
 * Whom else it concerns: a fault of a sink closes that circuit (daemon/circuits.h).  DISK: an fsync failed, and a second one
 * would lie: whoever hears of it ends the daemon.
 */
enum fault_scope { SCOPE_FILE, SCOPE_SINK, SCOPE_CREDENTIAL, SCOPE_INDEX, SCOPE_DISK };

#define FAULT_TEXT 1024
#define FAULT_FIELD 256

struct fault {
	enum fault_kind kind;
	int error;               /* errno, or 0 */
	uint64_t line;           /* physical line in the tenant's file, 0 = none */
	char field[FAULT_FIELD]; /* column or key, "" = none */
	char text[FAULT_TEXT];
	enum fault_scope scope;  /* the setter's to say, like line and field */
	int64_t pause_ms;        /* the server asked for so long a pause, 0 = it did not */
};

#define FAULT_INIT {FAULT_NONE, 0, 0, "", "", SCOPE_FILE, 0}

int fault_set(struct fault *f, enum fault_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with ": strerror(errno)" behind; ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM and EIO make it FAULT_SYSTEM. */
int fault_errno(struct fault *f, enum fault_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "prefix: " before the text that is there. */
int fault_prefix(struct fault *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
void fault_clear(struct fault *f);
/* Disk, quota or inodes are used up: it passes when there is room again. */
bool fault_no_room(const struct fault *f);
/* Its bytes are not those that were claimed: the file fails, and what is said of its size and digest is of what it was. */
int fault_set_altered(struct fault *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool fault_altered(const struct fault *f);
const char *fault_kind_name(enum fault_kind kind); /* "data", "key", ... */

#endif
