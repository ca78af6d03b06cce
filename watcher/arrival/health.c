/*
 * health - what is wrong with a tenant's in/, in words; see own.h
 *
 * Told by the loop when it is another sentence than before, and to whoever asks.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/own.h"
#include <errno.h>

void tenant_health(const struct tenant *t, struct arrival_health *out)
{
	memset(out, 0, sizeof(*out));
	out->tenant = t->name;
	out->missing = t->missing;
	out->polling = !t->missing && tenant_polls(t);
	out->unproven = t->leaseless && t->options.unproven;
	out->leases_refused = t->leases_refused && !t->options.unproven;
	out->table_full = t->settle.full;
	out->last_scan_ms = t->last_scan_ms;
	if (t->missing)
		snprintf(out->reason, sizeof(out->reason), "%s", t->fault);
	else if (out->leases_refused)
		snprintf(out->reason, sizeof(out->reason),
			 "the filesystem of in/ has no leases: nothing is taken at level plain (arrival.unproven)");
	else if (out->unproven)
		snprintf(out->reason, sizeof(out->reason),
			 "the filesystem of in/ has no leases: %s",
			 t->options.other_proof ? "nothing but the arrival level proves that a file is whole" :
						  "files are taken unproven, a writer may still be at work (arrival.unproven)");
	else if (t->watch_error == ENOSPC)
		snprintf(out->reason, sizeof(out->reason),
			 "in/ is polled: no inotify watch is left (fs.inotify.max_user_watches)");
	else if (t->watch_error == EBUSY)
		snprintf(out->reason, sizeof(out->reason),
			 "in/ is polled: another tenant has the same folder");
	else if (t->watch_error)
		snprintf(out->reason, sizeof(out->reason), "in/ is polled: %s",
			 strerror(t->watch_error));
	else if (t->blind)
		snprintf(out->reason, sizeof(out->reason),
			 "in/ is polled: its filesystem announces no changes made by others");
	else if (out->table_full)
		snprintf(out->reason, sizeof(out->reason),
			 "more than %zu names in in/: the rest is found by scans", t->settle.max);
}

void tenant_tell_health(struct tenant *t)
{
	struct arrival *a = t->arrival;
	struct arrival_health now;

	if (!a->ops.health)
		return;
	tenant_health(t, &now);
	if (now.missing == t->told.missing && strcmp(now.reason, t->told.reason) == 0)
		return;
	t->told = now;
	a->ops.health(a->ctx, &now);
}
