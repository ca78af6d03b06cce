/*
 * proof - what a file's sender states of it is compared before a row is read; see the header
 *
 * Nothing of it is in the journal: a file that is CLAIMED and was not read is proven again.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/work.h"

void proof_look(struct file *x)
{
	x->proven = x->row.state != FILE_CLAIMED || !work_has_sidecar(x->tenant->folders, &x->row);
}

bool proof_is_due(const struct file *x)
{
	return x->row.state == FILE_CLAIMED && !x->proven;
}

int proof_open(const struct file *x, struct message *m, int fds[MESSAGE_FD_COUNT], struct fault *f)
{
	const struct folders *t = x->tenant->folders;
	enum sidecar_kind kind = SIDECAR_SUM;

	if (work_open_input(t, &x->row, &fds[MESSAGE_FD_INPUT], f) < 0 ||
	    work_open_sidecar(t, &x->row, &kind, &fds[MESSAGE_FD_SIDECAR], f) < 0)
		return -1;
	m->is_manifest = kind == SIDECAR_MANIFEST;
	if (fds[MESSAGE_FD_SIDECAR] < 0)
		return fault_set(f, FAULT_SYSTEM, "its checksum has vanished from work/%s", x->row.arrival);
	return 0;
}

void proof_ended(struct ingestd *d, struct file *x, const struct message *m)
{
	memcpy(x->row.sha256, m->sha256, sizeof(x->row.sha256));
	if (m->fault.kind != FAULT_NONE) {
		file_fault(d, x, &m->fault);
		return;
	}
	x->proven = true;
	x->has_stated_rows = m->has_stated_rows;
	x->stated_rows = m->stated_rows;
	x->tries = x->missed = 0;
	file_save(d, x);
	if (!d->fatal)
		file_queue(d, x);
}

int proof_rows(const struct file *x, struct fault *f)
{
	uint64_t read = x->row.leg.checkpoint.counters.read;

	if (!x->has_stated_rows || x->stated_rows == read)
		return 0;
	return fault_set(f, FAULT_DATA, "it has %llu rows, %s" MANIFEST_SUFFIX " says %llu", (unsigned long long)read, x->row.file,
			 (unsigned long long)x->stated_rows);
}
