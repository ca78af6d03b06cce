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

int proof_open(const struct file *x, int fds[MESSAGE_FD_COUNT], struct fault *f)
{
	const struct folders *t = x->tenant->folders;

	if (work_open_input(t, &x->row, &fds[MESSAGE_FD_INPUT], f) < 0 ||
	    work_open_sidecar(t, &x->row, &fds[MESSAGE_FD_SIDECAR], f) < 0)
		return -1;
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
	x->tries = x->missed = 0;
	file_save(d, x);
	if (!d->fatal)
		file_queue(d, x);
}
