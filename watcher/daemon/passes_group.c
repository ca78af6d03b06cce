/*
 * passes_group - which files a worker is given together; see passes_own.h
 *
 * Called by the scheduler, for each file that could be one more of a group.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/passes_own.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/tenants.h"

#define SMALL_BYTES (16u * 1024)

/*
 * Of a group are files that were never begun: one that was may have been the death of a worker, and is alone when it is the next time.
 * No sink is in doubt, so that none becomes a probe.
 */
bool passes_joins(void *ctx, const struct task *first, const struct task *t)
{
	struct ingestd *d = ctx;
	const struct file *x = t->owner, *other = first->owner;
	const struct sink_config *sink;
	const struct job *j;

	/* a class with a number of files at a time means files */
	if (resources_of(t->link.resources)->workers)
		return false;
	if (x->row.state != FILE_CLAIMED || x->row.bytes > SMALL_BYTES || x->row.attempts > (first == t ? 1 : 0) || x->start ||
	    proof_is_due(x) || manifest_is(x) || map_len(&d->circuits.by_key))
		return false;
	if (!x->tenant->profile || !x->row.job || strcmp(x->row.job, other->row.job) != 0)
		return false;
	j = profile_job(x->tenant->profile, x->row.job);
	sink = j ? tenants_sink(d, j) : NULL;
	return sink && sink->type == SINK_SQLITE;
}
