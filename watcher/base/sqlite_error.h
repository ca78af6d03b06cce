/*
 * sqlite_error - the system's error behind one of SQLite's, for those who decide by it: is there room, did an fsync fail
 *
 *	error = sqlite_error(handle, sqlite3_extended_errcode(handle))     ENOSPC, EIO, ...; 0: it was none of the system's
 *	sqlite_error_is_fsync(code)                                        of a file or of a folder
 *
 * Called right behind the call that failed: errno counts for a journal that is closed again.
 * Source: sqlite.org/c3ref/system_errno.html, sqlite.org/rescode.html.
 */
#ifndef BASE_SQLITE_ERROR_H
#define BASE_SQLITE_ERROR_H

#include "watcher/base/base.h"

struct sqlite3;

int sqlite_error(struct sqlite3 *handle, int code);
bool sqlite_error_is_fsync(int code);

#endif
