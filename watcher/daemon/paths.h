/*
 * paths - what a path below staging/ is: whose, in which folder, which record
 *
 *	if (paths_find(d, path, &at) == PATHS_FOLDER)        STAGING/TENANT/FOLDER/NAME
 *		at.tenant, at.folder, at.name
 *	r = paths_row(d, path, &row, &f);                    1: its record; 0: there is none
 *
 * A path is absolute, as the daemon's own; it is taken apart, never opened.
 * Ownership: at.name is borrowed of the path.
 */
#ifndef DAEMON_PATHS_H
#define DAEMON_PATHS_H

#include "watcher/daemon/tenants.h"
#include "watcher/spool/file_row.h"

struct ingestd;

enum paths {
	PATHS_OUTSIDE,   /* not below staging/ */
	PATHS_NO_TENANT, /* below staging/, in no tenant's folder */
	PATHS_TENANT,    /* in a tenant's folder, in none of its state folders */
	PATHS_FOLDER,
};

struct path_place {
	struct tenant *tenant; /* PATHS_TENANT and PATHS_FOLDER */
	enum folder folder;    /* PATHS_FOLDER; work/A/NAME has A/NAME as name */
	const char *name;      /* behind the tenant's folder, or behind the state folder */
};

enum paths paths_find(struct ingestd *d, const char *path, struct path_place *out);
int paths_row(struct ingestd *d, const char *path, struct file_row *row, struct fault *f) MUST_CHECK;

#endif
