/*
 * unwrap - the file key of an encrypted file; see the header
 *
 * Called by passes.  A few small files are read and at most MESSAGE_STANZAS times the tenant's keys are tried: what the loop does at
 * once is bounded, however many recipients a file names.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/unwrap.h"
#include "watcher/base/crash.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/schedule/schedule.h"

static void find_key(struct ingestd *d, struct file *x, const struct message *asked, struct message *answer)
{
	const char *tenant = x->tenant->name;
	const struct keyring_key *key = NULL;
	struct keyring *ring = NULL;
	int r;

	if (keyring_open(d->config->profiles, tenant, &ring, &answer->fault) < 0)
		return;
	/* rows of it may be stored: it goes on, or back, under the key it was taken with */
	r = keyring_unwrap(ring, asked->stanzas, asked->stanza_count, x->row.leg.sent, answer->file_key, &key,
			   &answer->fault);
	if (r == 0 && !keyring_active(ring))
		fault_set(&answer->fault, FAULT_KEY, "tenant %s has no key; `ingestctl keygen %s` makes one", tenant,
			  tenant);
	if (r == 1) {
		answer->has_file_key = true;
		file_row_set(&x->row.encrypted_to, key->recipient);
		event_file(d, EV_FILE_OPENED, x, "key=%s", key->recipient);
	}
	keyring_free(&ring);
}

void unwrap_answer(struct ingestd *d, struct file *x, const struct message *m)
{
	struct fault f = FAULT_INIT;
	struct message answer;

	message_init(&answer, MESSAGE_KEY);
	memcpy(answer.arrival, x->row.arrival, sizeof(answer.arrival));
	find_key(d, x, m, &answer);
	/* -1: the worker is dying, passes' lost() follows */
	if (schedule_tell(d->schedule, x->task, &answer, &f) < 0)
		event_text(d, EV_WORKER_SAID, "text", f.text);
	message_release(&answer);
	crash_point("unwrap.answered");
}
