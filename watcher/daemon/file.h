/*
 * file - one living arrival: its journal row and what is going on with it
 *
 *	x = file_add(d, &row)                       the row is copied; the table owns x
 *	file_set_state(d, x, FILE_GATED)            the one mover: journal, log at debug level, progress
 *	file_wait(d, x, &fault, delay_ms)           WAITING: tried again then (0: by file_wake alone)
 *	file_wake(d, x)                             goes on where it stopped
 *	file_resume(d, x)                           by its state: to a worker, or to the step that is next
 *	file_drop(d, x)                             placed, withdrawn or given back: forgotten here
 *
 * What becomes of a fault is decided by its kind alone: file_fault -> outcome_of.
 * Ownership: x owns row, holds its job; tenant lives while a file of it does.
 * Failure:   a journal that cannot be written ends in ingestd_fatal inside; callers need not look.
 */
#ifndef DAEMON_FILE_H
#define DAEMON_FILE_H

#include "watcher/daemon/turn.h"
#include "watcher/model/profile.h"
#include "watcher/spool/journal.h"

struct tenant;
struct task;
struct start;

struct file {
	struct file_row row;
	struct tenant *tenant;
	struct job *job;      /* the one in force when it was routed or given out; NULL */
	struct start *start;  /* the run it belongs to, of a manual job or a manifest, while that is under way */
	struct task *task;    /* queued or with a worker */
	char *index_pattern;  /* of the version it was given out with */
	struct fault finding; /* the gate's, or what it ends with */
	char *name_reason;    /* the name is not acceptable: why */
	file_step *step;      /* turn.h */
	struct file *turn_next;
	bool in_turn;
	bool synced;          /* work/A, work/, in/ are */
	bool unsynced;        /* moved, and there was no room to make that durable */
	bool has_stated_rows; /* by its manifest */
	uint64_t stated_rows;
	bool proven;          /* what its sender states beside it was compared, or nothing is stated */
	bool run_proven;      /* the same of its run's manifest */
	bool rows_proven;     /* and its rows were counted, before the others of its run begin */
	bool at_barrier;      /* its run's other files come first */
	/* of a run's manifest: names that its worker has told so far */
	char **listed;
	size_t listed_count, listed_bytes;
	bool parked;          /* at start: until its tenant's profile was looked at */
	bool adopted;         /* found in work/ without a row */
	bool lost;            /* its file is gone while rows are stored: for a person */
	bool waits_other;     /* for another arrival of the same delivery or name */
	bool waits_room;      /* for room on the disk */
	bool waits_pause;     /* for a resume */
	bool stalled; /* its worker gets no answer of its sink */
	char *circuit;        /* waits for that one (circuits.h); NULL: for none */
	char *concrete;       /* the index that its name means at the sink, told by the gate; NULL: not yet */
	char *waits_for;      /* the last reason to wait, and its kind */
	enum fault_kind waits_kind;
	unsigned tries;       /* waits in a row without progress */
	unsigned sink_fails;        /* attempts that met a fault of the sink, since it last got on */
	unsigned missed;      /* workers lost in a row without progress */
	uint64_t gate_offset; /* how far the first pass is, told each second; decoded bytes */
	uint64_t gate_rows;   /* what it read in all; 0: it is not over, or was before a restart */
	uint64_t told_cpu_us; /* by the worker that has it, and in row.cpu_us already */
	int64_t due;          /* mono: of a waiting one, 0 = none */
};

struct file *file_add(struct ingestd *d, const struct file_row *row);
struct file *file_find(struct ingestd *d, const char *arrival);
void file_drop(struct ingestd *d, struct file *x);
void file_free(struct file **x); /* for ingestd_release */

void file_set_state(struct ingestd *d, struct file *x, enum file_state to);
/* What it did counts for --once; going round in circles does not. */
void file_progress(struct ingestd *d, const struct file *x);
/* The row without a change of state. */
void file_save(struct ingestd *d, struct file *x);
void file_resume(struct ingestd *d, struct file *x);
/* What its worker may use: the job's in force, whatever its version was. */
enum resources file_resources(const struct file *x);
/* Jobs have changed: those that wait for a worker of another class are queued anew. */
void file_requeue_tenant(struct ingestd *d, const struct tenant *t);
/* To a worker, in its turn. */
void file_queue(struct ingestd *d, struct file *x);
void file_wait(struct ingestd *d, struct file *x, const struct fault *f, int64_t delay_ms);
/* The same, and woken when another file of its tenant ends. */
void file_wait_other(struct ingestd *d, struct file *x, const struct fault *f, int64_t delay_ms);
/* The next pause: 1 s doubled each time up to 60 s, with jitter. */
int64_t file_backoff(unsigned tries);
void file_wake(struct ingestd *d, struct file *x);
/* What it waited for is forgotten; the change of state is the caller's. */
void file_unwait(struct file *x);
/* Every waiting one of this tenant that waits for another file (others), or for its profile (!others). */
void file_wake_tenant(struct ingestd *d, struct tenant *t, bool others);
/* A fault that came while nothing of it is in a sink or everything is: by its kind to failed/, held/ or waiting. */
void file_fault(struct ingestd *d, struct file *x, const struct fault *f);
/* What the tenant is told of it: queued, running, waiting, ... */
const char *file_word(const struct file *x);
void file_timer_start(struct ingestd *d);

#endif
