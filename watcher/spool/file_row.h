/*
 * file_row - everything the journal knows of one arrival and its leg
 *
 *	struct file_row r;
 *	file_row_init(&r);
 *	... fill; the strings are the row's own: file_row_set(&r.reason, "...") ...
 *	file_row_release(&r);
 *
 * Plain data.  The daemon keeps one a living arrival, changes its fields and gives it to
 * journal_save or journal_set_state; the field state is changed by journal_set_state alone.  Times
 * are wall milliseconds, 0 = unknown.  NULL or "" = unknown.
 */
#ifndef SPOOL_FILE_ROW_H
#define SPOOL_FILE_ROW_H

#include "watcher/base/clock.h"
#include "watcher/model/message.h"
#include "watcher/model/outcome.h"
#include "watcher/model/receipt.h"
#include "watcher/spool/folders.h"
#include "watcher/spool/states.h"

enum after_undo {
	AFTER_UNDO_PLACE, /* placed by outcome */
	AFTER_UNDO_LOAD,  /* CLAIMED again, under the version in force then */
};

enum leg_state { LEG_NONE, LEG_GATED, LEG_LOADING, LEG_INDEXED, LEG_UNDOING, LEG_UNDONE };

/* (A, sink): one load pass over the file. */
struct leg {
	enum leg_state state; /* LEG_NONE: there is no leg yet, nothing else is set */
	char *sink;
	char *index; /* pinned; NULL before LOADING */
	bool sent; /* a worker was told to load: rows may be in the sink (409s are no duplicates) */
	struct extent extent; /* of the gate: which ids there can be */
	/* its counters are the leg's: the gate's, then the last checkpoint's or the result's */
	struct checkpoint checkpoint;
};

/* What a file has brought into its tenant's usage so far (usage.h). */
#define USAGE_SUMS(X) X(files) X(rows) X(rows_indexed) X(bytes_in) X(bytes_indexed) X(cpu_us) X(done_bytes)

struct usage_sums {
#define X(field) int64_t field;
	USAGE_SUMS(X)
#undef X
};

struct file_row {
	char arrival[ULID_TEXT];
	char *tenant;
	char *file;     /* the name in work/A */
	char *original; /* the bytes it had in in/, NULL = the same */
	char *job;      /* NULL: none or several matched */
	char run[ULID_TEXT];
	enum file_state state;
	enum file_state resume; /* while WAITING: where it goes on (set by journal_set_state) */
	char *arrival_fault;    /* why it fails before it is read; NULL: for nothing; "": adopted, not looked up yet */
	char *reason;           /* why it waits, fails, is held: a sentence */
	enum fault_kind fault;  /* kind of the fault behind reason */
	int64_t until_ms;       /* WAITING: not before; 0 = by an event */
	uint64_t bytes;
	int64_t mtime_ms;
	char delivery[DELIVERY_TEXT];
	char sha256[DIGEST_HEX];
	char version[VERSION_HASH];
	char duplicate_of[ULID_TEXT];
	char replaces[ULID_TEXT];    /* the delivery of the same name that goes when this one is stored */
	char replaced_by[ULID_TEXT]; /* undone for that one */
	bool released;               /* a person let it through: what would hold it does not */
	char quota_day[CLOCK_DAY];   /* the UTC day for which it counts in its tenant's quota; "": for none */
	bool quota_held;             /* a daily quota holds it ... */
	int64_t quota_until_ms;      /* ... until then; 0: its file has no room on any day */
	struct usage_sums booked;
	uint64_t attempts;   /* times it was given to a worker */
	uint64_t deaths;     /* of workers in a row at ... */
	uint64_t deaths_row; /* ... this checkpoint's next_row */
	bool has_outcome;
	enum outcome outcome; /* what it is to end as: set before UNDOING or PLACING */
	enum after_undo after_undo;
	bool altered; /* it failed because its bytes are not those that were claimed */
	char *target; /* its name in folder, from PLACING on */
	bool has_folder;
	enum folder folder;
	char *rejects; /* name of the rejects file beside target, NULL = none */
	bool has_first_error;
	uint64_t error_line;
	char *error_column;
	char *error_text;
	char *coercions_json;
	char *sentence; /* set with PLACED or HELD */
	char *encrypted_to; /* the recipient whose key opened it; NULL = not encrypted, or not opened */
	uint64_t cpu_us;
	uint64_t peak_rss;
	struct {
		int64_t arrived, complete, claimed, started, indexed, placed;
		int64_t removed; /* by retention, after it was placed */
	} times;
	struct leg leg;
	bool running; /* in memory only: a worker has it now */
};

void file_row_init(struct file_row *r);
void file_row_release(struct file_row *r);
/* A copy of all of it; out need not be initialised. */
void file_row_copy(const struct file_row *r, struct file_row *out);
/*
 * As it was claimed, to be read anew: what passes and sinks made of it goes; what was spent on it,
 * its digest (it must be the same file), its releasing and the day whose quota it counts in stay.
 */
void file_row_renew(struct file_row *r);
/* Rows were split, and how often only their file can tell: the ids of the parts are not known without it. */
bool file_row_undo_needs_file(const struct file_row *r);
/* Frees *field and puts a copy of s (or NULL). */
void file_row_set(char **field, const char *s);
/* done|failed|held|duplicate|undone|queued|running|waiting */
const char *file_row_record_state(const struct file_row *r);

const char *leg_state_name(enum leg_state s); /* "gated", ... ; LEG_NONE: "none" */

#endif
