/*
 * starts - runs of manual jobs and of manifests: started, waiting for what settles, checked, claimed, ended
 *
 *	starts_new(d, "alice", "vmtable", run, &f)     --start, job start: the run is created; the turn goes on with it
 *	starts_look(d)                                 something changed: go on with those that wait
 *	starts_file_claimed / _ended(d, x)             its files
 *	starts_stop(d, "alice", "vmtable", run, &f)    what has not begun goes back into in/
 *
 * A run: created -> starting (files that settle at that moment are waited for; what cannot be taken is left out and named) -> the limits
 * over all complete files -> all claimed -> running -> finished, or failed "n of m files failed".  A broken limit fails it as a whole:
 * nothing sent, failed/JOB.RUN.receipt.json, the files stay in in/.
 * The run of a manifest is made when that was read (manifests.h), and is starting until all of its files are there, claimed, within the
 * limits and proven; only then one of them is read.  One that is not what the manifest states, and a broken limit, fail it as a whole: all
 * its files go to failed/ with it.
 * One run a manual job at a time.  Ownership: a start lives until its run is over; a file points to it meanwhile.
 * Failure: FAULT_CONFIG with a sentence (no such job, not manual, under way already).
 */
#ifndef DAEMON_STARTS_H
#define DAEMON_STARTS_H

#include "watcher/base/fault.h"
#include "watcher/base/ulid.h"
#include "watcher/daemon/turn.h"

struct start;
struct run;

void starts_init(struct ingestd *d);
void starts_release(struct ingestd *d);
int starts_new(struct ingestd *d, const char *tenant, const char *job, char run[ULID_TEXT],
	       struct fault *f) MUST_CHECK;
int starts_stop(struct ingestd *d, const char *tenant, const char *job, char run[ULID_TEXT],
		struct fault *f) MUST_CHECK;
/* Its runs of manifests that have not begun: their files go back into in/, the manifests to failed/. */
void starts_give_up_waiting(struct ingestd *d, const struct tenant *t, const char *why);
void starts_look(struct ingestd *d);
void starts_file_claimed(struct ingestd *d, struct file *x);
void starts_file_ended(struct ingestd *d, struct file *x);
const char *starts_job(const struct start *s);
const char *starts_run(const struct start *s);
/* Some run of it is under way. */
bool starts_of_tenant(const struct ingestd *d, const struct tenant *t);
const struct run *starts_of_job(struct ingestd *d, const char *tenant, const char *job);
/* The run as it is now, when it is under way; NULL: ask the journal. */
const struct run *starts_find(struct ingestd *d, const char *run);
/* How far the run is, of bytes that count half when a file was read and whole when it was loaded. */
struct run_progress {
	uint64_t bytes, bytes_done, rows;
};
/* false: it is not under way. */
bool starts_progress(struct ingestd *d, const char *run, struct run_progress *out);
bool starts_any(const struct ingestd *d);
/* Something settles or is there: those that wait for it are looked at in a moment. */
void starts_soon(struct ingestd *d);

/* --- of manifests --- */
bool starts_by_manifest(const struct start *s); /* NULL: no */
/* The manifest of that run, while it is in work/; NULL. */
struct file *starts_manifest_of(struct ingestd *d, const char *run);
/* Its files were let go: what their manifest states is needed until the last of them is read. */
bool starts_begun(const struct ingestd *d, const char *run);
/* It was read, and x->listed is what it lists: its run is made, or goes on. */
void starts_manifest(struct ingestd *d, struct file *x);
/* It is wrong now; false: it has no run. */
bool starts_manifest_wrong(struct ingestd *d, struct file *x, const struct fault *f);
size_t starts_incomplete(const struct ingestd *d, const struct tenant *t);
bool starts_only_wait(const struct ingestd *d);
/* The manifest that lists this name and waits; NULL. */
const struct file *starts_listing(struct ingestd *d, const struct tenant *t, const char *name);
/* Whatever a worker finds in it now is for the run alone: nothing is sent. */
bool starts_before_barrier(const struct file *x);
/* A file that may not go to a worker yet: true, and the run has it. */
bool starts_holds(struct ingestd *d, struct file *x);
void starts_leave_barrier(struct file *x);
/* It is not what its manifest states; true: the run fails with it. */
bool starts_unproven(struct ingestd *d, struct file *x, const struct fault *f);
/* true: its run has failed as a whole, with that fault. */
bool starts_refused(const struct start *s, struct fault *f);
/* The run fails as a whole; culprit: the file whose fault it is, NULL: no file's. */
void starts_refuse(struct ingestd *d, struct start *s, struct file *culprit, const struct fault *f);
/*
 * 1, with the fault: it came in the run of a manifest that was over before it began, and is a part of something that was not whole.  0; -1:
 * the journal cannot say it.
 */
int starts_failed_whole(struct ingestd *d, const struct file_row *r, struct fault *f) MUST_CHECK;
void starts_give_back(struct ingestd *d, struct file *x);

/* At start: a run of before, and its living files. */
void starts_recover(struct ingestd *d, const struct run *r);
/* A living file of a tenant that is served only now: of a run of before? */
void starts_file_recovered(struct ingestd *d, struct file *x);
/* All living files of the tenant are known: a run that a kill left without any, or without its manifest, is over. */
void starts_recovered(struct ingestd *d, const struct tenant *t);

#endif
