/*
 * work - the folder work/A of one arrival
 *
 * It holds NAME (0400, the daemon's) and NAME.sha256 if its sender gave one, later NAME.rejects.csv or .ndjson, NAME.receipt.json and its
 * temporary name; nothing else.
 *
 *	work_open_input(t, row, &fd, &f)             each time the file is given to a worker
 *	work_open_rejects(t, row, "csv", &fd, &f)    the worker cuts it to its checkpoint's length
 *
 * Descriptors are the caller's.  The input's carries an flock that lives as long as any copy of it
 * (the worker's too), so that no second worker reads beside an orphan of a daemon that died.
 */
#ifndef SPOOL_WORK_H
#define SPOOL_WORK_H

#include "watcher/model/sidecar.h"
#include "watcher/spool/file_row.h"

/*
 * Opened for reading, beneath work/A, regular, of row->bytes bytes, locked.  Faults: DATA: another
 * size; TEMPORARY with error EWOULDBLOCK: a worker still has it, try again; SYSTEM with error
 * ENOENT: it is not there; SYSTEM.
 */
int work_open_input(const struct folders *t, const struct file_row *r, int *fd,
		    struct fault *f) MUST_CHECK;
/* ext "csv" or "ndjson"; read and write, 0600, made when missing, kept when there. */
int work_open_rejects(const struct folders *t, const struct file_row *r, const char *ext, int *fd,
		      struct fault *f) MUST_CHECK;
/* Bytes of the rejects file, 0 = none or empty; *ext "csv" or "ndjson" (static) or NULL. */
int work_rejects_size(const struct folders *t, const struct file_row *r, uint64_t *size,
		      const char **ext, struct fault *f) MUST_CHECK;
/* Of its row->bytes bytes so few are stored that nobody sent them (a sparse file: 1 EiB can be made in a moment); *stored: how many. */
bool work_is_sparse(const struct folders *t, const struct file_row *r, uint64_t *stored);
/* The file itself once more and without the lock: a run's manifest, while it is read with each of the run's files. */
int work_open_beside(const struct folders *t, const struct file_row *r, int *fd, struct fault *f) MUST_CHECK;
/* NAME.sha256 or NAME.manifest.json for reading; *fd -1: there is none. */
int work_open_sidecar(const struct folders *t, const struct file_row *r, enum sidecar_kind *kind, int *fd,
		      struct fault *f) MUST_CHECK;
bool work_has_sidecar(const struct folders *t, const struct file_row *r);
/* NAME in a folder of what was placed is no sidecar but a file of its own, the manifest of a run: it has a receipt. */
bool work_side_is_file(int dir, const char *name);
/* The descriptor of work/A; -1 with f->error ENOENT when it is gone. */
int work_open_dir(const struct folders *t, const char *arrival, int *fd,
		  struct fault *f) MUST_CHECK;

#endif
