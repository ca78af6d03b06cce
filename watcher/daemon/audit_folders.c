/*
 * audit_folders - what lies in the state folders and has no row; see audit_own.h
 *
 * in/ and try/ are the tenants' own.  Names are looked up one by one: each is a key of an index.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/audit_own.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/profile.h"
#include "watcher/model/sidecar.h"
#include "watcher/spool/runs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char *const side_suffixes[] = {".receipt.json", ".rejects.csv", ".rejects.ndjson", SIDECAR_SUFFIX, MANIFEST_SUFFIX};

/* failed/JOB.RUN.receipt.json */
static int is_run_receipt(struct audit *a, const char *base, struct fault *f)
{
	const char *dot = strrchr(base, '.');
	struct run run;
	int r;

	if (!dot || !ulid_valid(span_of(dot + 1)))
		return 0;
	run_init(&run);
	r = runs_by_id(a->journal, dot + 1, &run, f);
	run_release(&run);
	return r;
}

static int has_row(struct audit *a, const char *tenant, enum folder folder, const char *name, struct fault *f)
{
	struct file_row row;
	int r;

	file_row_init(&row);
	r = folder == FOLDER_WORK ? journal_by_arrival(a->journal, name, &row, f) :
				    journal_by_path(a->journal, tenant, folder, name, &row, f);
	if (r == 1 && (row.times.removed || (folder == FOLDER_WORK && (row.state == FILE_PLACED || row.state == FILE_HELD))))
		r = 0;
	file_row_release(&row);
	return r;
}

/* Of no claim any more, or for the next one (spares.h). */
static bool is_empty(const struct audit *a, const char *tenant, const char *name)
{
	char *path = xasprintf("%s/%s/work/%s", a->config->staging, tenant, name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool empty = fd >= 0 && fs_is_empty_dir(fd);

	fs_close(&fd);
	free(path);
	return empty;
}

/* 1 the journal knows what it is, 0 not, -1 */
static int is_known(struct audit *a, const char *tenant, enum folder folder, const char *name, struct fault *f)
{
	int r = has_row(a, tenant, folder, name, f);

	if (r == 0 && folder == FOLDER_WORK && is_empty(a, tenant, name))
		return 1;
	for (size_t i = 0; r == 0 && folder != FOLDER_WORK && i < ARRAY_LEN(side_suffixes); i++) {
		struct span s = span_of(name);
		char *base;

		if (!span_ends(s, span_of(side_suffixes[i])))
			continue;
		base = xstrndup(name, s.n - strlen(side_suffixes[i]));
		r = has_row(a, tenant, folder, base, f);
		if (r == 0 && i == 0)
			r = is_run_receipt(a, base, f);
		free(base);
	}
	return r;
}

/* A running daemon commits a claim behind its rename, and empties work/A behind the row PLACED. */
static int looks_at(enum folder folder, const char *name)
{
	char edge[ULID_TEXT];

	ulid_make(clock_now_ms() - AUDIT_CLAIM_MS, edge);
	if (folder == FOLDER_WORK && ulid_valid(span_of(name)) && strcmp(name, edge) > 0)
		return AUDIT_CLAIM_MS / (AUDIT_PAUSE_US / 1000);
	return AUDIT_TRIES;
}

static int look_at(struct audit *a, const char *tenant, enum folder folder, const char *name, struct fault *f)
{
	char *path = xasprintf("%s/%s/%s/%s", a->config->staging, tenant, folder_name(folder), name);
	struct problem p = {0};
	int r = 0, most = looks_at(folder, name);

	for (int try = 0; r == 0 && try < most && access(path, F_OK) == 0; try++) {
		if (try)
			usleep(AUDIT_PAUSE_US);
		r = is_known(a, tenant, folder, name, f);
	}
	if (r == 0 && access(path, F_OK) == 0) {
		problem_set(&p, "orphan", path, "the journal knows nothing of it%s",
			    folder == FOLDER_WORK ? "; a start claims it again" : "");
		audit_find(a, &p, tenant, NULL);
		path = NULL;
	}
	free(path);
	return r < 0 ? -1 : 0;
}

static int look_into(struct audit *a, const char *tenant, enum folder folder, struct fault *f)
{
	char *path = xasprintf("%s/%s/%s", a->config->staging, tenant, folder_name(folder));
	DIR *dir = opendir(path);
	struct dirent *e;
	int r = 0;

	/* a file in staging is no tenant */
	if (!dir && errno != ENOENT && errno != ENOTDIR)
		r = fault_errno(f, FAULT_SYSTEM, "cannot open %s", path);
	while (dir && r == 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = look_at(a, tenant, folder, e->d_name, f);
	if (dir)
		closedir(dir);
	free(path);
	return r;
}

int audit_folders(struct audit *a, struct fault *f)
{
	static const enum folder own[] = {FOLDER_WORK, FOLDER_DONE, FOLDER_FAILED, FOLDER_HELD};
	DIR *dir = opendir(a->config->staging);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_SYSTEM, "cannot open %s", a->config->staging);
	while (r == 0 && (e = readdir(dir))) {
		if (!tenant_name_valid(span_of(e->d_name)))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(own) && r == 0; i++)
			r = look_into(a, e->d_name, own[i], f);
	}
	closedir(dir);
	return r;
}
