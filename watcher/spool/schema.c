/*
 * schema - the tables of the journal and their version; see schema.h
 *
 * Called once by journal_open.  A step that was released is never edited: a change is a new step at
 * the end.  Times are wall milliseconds; states and the like stand as words.
 */
#include "watcher/base/base.h"
#include "watcher/spool/schema.h"

#include "watcher/base/fsutil.h"
#include "watcher/spool/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char step_1[] =
	"CREATE TABLE arrivals ("
	" arrival TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, file TEXT NOT NULL, original "
	"BLOB,"
	" job TEXT, run TEXT, state TEXT NOT NULL, resume TEXT, record_state TEXT NOT NULL, reason "
	"TEXT,"
	" fault TEXT, until_ms INTEGER, bytes INTEGER NOT NULL, mtime_ms INTEGER, delivery TEXT,"
	" sha256 TEXT, version TEXT, duplicate_of TEXT, attempts INTEGER NOT NULL,"
	" deaths INTEGER NOT NULL, deaths_row INTEGER NOT NULL, outcome TEXT, after_undo TEXT NOT "
	"NULL,"
	" target TEXT, folder TEXT, rejects TEXT, error_line INTEGER, error_column TEXT,"
	" error_text TEXT, coercions TEXT, sentence TEXT, cpu_us INTEGER NOT NULL,"
	" peak_rss INTEGER NOT NULL, arrived_ms INTEGER, complete_ms INTEGER, claimed_ms INTEGER,"
	" started_ms INTEGER, indexed_ms INTEGER, placed_ms INTEGER);"
	"CREATE INDEX arrivals_alive ON arrivals (arrival) WHERE state NOT IN ('PLACED', 'HELD');"
	"CREATE INDEX arrivals_due ON arrivals (state, until_ms) WHERE until_ms IS NOT NULL;"
	"CREATE INDEX arrivals_tenant ON arrivals (tenant, record_state, arrival);"
	"CREATE INDEX arrivals_newest ON arrivals (tenant, arrival);"
	"CREATE INDEX arrivals_state ON arrivals (record_state, arrival);"
	"CREATE INDEX arrivals_delivery ON arrivals (delivery) WHERE delivery IS NOT NULL;"
	"CREATE INDEX arrivals_run ON arrivals (run) WHERE run IS NOT NULL;"
	"CREATE INDEX arrivals_path ON arrivals (tenant, target) WHERE target IS NOT NULL;"
	"CREATE TABLE legs ("
	" arrival TEXT NOT NULL, sink TEXT NOT NULL, state TEXT NOT NULL, index_name TEXT,"
	" sent INTEGER NOT NULL, next_row INTEGER NOT NULL, byte_offset INTEGER NOT NULL,"
	" line INTEGER NOT NULL, rejects_length INTEGER NOT NULL, read INTEGER NOT NULL,"
	" indexed INTEGER NOT NULL, duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL,"
	" filtered INTEGER NOT NULL, blank INTEGER NOT NULL, unsent INTEGER NOT NULL,"
	" documents INTEGER NOT NULL, requests INTEGER NOT NULL, retries INTEGER NOT NULL,"
	" bytes_sent INTEGER NOT NULL, PRIMARY KEY (arrival, sink)) WITHOUT ROWID;"
	"CREATE TABLE deliveries ("
	" delivery TEXT NOT NULL PRIMARY KEY, arrival TEXT NOT NULL, tenant TEXT NOT NULL, job "
	"TEXT NOT NULL,"
	" file TEXT NOT NULL, state TEXT NOT NULL, made_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX deliveries_name ON deliveries (tenant, job, file, arrival);"
	"CREATE TABLE runs ("
	" id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, job TEXT NOT NULL, cause TEXT NOT "
	"NULL,"
	" state TEXT NOT NULL, reason TEXT, left_out TEXT, files INTEGER NOT NULL, done INTEGER "
	"NOT NULL,"
	" failed INTEGER NOT NULL, held INTEGER NOT NULL, bytes INTEGER NOT NULL, created_ms "
	"INTEGER,"
	" started_ms INTEGER, finished_ms INTEGER);"
	"CREATE INDEX runs_job ON runs (tenant, job, id);"
	"CREATE INDEX runs_alive ON runs (id) WHERE state IN ('created', 'starting', 'running');"
	"CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT "
	"NOT NULL,"
	" body TEXT NOT NULL, made_ms INTEGER NOT NULL);"
	"CREATE VIEW files AS SELECT"
	" a.arrival AS id, a.delivery, a.duplicate_of, a.tenant, a.job, a.run, a.file, a.bytes, "
	"a.sha256,"
	" a.record_state AS state, a.reason, a.version AS job_version, l.read AS rows_read,"
	" l.indexed AS rows_indexed, l.duplicates AS rows_duplicates, l.rejected AS rows_rejected,"
	" l.filtered AS rows_filtered, l.blank AS rows_blank, l.unsent AS rows_unsent, l.documents,"
	" CASE WHEN l.sink IS NULL THEN '[]' ELSE json_array(json_object('sink', l.sink,"
	" 'index', l.index_name, 'state', l.state, 'indexed', l.indexed, 'duplicates', "
	"l.duplicates,"
	" 'rejected', l.rejected, 'requests', l.requests, 'retries', l.retries,"
	" 'bytes_sent', l.bytes_sent)) END AS sinks,"
	" CASE WHEN a.error_line IS NULL THEN NULL ELSE json_object('line', a.error_line,"
	" 'column', a.error_column, 'field', a.error_column, 'message', a.error_text) END AS "
	"first_error,"
	" coalesce(a.coercions, '[]') AS coercions, '[]' AS quality,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.arrived_ms / 1000.0, 'unixepoch') AS times_arrived,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.complete_ms / 1000.0, 'unixepoch') AS times_complete,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.claimed_ms / 1000.0, 'unixepoch') AS times_claimed,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.started_ms / 1000.0, 'unixepoch') AS times_started,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.indexed_ms / 1000.0, 'unixepoch') AS times_indexed,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.placed_ms / 1000.0, 'unixepoch') AS times_placed,"
	" (a.started_ms - a.claimed_ms) / 1000.0 AS seconds_queue,"
	" (a.placed_ms - a.started_ms) / 1000.0 AS seconds_work,"
	" (a.placed_ms - a.arrived_ms) / 1000.0 AS seconds_total,"
	" a.attempts, a.cpu_us / 1000000.0 AS cpu_seconds, a.peak_rss AS peak_rss_bytes, a.sentence"
	" FROM arrivals a LEFT JOIN legs l ON l.arrival = a.arrival;";

