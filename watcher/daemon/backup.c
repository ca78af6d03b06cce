/*
 * backup - a copy of what ingestd knows; see the header
 *
 * Versions are copied before the journal and once more behind it: one that the snapshot names was there before it, or was made while the
 * first copy ran, and versions are removed by a start alone.  A run that is cut short leaves a folder without backup.json.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/backup.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/spool/journal.h"
#include "watcher/spool/schema.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define STEP (256 * 1024)

static int copy_bytes(int from, int to, const char *name, struct fault *f)
{
	char *room = xcalloc(1, STEP);
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(from, room, STEP)) != 0) {
		if (n < 0 && errno != EINTR)
			r = fault_errno(f, FAULT_SYSTEM, "cannot read %s", name);
		else if (n > 0)
			r = fs_write_all(to, room, (size_t)n, f);
	}
	free(room);
	return r;
}

/* Mode and, where that is ours to give, owner stay. */
static int copy_file(int from_dir, int to_dir, const char *name, struct fault *f)
{
	int from = fs_open_beneath(from_dir, name, O_RDONLY, 0), to = -1, r = -1;
	struct stat st;

	if (from < 0 && errno == ENOENT)
		return 0; /* replaced or removed just now */
	if (from < 0 || fstat(from, &st) < 0)
		fault_errno(f, FAULT_SYSTEM, "cannot read %s", name);
	else if ((to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		r = errno == EEXIST ? 0 : fault_errno(f, FAULT_SYSTEM, "cannot make %s", name);
	else if (copy_bytes(from, to, name, f) == 0) {
		if (fchown(to, st.st_uid, st.st_gid) < 0 && errno != EPERM)
			fault_errno(f, FAULT_SYSTEM, "cannot give %s its owner", name);
		else if (fchmod(to, st.st_mode & 07777) < 0)
			fault_errno(f, FAULT_SYSTEM, "cannot set the mode of %s", name);
		else
			r = fs_fsync(to, name, f);
	}
	fs_close(&from);
	fs_close(&to);
	return r;
}

static int copy_folder(int from_dir, int to_dir, unsigned depth, struct fault *f);

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth, struct fault *f)
{
	int from, to = -1, r = -1;
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_SYSTEM, "cannot look at %s", name);
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, f);
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0; /* links and sockets mean nothing to ingestd either */
	from = fs_open_beneath(from_dir, name, O_RDONLY | O_DIRECTORY, 0);
	if (from < 0)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_SYSTEM, "cannot open %s", name);
	if (fs_make_dir_at(to_dir, name, st.st_mode & 07777, f) == 0) {
		to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = to < 0 ? fault_errno(f, FAULT_SYSTEM, "cannot open %s", name) :
			     copy_folder(from, to, depth + 1, f);
	}
	fs_close(&from);
	fs_close(&to);
	return r;
}

/* What begins with a dot is being written. */
static int copy_folder(int from_dir, int to_dir, unsigned depth, struct fault *f)
{
	int again = openat(from_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		fs_close(&again);
		return fault_errno(f, FAULT_SYSTEM, "cannot read a folder");
	}
	while (r == 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = copy_entry(from_dir, to_dir, e->d_name, depth, f);
	closedir(dir);
	return r == 0 ? fs_fsync(to_dir, "a folder of the backup", f) : r;
}

static int copy_tree(const char *from, const char *dir, const char *to, struct fault *f)
{
	char *target = xasprintf("%s/%s", dir, to);
	int from_dir = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to_dir = -1, r;

	if (from_dir < 0 && errno == ENOENT)
		r = 0; /* nothing was kept yet */
	else if (from_dir < 0)
		r = fault_errno(f, FAULT_SYSTEM, "cannot open %s", from);
	else if ((r = fs_make_dirs(target, 0700, f)) == 0 && (r = fs_open_dir(target, &to_dir, f)) == 0)
		r = copy_folder(from_dir, to_dir, 0, f);
	if (r < 0)
		fault_prefix(f, "%s", from);
	fs_close(&from_dir);
	fs_close(&to_dir);
	free(target);
	return r;
}

static int copy_journal(const struct config *c, const char *dir, struct fault *f)
{
	char *from = xasprintf("%s/journal.db", c->state), *to = xasprintf("%s/var/journal.db", dir);
	struct journal *j = NULL;
	int r = journal_open_read(from, &j, f);

	if (r == 0)
		r = journal_copy(j, to, f);
	journal_free(&j);
	free(from);
	free(to);
	return r;
}

static int copy_config(const struct config *c, int fd, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int r = fs_read_file(c->file, 1024 * 1024, &text, f);

	if (r == 0)
		r = fs_replace_at(fd, "ingestd.json", strbuf_span(&text), 0600, f);
	strbuf_release(&text);
	return r;
}

static int sync_folder(const char *dir, const char *name, struct fault *f)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = -1, r = fs_open_dir(path, &fd, f);

	if (r == 0)
		r = fs_fsync(fd, path, f);
	fs_close(&fd);
	free(path);
	return r;
}

