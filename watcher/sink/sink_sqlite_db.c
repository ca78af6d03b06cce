/*
 * sink_sqlite_db - open, close, faults, transactions of one tenant's data.db
 *
 * Called by sink_sqlite.c and sink_sqlite_table.c.  Owns the handle and its three fixed statements.
 * Another process may hold the same file: every lock is waited for up to SQLITE_BUSY_MS.  Fails by
 * FAULT_TEMPORARY (busy) or FAULT_SYSTEM (disk, permissions).
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/sqlite_error.h"
#include "watcher/sink/sink_sqlite_table.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FOLDER_MODE 0750
#define FILE_MODE 0660 /* less the umask: the group is the daemon's where workers have a user of their own */

int sqlite_fault(struct sqlite_db *db, const char *what, struct fault *f)
{
	int code = sqlite3_extended_errcode(db->handle);
	int primary = code & 0xff;
	bool busy = primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
	bool sync = sqlite_error_is_fsync(code);
	int error = sqlite_error(db->handle, code);

	fault_set(f, busy ? FAULT_TEMPORARY : FAULT_SYSTEM, "%s: %s: %s%s (SQLite %d)", db->file,
		  what, sync ? "fsync: " : "", error ? strerror(error) : sqlite3_errmsg(db->handle), code);
	f->error = error;
	if (sync && !fault_no_room(f))
		f->scope = SCOPE_DISK;
	return -1;
}

int sqlite_prepare(struct sqlite_db *db, const char *sql, sqlite3_stmt **out, struct fault *f)
{
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) !=
	    SQLITE_OK)
		return sqlite_fault(db, "cannot prepare a statement", f);
	return 0;
}

int sqlite_step(struct sqlite_db *db, sqlite3_stmt *statement, const char *what, struct fault *f)
{
	int r;

	do {
		r = sqlite3_step(statement);
	} while (r == SQLITE_ROW);
	if (r != SQLITE_DONE)
		sqlite_fault(db, what, f);
	sqlite3_reset(statement);
	return r == SQLITE_DONE ? 0 : -1;
}

bool sqlite_begun(const struct sqlite_db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

int sqlite_begin(struct sqlite_db *db, struct fault *f)
{
	if (sqlite_begun(db))
		return fault_set(f, FAULT_TEMPORARY, "%s: the transaction of a group is open", db->file);
	return sqlite_step(db, db->begin, "cannot begin to write", f);
}

int sqlite_commit(struct sqlite_db *db, struct fault *f)
{
	return sqlite_step(db, db->commit, "cannot commit", f);
}

void sqlite_rollback(struct sqlite_db *db)
{
	struct fault ignored = FAULT_INIT; /* the fault that led here is the one to tell */

	if (db->handle && !sqlite3_get_autocommit(db->handle) &&
	    sqlite_step(db, db->rollback, "cannot roll back", &ignored) < 0)
		return;
}

int sqlite_end_group(void *connection, bool keep, struct fault *f)
{
	struct sqlite_db *db = connection;
	int r = 0;

	if (!sqlite_begun(db))
		return 0;
	if (keep && (r = sqlite_commit(db, f)) == 0)
		crash_point("ack");
	sqlite_rollback(db);
	return r;
}

static int run(struct sqlite_db *db, const char *sql, const char *what, struct fault *f)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : sqlite_fault(db, what, f);
}

/*
 * The change to WAL needs the file alone and does not always wait for others itself: it is tried
 * again.
 */
static int set_wal(struct sqlite_db *db, struct fault *f)
{
	int64_t until = clock_mono_ms() + SQLITE_BUSY_MS;

	while (run(db, "PRAGMA journal_mode=WAL", "cannot change to WAL", f) < 0) {
		if (f->kind != FAULT_TEMPORARY || clock_mono_ms() > until)
			return -1;
		fault_clear(f);
		usleep(20 * 1000);
	}
	return 0;
}

static int set_up(struct sqlite_db *db, struct fault *f)
{
	sqlite3_busy_timeout(db->handle, SQLITE_BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (run(db, "PRAGMA page_size=16384", "cannot set the page size", f) < 0 ||
	    set_wal(db, f) < 0)
		return -1;
	if (run(db, "PRAGMA synchronous=FULL; PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY",
		"cannot set up", f) < 0)
		return -1;
	if (sqlite_prepare(db, "BEGIN IMMEDIATE", &db->begin, f) < 0 ||
	    sqlite_prepare(db, "COMMIT", &db->commit, f) < 0 ||
	    sqlite_prepare(db, "ROLLBACK", &db->rollback, f) < 0)
		return -1;
	return 0;
}

/*
 * Made by us first: SQLite would give it the mode 0644, and its -wal and -shm take the mode of the
 * file.
 */
static int make_file(struct sqlite_db *db, struct fault *f)
{
	int fd = open(db->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot open %s", db->file);
		fs_close(&fd);
		return -1;
	}
	db->device = st.st_dev;
	db->inode = st.st_ino;
	fs_close(&fd);
	return 0;
}

static int open_handle(struct sqlite_db *db, struct fault *f)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

	if (sqlite3_open_v2(db->file, &db->handle, flags, NULL) == SQLITE_OK)
		return set_up(db, f);
	if (!db->handle)
		return fault_set(f, FAULT_SYSTEM, "%s: no memory to open it", db->file);
	return sqlite_fault(db, "cannot open", f);
}

int sqlite_db_open(const char *folder, struct sqlite_db **out, struct fault *f)
{
	struct sqlite_db *db;

	if (fs_make_dirs(folder, FOLDER_MODE, f) < 0)
		return -1;
	sqlite_memory_set_up();
	db = xcalloc(1, sizeof(*db));
	map_init(&db->table.by_name);
	db->file = fs_join(folder, "data.db");
	if (make_file(db, f) < 0 || open_handle(db, f) < 0) {
		sqlite_db_close(&db);
		return -1;
	}
	*out = db;
	return 0;
}

bool sqlite_db_there(const struct sqlite_db *db)
{
	struct stat st;

	return stat(db->file, &st) == 0 && st.st_dev == db->device && st.st_ino == db->inode;
}