/* What the recorder's store refused, and what the outbox last said of each job. */
static const char step_2[] =
	"CREATE TABLE outbox_refused (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
	" reason TEXT NOT NULL, refused_ms INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT "
	"ROWID;"
	"CREATE TABLE jobs (tenant TEXT NOT NULL, job TEXT NOT NULL, body TEXT NOT NULL,"
	" PRIMARY KEY (tenant, job)) WITHOUT ROWID;";

/* Which key opened an encrypted file. */
static const char step_3[] = "ALTER TABLE arrivals ADD COLUMN encrypted_to TEXT;";

/* When retention removed the file; what it, and the pruning of the journal behind it, look for. */
static const char step_4[] =
	"ALTER TABLE arrivals ADD COLUMN removed_ms INTEGER;"
	"CREATE INDEX arrivals_placed ON arrivals (tenant, folder, placed_ms)"
	" WHERE state = 'PLACED' AND removed_ms IS NULL;"
	"CREATE INDEX arrivals_removed ON arrivals (removed_ms) WHERE removed_ms IS NOT NULL;"
	"CREATE INDEX runs_finished ON runs (finished_ms) WHERE finished_ms IS NOT NULL;";

/* Files that are undone, loaded again, released and replaced; the view of all that came since step 1. */
static const char step_5[] =
	"ALTER TABLE arrivals ADD COLUMN replaces TEXT;"
	"ALTER TABLE arrivals ADD COLUMN replaced_by TEXT;"
	"ALTER TABLE arrivals ADD COLUMN released INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX arrivals_version ON arrivals (version) WHERE version IS NOT NULL;"
	"DROP VIEW files;"
	"CREATE VIEW files AS SELECT"
	" a.arrival AS id, a.delivery, a.duplicate_of, a.replaces, a.replaced_by, a.tenant, a.job, a.run, a.file, a.bytes, "
	"a.sha256,"
	" a.record_state AS state, a.reason, a.version AS job_version, l.read AS rows_read,"
	" l.indexed AS rows_indexed, l.duplicates AS rows_duplicates, l.rejected AS rows_rejected,"
	" l.filtered AS rows_filtered, l.blank AS rows_blank, l.unsent AS rows_unsent, l.documents,"
	" CASE WHEN l.sink IS NULL THEN '[]' ELSE json_array(json_object('sink', l.sink,"
	" 'index', l.index_name, 'state', l.state, 'indexed', l.indexed, 'duplicates', "
	"l.duplicates,"
	" 'rejected', l.rejected, 'requests', l.requests, 'retries', l.retries,"
	" 'bytes_sent', l.bytes_sent)) END AS sinks,"
	" CASE WHEN a.error_line IS NULL THEN NULL ELSE json_object('line', a.error_line,"
	" 'column', a.error_column, 'field', a.error_column, 'message', a.error_text) END AS "
	"first_error,"
	" coalesce(a.coercions, '[]') AS coercions, '[]' AS quality, a.encrypted_to,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.arrived_ms / 1000.0, 'unixepoch') AS times_arrived,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.complete_ms / 1000.0, 'unixepoch') AS times_complete,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.claimed_ms / 1000.0, 'unixepoch') AS times_claimed,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.started_ms / 1000.0, 'unixepoch') AS times_started,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.indexed_ms / 1000.0, 'unixepoch') AS times_indexed,"
	" strftime('%Y-%m-%dT%H:%M:%fZ', a.placed_ms / 1000.0, 'unixepoch') AS times_placed,"
	" (a.started_ms - a.claimed_ms) / 1000.0 AS seconds_queue,"
	" (a.placed_ms - a.started_ms) / 1000.0 AS seconds_work,"
	" (a.placed_ms - a.arrived_ms) / 1000.0 AS seconds_total,"
	" a.attempts, a.cpu_us / 1000000.0 AS cpu_seconds, a.peak_rss AS peak_rss_bytes, a.sentence"
	" FROM arrivals a LEFT JOIN legs l ON l.arrival = a.arrival;";

