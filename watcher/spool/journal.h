/*
 * journal - var/journal.db: which file is how far, under which version, with which result
 *
 *	journal_open("var/journal.db", &options, &j, &f)  CONFIG: of a newer ingestd; SYSTEM
 *	journal_insert(j, &row, &f)                       a claim: the row CLAIMED
 *	row.attempts++; journal_save(j, &row, &f)         everything but the state, leg included
 *	journal_set_state(j, &row, FILE_GATED, &f)        the same and the state, by a legal edge
 *	journal_commit(j, &f)                             once a loop iteration
 *
 * One connection, one write transaction at a time: the first write begins it, journal_commit ends
 * it (WAL, synchronous=FULL: one fsync).  What depends on a write being durable (giving up a lease,
 * telling a worker to load, renaming a file) is done after journal_commit returned 0, never before.
 * Readers see their own uncommitted writes.  Only ingestd opens it for writing.
 *
 * Failure of a write or query: -1 and SYSTEM, the journal cannot be read; exit.  Failure of
 * journal_commit: SYSTEM; with durable_broken() an fsync failed or the file is bad: exit.
 * Otherwise (disk full, another process writes) nothing is lost: every write of the transaction is
 * kept in memory, journal_behind() is true, and calling journal_commit again (each second) tries
 * them all again.  While it is behind, writes are queued and return 0, queries return -1: take no
 * new work, wait.
 *
 * Ownership: rows are the caller's; a row given to a callback is valid until it returns.  Callbacks
 * may write, not query or commit.
 * Schema: schema.h.  Sources: sqlite.org/wal.html, sqlite.org/rescode.html.
 */
#ifndef SPOOL_JOURNAL_H
#define SPOOL_JOURNAL_H

#include "watcher/spool/file_row.h"

struct journal;
struct log;

struct journal_options {
	bool recorder;     /* somebody reads the outbox: keep every row until it is acknowledged */
	struct log *trace; /* state changes are written here at debug level; NULL: nowhere */
};

/*
 * options NULL: all false.  Makes the file (0600); an older schema is migrated after a copy to
 * PATH.vN.bak.
 */
int journal_open(const char *path, const struct journal_options *options, struct journal **out,
		 struct fault *f) MUST_CHECK;
/* For looking only, beside a running ingestd: a journal of this version (CONFIG: of another); nothing is migrated. */
int journal_open_read(const char *path, struct journal **out, struct fault *f) MUST_CHECK;
/* What SQLite finds wrong with the file itself, a line each; empty: nothing. */
int journal_integrity(struct journal *j, struct strbuf *out, struct fault *f) MUST_CHECK;
/* A consistent copy, durable, at a path where nothing is. */
int journal_copy(struct journal *j, const char *path, struct fault *f) MUST_CHECK;
/* Uncommitted writes are dropped: commit first. */
void journal_free(struct journal **j);
int journal_commit(struct journal *j, struct fault *f) MUST_CHECK;
bool journal_dirty(const struct journal *j);  /* something is to be committed */
bool journal_behind(const struct journal *j); /* the last commit failed and is to be tried again */

/* writes */
int journal_insert(struct journal *j, const struct file_row *r, struct fault *f) MUST_CHECK;
int journal_save(struct journal *j, const struct file_row *r, struct fault *f) MUST_CHECK;
/*
 * The edge is CHECKed; r->state is changed on success.  To WAITING: r->resume = the old state; from
 * WAITING only back to r->resume or on as r->resume may go.  PLACED and HELD: sentence is made, the
 * outbox row (record with times.placed) and what it brings into its tenant's usage go into the same transaction; set times.placed before.
 */
int journal_set_state(struct journal *j, struct file_row *r, enum file_state to,
		      struct fault *f) MUST_CHECK;
/*
 * To IDENTIFIED or GATED, on the way to a state that is set before the next commit: nobody can find the row in this one, and it is
 * not written.
 */
void journal_pass_state(struct journal *j, struct file_row *r, enum file_state to);
/* The leg and the checkpoint's columns alone: what comes each second. */
int journal_checkpoint(struct journal *j, const struct file_row *r, struct fault *f) MUST_CHECK;
/* A withdrawn claim: the row goes as if it had never been; CLAIMED rows only (CHECK). */
int journal_forget(struct journal *j, const struct file_row *r, struct fault *f) MUST_CHECK;

/* Of a living row whose file was placed under a later journal (recover.h): as if it had never been. */
int journal_forget_placed(struct journal *j, const struct file_row *r, struct fault *f) MUST_CHECK;

/* queries: 1 found (*out filled; file_row_init'ed by the caller), 0 not, -1 */
int journal_by_arrival(struct journal *j, const char *arrival, struct file_row *out,
		       struct fault *f) MUST_CHECK;
/* The newest arrival of delivery D that is no duplicate, else the newest. */
int journal_by_delivery(struct journal *j, const char *delivery, struct file_row *out,
			struct fault *f) MUST_CHECK;
/* The newest one placed (or being placed) there. */
int journal_by_path(struct journal *j, const char *tenant, enum folder folder, const char *name,
		    struct file_row *out, struct fault *f) MUST_CHECK;

struct journal_filter {
	const char *tenant; /* NULL = all, as below */
	const char *state; /* a record's: done, failed, held, duplicate, queued, running, waiting */
	const char *job;
	const char *run;
	const char *before; /* only arrivals older than this one: the next page */
	size_t limit;       /* 0 = 100; at most 10000 */
};
/* fn returns false to stop. */
typedef bool journal_row_fn(void *ctx, const struct file_row *r);
/* Newest first. */
int journal_list(struct journal *j, const struct journal_filter *filter, journal_row_fn *fn,
		 void *ctx, struct fault *f) MUST_CHECK;
/* Every row that is not PLACED and not HELD, oldest first: at start. */
int journal_alive(struct journal *j, journal_row_fn *fn, void *ctx, struct fault *f) MUST_CHECK;
/* WAITING (or HELD) rows whose until_ms is not 0 and <= now, soonest first. */
int journal_due(struct journal *j, enum file_state state, int64_t now_ms, size_t limit,
		journal_row_fn *fn, void *ctx, struct fault *f) MUST_CHECK;
/* The soonest until_ms of such rows; *ms 0 = none. */
int journal_next_due(struct journal *j, enum file_state state, int64_t *ms,
		     struct fault *f) MUST_CHECK;

/*
 * Does a living or held row refer to this version, or one whose rows are stored (to undo it splits
 * them again, to tell `why` it filters them again)?  1, 0, -1.
 */
int journal_version_used(struct journal *j, const char *version, struct fault *f) MUST_CHECK;
/* Is another living row to be placed there?  1, 0, -1. */
int journal_name_reserved(struct journal *j, const struct file_row *r, enum folder folder,
			  const char *name, struct fault *f) MUST_CHECK;

#endif
