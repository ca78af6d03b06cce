/*
 * retain - what retention takes away; see the header
 *
 * Called by the daemon's retention.  A name in done/ or failed/ that holds something else than what was placed there (another size, no
 * regular file) is somebody's and is left.
 */
#include "watcher/base/base.h"
#include "watcher/spool/retain.h"

#include "watcher/base/crash.h"
#include "watcher/model/sidecar.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/journal_inner.h"
#include "watcher/spool/work.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char tail_due[] =
	"WHERE a.state = 'PLACED' AND a.removed_ms IS NULL AND a.tenant = ?1 AND a.folder = ?2"
	" AND a.placed_ms < ?3 ORDER BY a.placed_ms LIMIT ?4";
static const char sql_refused[] =
	"SELECT id, job FROM runs WHERE tenant = ?1 AND state = 'failed' AND started_ms IS NULL"
	" AND finished_ms < ?2 ORDER BY finished_ms LIMIT ?3";
static const char sql_drop_run[] = "DELETE FROM runs WHERE id = ?1";

#define PRUNED_ARRIVALS \
	"(SELECT arrival FROM arrivals WHERE removed_ms < ?1 AND state = 'PLACED'" \
	" ORDER BY removed_ms, arrival LIMIT ?2)"
#define PRUNED_RUNS \
	"(SELECT id FROM runs r WHERE finished_ms < ?1 AND (state <> 'failed' OR started_ms IS NOT NULL) AND NOT EXISTS" \
	" (SELECT 1 FROM arrivals a WHERE a.run = r.id) ORDER BY finished_ms, id LIMIT ?2)"
static const char sql_count[] =
	"SELECT (SELECT count(*) FROM " PRUNED_ARRIVALS ") + (SELECT count(*) FROM " PRUNED_RUNS ")";
static const char *const sql_prune[] = {
	"DELETE FROM legs WHERE arrival IN " PRUNED_ARRIVALS,
	"DELETE FROM arrivals WHERE arrival IN " PRUNED_ARRIVALS,
	"DELETE FROM runs WHERE id IN " PRUNED_RUNS,
};

int retain_due(struct journal *j, const char *tenant, enum folder folder, int64_t before_ms, size_t limit,
	       journal_row_fn *fn, void *ctx, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, journal_select(j, tail_due), f);

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_text(q, 2, folder_name(folder));
	db_bind_i64(q, 3, before_ms);
	db_bind_u64(q, 4, limit);
	return journal_each(q, fn, ctx, f);
}

static int remove_one(int dir, const char *name, struct fault *f)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return fault_errno(f, FAULT_SYSTEM, "cannot remove '%s'", name);
	return 0;
}

/* That of a run has a row and a time of its own. */
static int remove_manifest(int dir, const char *name, struct fault *f)
{
	return work_side_is_file(dir, name) ? 0 : remove_one(dir, name, f);
}

static bool is_other(int dir, const struct file_row *r)
{
	struct stat st;

	return fstatat(dir, r->target, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != r->bytes);
}

int retain_remove(const struct folders *t, const struct file_row *r, struct fault *f)
{
	char *receipt, *sidecar, *manifest;
	int dir, result;

	CHECK(r->state == FILE_PLACED && r->has_folder && r->target && !r->times.removed);
	if (folders_use(t, f) < 0)
		return -1;
	dir = folders_fd(t, r->folder);
	if (is_other(dir, r))
		return 0;
	receipt = xasprintf("%s.receipt.json", r->target);
	sidecar = xasprintf("%s" SIDECAR_SUFFIX, r->target);
	manifest = xasprintf("%s" MANIFEST_SUFFIX, r->target);
	/* the receipt last: while anything is left it says what */
	result = remove_one(dir, r->target, f) < 0 || (r->rejects && remove_one(dir, r->rejects, f) < 0) ||
				 remove_one(dir, sidecar, f) < 0 || remove_manifest(dir, manifest, f) < 0 ||
				 remove_one(dir, receipt, f) < 0 ?
			 -1 :
			 1;
	free(receipt);
	free(sidecar);
	free(manifest);
	crash_point("retention.removed");
	return result;
}

int retain_sync(const struct folders *t, enum folder folder, struct fault *f)
{
	return folders_use(t, f) < 0 ? -1 : durable_fsync(folders_fd(t, folder), folder_name(folder), f);
}

struct refused {
	char id[ULID_TEXT];
	char *job;
};

static int list_refused(struct journal *j, const char *tenant, int64_t before_ms, size_t limit,
			struct refused *out, size_t *n, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_refused, f);
	int r;

	if (!q)
		return -1;
	db_bind_text(q, 1, tenant);
	db_bind_i64(q, 2, before_ms);
	db_bind_u64(q, 3, limit);
	while ((r = db_step(q, f)) == 1) {
		snprintf(out[*n].id, sizeof(out[*n].id), "%s", db_text(q, 0));
		out[(*n)++].job = xstrdup(db_text(q, 1));
	}
	db_done(q);
	return r;
}

static int drop_run(struct journal *j, const char *id, struct fault *f)
{
	struct db_stmt *q = db_write(j->db, sql_drop_run);

	db_bind_text(q, 1, id);
	return db_run(q, 1, f);
}

static int remove_receipts(const struct folders *t, const struct refused *list, size_t n, struct fault *f)
{
	int r = n ? folders_use(t, f) : 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		char *name = xasprintf("%s.%s.receipt.json", list[i].job, list[i].id);

		r = remove_one(folders_fd(t, FOLDER_FAILED), name, f);
		free(name);
	}
	return n && r == 0 ? retain_sync(t, FOLDER_FAILED, f) : r;
}

int retain_refused(struct journal *j, const struct folders *t, int64_t before_ms, size_t limit, size_t *count,
		   struct fault *f)
{
	struct refused *list = xcalloc(limit, sizeof(*list));
	size_t n = 0;
	int r = list_refused(j, t->tenant, before_ms, limit, list, &n, f);

	if (r == 0)
		r = remove_receipts(t, list, n, f);
	for (size_t i = 0; i < n && r == 0; i++)
		r = drop_run(j, list[i].id, f);
	for (size_t i = 0; i < n; i++)
		free(list[i].job);
	free(list);
	*count = n;
	return r;
}

int retain_prune(struct journal *j, int64_t before_ms, size_t limit, size_t *count, struct fault *f)
{
	struct db_stmt *q = db_query(j->db, sql_count, f);
	int r;

	if (!q)
		return -1;
	db_bind_i64(q, 1, before_ms);
	db_bind_u64(q, 2, limit);
	r = db_step(q, f);
	if (r == 1)
		*count = (size_t)db_u64(q, 0);
	db_done(q);
	for (size_t i = 0; r == 1 && *count && i < ARRAY_LEN(sql_prune); i++) {
		q = db_write(j->db, sql_prune[i]);
		db_bind_i64(q, 1, before_ms);
		db_bind_u64(q, 2, limit);
		if (db_run(q, -1, f) < 0)
			r = -1;
	}
	return r < 0 ? -1 : 0;
}