/* Which ids a load can have given, and files that failed because their bytes had changed. */
static const char step_6[] =
	"ALTER TABLE legs ADD COLUMN extent_rows INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE legs ADD COLUMN extent_parts INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN altered INTEGER NOT NULL DEFAULT 0;";

/* What sshd says of the files in in/, and why a file fails before it is read. */
static const char step_7[] =
	"ALTER TABLE arrivals ADD COLUMN arrival_fault TEXT;"
	"CREATE TABLE sessions (tenant TEXT NOT NULL, name BLOB NOT NULL, state TEXT NOT NULL, time_ms INTEGER NOT NULL,"
	" pid INTEGER NOT NULL, PRIMARY KEY (tenant, name)) WITHOUT ROWID;"
	"CREATE TABLE session_logs (tenant TEXT NOT NULL PRIMARY KEY, ino INTEGER NOT NULL, byte_offset INTEGER NOT NULL,"
	" mark BLOB NOT NULL) WITHOUT ROWID;";

/* What webhooks are to be told. */
static const char step_8[] =
	"CREATE TABLE notices (seq INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL, run TEXT NOT NULL,"
	" event TEXT NOT NULL, body TEXT NOT NULL, made_ms INTEGER NOT NULL);"
	"CREATE INDEX notices_webhook ON notices (webhook, seq);";

/*
 * For which day a file counts in its tenant's quota, which ones a quota holds and until when; what each tenant used on each day, and what
 * of it each file is (usage.h).  What was placed before counts for the day on which it was.
 */
