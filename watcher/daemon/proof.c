/*
 * proof - what a file's sender states of it is compared before a row is read; see the header
 *
 * Nothing of it is in the journal: a file that is CLAIMED and was not read is proven again.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/work.h"

void proof_look(struct file *x)
{
	x->proven = x->row.state != FILE_CLAIMED || !work_has_sidecar(x->tenant->folders, &x->row);
	x->run_proven = x->row.state != FILE_CLAIMED || !starts_by_manifest(x->start);
	x->has_stated_rows = x->rows_proven = false;
}

bool proof_is_due(const struct file *x)
{
	return x->row.state == FILE_CLAIMED && !(x->proven && x->run_proven);
}

/* One manifest is open for several of its files at a time. */
static int open_manifest(struct ingestd *d, const struct file *x, struct message *m, int *fd, struct fault *f)
{
	const struct file *list = starts_manifest_of(d, x->row.run);

	if (!list)
		return fault_set(f, FAULT_SYSTEM, "the manifest of its run has vanished from work/%s", x->row.run);
	m->manifest = xstrdup(list->row.file);
	return work_open_beside(list->tenant->folders, &list->row, fd, f);
}

int proof_open(struct ingestd *d, const struct file *x, struct message *m, int fds[MESSAGE_FD_COUNT], struct fault *f)
{
	const struct folders *t = x->tenant->folders;
	enum sidecar_kind kind = SIDECAR_SUM;

	if (work_open_input(t, &x->row, &fds[MESSAGE_FD_INPUT], f) < 0)
		return -1;
	if (m->mode == MODE_LIST)
		return 0;
	if (x->proven)
		return open_manifest(d, x, m, &fds[MESSAGE_FD_SIDECAR], f);
	if (work_open_sidecar(t, &x->row, &kind, &fds[MESSAGE_FD_SIDECAR], f) < 0)
		return -1;
	m->is_manifest = kind == SIDECAR_MANIFEST;
	if (fds[MESSAGE_FD_SIDECAR] < 0)
		return fault_set(f, FAULT_SYSTEM, "its checksum has vanished from work/%s", x->row.arrival);
	return 0;
}

void proof_ended(struct ingestd *d, struct file *x, const struct message *m)
{
	struct fault f = FAULT_INIT;

	memcpy(x->row.sha256, m->sha256, sizeof(x->row.sha256));
	/* another file of its run was not what it should be, meanwhile */
	if (starts_refused(x->start, &f)) {
		file_fault(d, x, m->fault.kind == FAULT_DATA ? &m->fault : &f);
		return;
	}
	if (m->fault.kind != FAULT_NONE) {
		if (!starts_unproven(d, x, &m->fault))
			file_fault(d, x, &m->fault);
		return;
	}
	if (x->proven)
		x->run_proven = true;
	x->proven = true;
	if (m->has_stated_rows) {
		x->has_stated_rows = true;
		x->stated_rows = m->stated_rows;
	}
	x->tries = x->missed = 0;
	file_save(d, x);
	if (!d->fatal && !starts_holds(d, x))
		file_queue(d, x);
}

int proof_rows(struct ingestd *d, const struct file *x, struct fault *f)
{
	const struct file *list = starts_by_manifest(x->start) ? starts_manifest_of(d, x->row.run) : NULL;
	uint64_t read = x->row.leg.checkpoint.counters.read;

	if (!x->has_stated_rows || x->stated_rows == read)
		return 0;
	return fault_set(f, FAULT_DATA, "it has %llu rows, %s%s says %llu", (unsigned long long)read,
			 list ? list->row.file : x->row.file, list ? "" : MANIFEST_SUFFIX, (unsigned long long)x->stated_rows);
}