static int copy_all(const struct config *c, const char *dir, int fd, struct fault *f)
{
	char *jobs = xasprintf("%s/jobs", c->state), *var = xasprintf("%s/var", dir);
	int r = fs_make_dirs(var, 0700, f);

	if (r == 0 && copy_tree(jobs, dir, "var/jobs", f) == 0 && copy_journal(c, dir, f) == 0 &&
	    copy_tree(jobs, dir, "var/jobs", f) == 0 && copy_tree(c->profiles, dir, "profiles", f) == 0 &&
	    copy_config(c, fd, f) == 0)
		r = sync_folder(dir, "var", f);
	else
		r = -1;
	free(jobs);
	free(var);
	return r;
}

static int write_end(const struct config *c, int fd, struct strbuf *sb, struct fault *f)
{
	strbuf_addc(sb, '{');
	json_pair_time(sb, "made", clock_now_ms());
	json_pair_string(sb, "version", INGEST_VERSION);
	json_pair_u64(sb, "schema", SCHEMA_VERSION);
	json_pair_string(sb, "config", c->file);
	json_pair_string(sb, "profiles", c->profiles);
	json_pair_string(sb, "state", c->state);
	json_pair_string(sb, "staging", c->staging);
	strbuf_adds(sb, "}\n");
	return fs_replace_at(fd, "backup.json", strbuf_span(sb), 0600, f);
}

/* A copy into what is copied would have no end; staging is the tenants', and a folder in it is one of them. */
static int check_place(const struct config *c, const char *real, struct fault *f)
{
	const char *own[] = {c->profiles, c->state, c->staging};

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		char *at = realpath(own[i], NULL);
		size_t n = at ? strlen(at) : 0;
		bool within = n && strncmp(real, at, n) == 0 && (real[n] == '/' || !real[n]);

		free(at);
		if (within)
			return fault_set(f, FAULT_CONFIG, "%s lies in %s, %s", real, own[i],
					 own[i] == c->staging ? "which is the tenants'" : "which is to be backed up");
	}
	return 0;
}

/* New, or empty. */
static int open_target(const struct config *c, const char *dir, char **real, int *fd, struct fault *f)
{
	bool made = mkdir(dir, 0700) == 0;
	size_t entries = 0;
	DIR *list;

	if (!made && errno != EEXIST)
		return fault_errno(f, FAULT_SYSTEM, "cannot make folder %s", dir);
	*real = realpath(dir, NULL);
	if (*real && check_place(c, *real, f) < 0) {
		if (made)
			rmdir(*real); /* in profiles/ it would be a tenant */
		return -1;
	}
	list = *real ? opendir(*real) : NULL;
	if (!list || fs_open_dir(*real, fd, f) < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot open folder %s", dir);
		if (list)
			closedir(list);
		return -1;
	}
	while (readdir(list))
		entries++;
	closedir(list);
	if (entries > 2)
		return fault_set(f, FAULT_CONFIG, "%s is not empty: give a new folder for each backup", dir);
	return 0;
}

int backup_run(const struct config *c, const char *dir, bool json)
{
	struct strbuf end = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	char *real = NULL;
	int fd = -1;
	int r = open_target(c, dir, &real, &fd, &f);

	if (r == 0)
		r = copy_all(c, real, fd, &f);
	if (r == 0)
		r = write_end(c, fd, &end, &f);
	if (r < 0)
		fprintf(stderr, "ingestd: %s\n", f.text);
	else if (json)
		fputs(end.p, stdout);
	else
		printf("%s is whole: ingestd.json, profiles, job versions and the journal\n", real);
	fs_close(&fd);
	free(real);
	strbuf_release(&end);
	return r < 0 ? 1 : 0;
}