static const char step_9[] =
	"ALTER TABLE arrivals ADD COLUMN quota_day TEXT;"
	"ALTER TABLE arrivals ADD COLUMN quota_held INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN quota_until_ms INTEGER;"
	"CREATE INDEX arrivals_quota_day ON arrivals (tenant, quota_day, bytes) WHERE quota_day IS NOT NULL;"
	"CREATE INDEX arrivals_quota_held ON arrivals (tenant, arrival, quota_until_ms) WHERE quota_held = 1;"
	"ALTER TABLE arrivals ADD COLUMN booked_files INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN booked_rows INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN booked_rows_indexed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN booked_bytes_in INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN booked_bytes_indexed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN booked_cpu_us INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE arrivals ADD COLUMN booked_done_bytes INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE usage (tenant TEXT NOT NULL, day TEXT NOT NULL, files INTEGER NOT NULL, rows INTEGER NOT NULL,"
	" rows_indexed INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_indexed INTEGER NOT NULL, cpu_us INTEGER NOT NULL,"
	" done_bytes INTEGER NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (tenant, day)) WITHOUT ROWID;"
	"CREATE INDEX usage_untold ON usage (tenant, day) WHERE told = 0;"
	"UPDATE arrivals SET booked_files = 1, booked_bytes_in = bytes, booked_cpu_us = cpu_us,"
	" booked_rows = coalesce((SELECT l.read FROM legs l WHERE l.arrival = arrivals.arrival), 0),"
	" booked_rows_indexed = coalesce((SELECT l.indexed FROM legs l WHERE l.arrival = arrivals.arrival), 0),"
	" booked_bytes_indexed = CASE outcome WHEN 'done' THEN"
	" coalesce((SELECT l.bytes_sent FROM legs l WHERE l.arrival = arrivals.arrival), 0) ELSE 0 END,"
	" booked_done_bytes = CASE WHEN state = 'PLACED' AND folder = 'done' AND removed_ms IS NULL THEN bytes ELSE 0 END"
	" WHERE state IN ('PLACED', 'HELD');"
	"INSERT INTO usage SELECT tenant, strftime('%Y-%m-%d', placed_ms / 1000, 'unixepoch'), sum(booked_files), sum(booked_rows),"
	" sum(booked_rows_indexed), sum(booked_bytes_in), sum(booked_bytes_indexed), sum(booked_cpu_us),"
	" sum(CASE WHEN state = 'PLACED' AND folder = 'done' THEN bytes ELSE 0 END), 0"
	" FROM arrivals WHERE booked_files = 1 AND placed_ms IS NOT NULL GROUP BY 1, 2;"
	"INSERT INTO usage SELECT tenant, strftime('%Y-%m-%d', removed_ms / 1000, 'unixepoch'), 0, 0, 0, 0, 0, 0, -sum(bytes), 0"
	" FROM arrivals WHERE state = 'PLACED' AND folder = 'done' AND removed_ms IS NOT NULL GROUP BY 1, 2"
	" ON CONFLICT (tenant, day) DO UPDATE SET done_bytes = done_bytes + excluded.done_bytes;";

/* What somebody has paused. */
static const char step_10[] =
	"CREATE TABLE pauses (kind TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL,"
	" PRIMARY KEY (kind, name)) WITHOUT ROWID;";

/* What a quota holds, in the order in which it is let go. */
static const char step_11[] =
	"UPDATE arrivals SET quota_until_ms = 0 WHERE quota_held = 1 AND quota_until_ms IS NULL;"
	"DROP INDEX arrivals_quota_held;"
	"CREATE INDEX arrivals_quota_held ON arrivals (tenant, quota_until_ms, arrival, bytes) WHERE quota_held = 1;";

const char *const schema_steps[SCHEMA_VERSION] = {step_1, step_2, step_3, step_4, step_5, step_6,
						  step_7, step_8, step_9, step_10, step_11};

static const char sql_have[] = "SELECT count(*) FROM sqlite_master WHERE name = 'schema'";
static const char sql_version[] = "SELECT version FROM schema";
static const char sql_empty[] = "SELECT count(*) FROM sqlite_master";

static int ask_number(struct db *db, const char *sql, int64_t *out, struct fault *f)
{
	struct db_stmt *q = db_query(db, sql, f);
	int r;

	if (!q)
		return -1;
	r = db_step(q, f);
	if (r == 1)
		*out = db_i64(q, 0);
	db_done(q);
	if (r == 0)
		return fault_set(f, FAULT_SYSTEM, "journal: it has no schema version");
	return r < 0 ? -1 : 0;
}

