/*
 * sqlite_error - the system's error behind one of SQLite's; see the header
 *
 * Called by the journal and by the embedded store, which both must tell a full disk from a broken one.
 */
#include "watcher/base/base.h"
#include "watcher/base/sqlite_error.h"

#include <errno.h>
#include <sqlite3.h>

bool sqlite_error_is_fsync(int code)
{
	return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

/* Of a refused COMMIT SQLite keeps the error with the WAL's file, not with the connection. */
static int wal_errno(sqlite3 *handle)
{
	sqlite3_file *wal = NULL;
	int last = errno, error = 0;

	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK && wal && wal->pMethods)
		(void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error ? error : last; /* of a journal that is closed again */
}

int sqlite_error(sqlite3 *handle, int code)
{
	int error = sqlite3_system_errno(handle);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_IOERR:
		return error && !sqlite_error_is_fsync(code) ? error : wal_errno(handle);
	case SQLITE_CANTOPEN:
		return error;
	}
	return 0;
}
