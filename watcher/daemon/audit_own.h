/*
 * audit_own - the insides of the audit, shared by audit.c, audit_file.c, audit_folders.c and audit_sink.c and nobody else
 *
 * A problem is one thing that is not as the journal says; kind is one of: database, missing, size, digest, altered, receipt, rejects,
 * count, orphan, unchecked.
 */
#ifndef DAEMON_AUDIT_OWN_H
#define DAEMON_AUDIT_OWN_H

#include "watcher/base/strbuf.h"
#include "watcher/daemon/audit.h"
#include "watcher/spool/journal.h"
#include <stdio.h>

#define AUDIT_TRIES 4 /* looks at something that a running daemon may be changing */
#define AUDIT_PAUSE_US (150 * 1000)
#define AUDIT_CLAIM_MS 10000 /* a claim's commit waits for the disk, and the disk for others */

struct audit_sink {
	pid_t pid; /* 0: not started */
	FILE *in, *out;
};

struct problem {
	const char *kind; /* NULL: none */
	char *path;	  /* malloc'ed, or NULL */
	char text[FAULT_TEXT];
};

struct audit {
	const struct config *config;
	struct audit_options options;
	struct journal *journal;
	struct audit_sink sink;
	struct strbuf findings; /* json */
	size_t files, deliveries, found;
};

/* Tells and counts it; p is empty afterwards.  tenant, id: NULL where there is none. */
void audit_find(struct audit *a, struct problem *p, const char *tenant, const char *id);
/* path is taken over. */
void problem_set(struct problem *p, const char *kind, char *path, const char *fmt, ...) PRINTF_LIKE(4, 5);
void problem_clear(struct problem *p);

/* audit_file.c */
void audit_file(const struct audit *a, const struct file_row *r, struct problem *p);
/* audit_sink.c: -1: the journal cannot be read; *counted: the sink was to be asked */
int audit_sink(struct audit *a, const struct file_row *r, bool *counted, struct problem *p, struct fault *f) MUST_CHECK;
void audit_sink_stop(struct audit *a);
/* audit_folders.c */
int audit_folders(struct audit *a, struct fault *f) MUST_CHECK;

#endif