/* *version 0: a new, empty file. */
static int schema_version(struct db *db, const char *path, int64_t *version, struct fault *f)
{
	int64_t have = 0, things = 0;

	if (ask_number(db, sql_have, &have, f) < 0)
		return -1;
	if (have)
		return ask_number(db, sql_version, version, f);
	if (ask_number(db, sql_empty, &things, f) < 0)
		return -1;
	if (things)
		return fault_set(f, FAULT_CONFIG, "%s is a database, but not a journal of ingestd",
				 path);
	*version = 0;
	return 0;
}

/* VACUUM INTO wants a file that is not there, and a quoted name. */
static int copy_into(struct db *db, const char *copy, struct fault *f)
{
	struct strbuf sql = STRBUF_INIT;
	int r;

	strbuf_adds(&sql, "VACUUM INTO '");
	for (const char *p = copy; *p; p++) {
		if (*p == '\'')
			strbuf_addc(&sql, '\'');
		strbuf_addc(&sql, *p);
	}
	strbuf_addc(&sql, '\'');
	r = db_exec(db, sql.p, f);
	strbuf_release(&sql);
	return r;
}

static int sync_copy(const char *copy, struct fault *f)
{
	int fd = open(copy, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s", copy);
	r = fchmod(fd, 0600) < 0 ? fault_errno(f, FAULT_SYSTEM, "cannot set the mode of %s", copy)
				 : durable_fsync(fd, copy, f);
	close(fd);
	return r;
}

int schema_copy_to(struct db *db, const char *copy, struct fault *f)
{
	return copy_into(db, copy, f) < 0 ? -1 : sync_copy(copy, f);
}

static int schema_copy(struct db *db, const char *path, int64_t version, struct fault *f)
{
	char *copy = xasprintf("%s.v%lld.bak", path, (long long)version);
	int r = -1;

	/* one that is there is of a migration that did not end: it may be cut */
	if (unlink(copy) < 0 && errno != ENOENT) {
		fault_errno(f, FAULT_SYSTEM, "cannot remove %s", copy);
		goto out;
	}
	r = schema_copy_to(db, copy, f);
out:
	free(copy);
	return r;
}

static int run_steps(struct db *db, const char *const *steps, size_t from, size_t count,
		     struct fault *f)
{
	char sql[128];

	if (db_exec(db, "BEGIN IMMEDIATE", f) < 0)
		return -1;
	if (from == 0 && db_exec(db,
				 "CREATE TABLE schema (version INTEGER NOT NULL);"
				 "INSERT INTO schema VALUES (0);",
				 f) < 0)
		goto fail;
	for (size_t i = from; i < count; i++)
		if (db_exec(db, steps[i], f) < 0)
			goto fail;
	snprintf(sql, sizeof(sql), "UPDATE schema SET version = %zu; COMMIT", count);
	if (db_exec(db, sql, f) == 0)
		return 0;
fail : {
	struct fault second = FAULT_INIT;

	if (db_rollback(db, &second) < 0)
		fault_prefix(f, "%s", second.text);
}
	return -1;
}

static int newer(const char *path, int64_t version, int64_t known, struct fault *f)
{
	return fault_set(f, FAULT_CONFIG,
			 "%s has schema version %lld, this ingestd knows %lld: it was written by a newer one", path,
			 (long long)version, (long long)known);
}

int schema_expect(struct db *db, const char *path, int64_t known, struct fault *f)
{
	int64_t version = 0;

	if (schema_version(db, path, &version, f) < 0)
		return -1;
	if (version > known)
		return newer(path, version, known, f);
	if (version < known)
		return fault_set(f, FAULT_CONFIG,
				 "%s has schema version %lld, this ingestd has %lld: its next start migrates it", path,
				 (long long)version, (long long)known);
	return 0;
}

int schema_open(struct db *db, const char *path, const char *const *steps, size_t count,
		struct fault *f)
{
	int64_t version = 0;

	if (schema_version(db, path, &version, f) < 0)
		return -1;
	if (version < 0 || version > (int64_t)count)
		return newer(path, version, (int64_t)count, f);
	if (version == (int64_t)count)
		return 0;
	if (version > 0 && schema_copy(db, path, version, f) < 0)
		return -1;
	return run_steps(db, steps, (size_t)version, count, f);
}
