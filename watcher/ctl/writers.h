/*
 * writers - which processes have a file open for writing, mapped, leased or locked
 *
 *	list = writers_of("/.../in/data.csv", &hidden);     [{"pid": 12, "program": "sshd", "how": "open for writing"}, ...]
 *
 * Looks through /proc with the rights of whoever asks; the daemon never does (its loop would wait, and it may not see the tenants'
 * processes).  *hidden: processes that could not be looked into, of which one may be it.
 * Ownership: the list is the caller's.  Sources: proc(5).
 */
#ifndef CTL_WRITERS_H
#define CTL_WRITERS_H

#include "watcher/base/base.h"
#include <jansson.h>

json_t *writers_of(const char *path, size_t *hidden);

#endif
