/*
 * adopt - a file in work/A of which the journal knows nothing; see adopt.h
 *
 * Owns descriptors during the call only.  Once the file is the daemon's and 0400 inside work/
 * (0700), nobody can open it for writing, so a lease that is granted after that proves it for good
 * and need not be kept.
 */
#include "watcher/base/base.h"
#include "watcher/spool/adopt.h"

#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"
#include "watcher/spool/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define NAMES 8 /* a folder with more is nobody's */

struct names {
	char text[NAMES][256];
	size_t len;
	bool more;
};

static const char *const sides[] = {".receipt.json", ".rejects.csv", ".rejects.ndjson"};

static int list_names(int dir, struct names *out, struct fault *f)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fault_errno(f, FAULT_SYSTEM, "cannot read a folder of work/");
		fs_close(&fd);
		return -1;
	}
	out->len = 0;
	out->more = false;
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (out->len == NAMES) {
			out->more = true;
			break;
		}
		snprintf(out->text[out->len++], sizeof(out->text[0]), "%s", e->d_name);
	}
	closedir(d);
	return 0;
}

/* The sidecar of another one, or one that is alone: the claim died before its file was moved. */
static bool is_sidecar(const struct names *n, size_t at)
{
	return sidecar_owner(span_of(n->text[at])).n > 0;
}

/* Does name belong to another one: its receipt, its rejects, or the receipt's temporary file? */
static bool is_side(const struct names *n, size_t at)
{
	struct span name = span_of(n->text[at]);

	if (span_is(name, ".receipt.tmp"))
		return true;
	for (size_t i = 0; i < n->len; i++) {
		struct span other = span_of(n->text[i]);
		struct span rest;

		if (i == at || !span_starts(name, other))
			continue;
		rest = (struct span){name.p + other.n, name.n - other.n};
		for (size_t s = 0; s < ARRAY_LEN(sides); s++)
			if (span_is(rest, sides[s]))
				return true;
	}
	return false;
}

/* The one name that is data; *count: how many there are. */
static const char *data_name(const struct names *n, size_t *count)
{
	const char *found = NULL;

	*count = 0;
	for (size_t i = 0; i < n->len; i++) {
		if (is_side(n, i) || is_sidecar(n, i))
			continue;
		found = n->text[i];
		(*count)++;
	}
	return found;
}

static int remove_sides(int dir, const struct names *n, struct fault *f)
{
	for (size_t i = 0; i < n->len; i++)
		if (is_side(n, i) && unlinkat(dir, n->text[i], 0) < 0)
			return fault_errno(f, FAULT_SYSTEM, "cannot remove '%s'", n->text[i]);
	return 0;
}

/* A lease that is broken raises SIGIO, whose default ends the program. */
static void ignore_sigio(void)
{
	struct sigaction now;

	if (sigaction(SIGIO, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
		now.sa_handler = SIG_IGN;
		(void)sigaction(SIGIO, &now, NULL);
	}
}

/* *st: of the file once nobody can change it any more. */
static int prove(int fd, const char *name, struct stat *st, struct fault *f)
{
	if (fstat(fd, st) < 0)
		return fault_errno(f, FAULT_SYSTEM, "stat '%s'", name);
	if (!S_ISREG(st->st_mode))
		return fault_set(f, FAULT_DATA, "'%s' is no regular file", name);
	if (st->st_nlink != 1)
		return fault_set(f, FAULT_DATA, "'%s' has a second name", name);
	if (st->st_uid != geteuid() && fchown(fd, geteuid(), (gid_t)-1) < 0)
		return fault_errno(f, FAULT_SYSTEM, "'%s' cannot be made the daemon's", name);
	if (fchmod(fd, 0400) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot set the mode of '%s'", name);
	ignore_sigio();
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return fault_errno(f, FAULT_DATA, "no proof that nobody writes to '%s'", name);
	if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give up the lease of '%s'", name);
	return fstat(fd, st) < 0 ? fault_errno(f, FAULT_SYSTEM, "stat '%s'", name) : 0;
}

static int open_and_prove(int dir, const char *name, struct stat *st, struct fault *f)
{
	int fd = fs_open_beneath(dir, name, O_RDONLY, 0);
	int r;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open '%s'", name);
	r = prove(fd, name, st, f);
	close(fd);
	return r;
}

/* Every sidecar there is, before its file: a newer one in in/ speaks for the file that comes with it. */
static int sidecars_back(const struct folders *t, int dir, const struct names *n, struct fault *f)
{
	for (size_t i = 0; i < n->len; i++) {
		const char *name = n->text[i];

		if (!is_sidecar(n, i) || renameat2(dir, name, folders_fd(t, FOLDER_IN), name, RENAME_NOREPLACE) == 0)
			continue;
		if (errno != EEXIST || unlinkat(dir, name, 0) < 0)
			return fault_errno(f, FAULT_SYSTEM, "'%s' cannot go back into in/", name);
	}
	return 0;
}

static enum adopt_result give_back(const struct folders *t, int dir, const char *arrival, const struct names *names,
				   struct adopted *out, struct fault *f)
{
	struct fault why = FAULT_INIT;
	char *other = xasprintf("%s.%s", out->name, arrival);
	int in = folders_fd(t, FOLDER_IN);
	int r = sidecars_back(t, dir, names, &why);

	if (r == 0)
		r = renameat2(dir, out->name, in, out->name, RENAME_NOREPLACE);
	if (r < 0 && errno == EEXIST && strlen(other) < sizeof(out->name)) {
		r = renameat2(dir, out->name, in, other, RENAME_NOREPLACE);
		if (r == 0)
			snprintf(out->name, sizeof(out->name), "%s", other);
	}
	free(other);
	if (r < 0) {
		if (why.kind == FAULT_NONE)
			fault_errno(&why, FAULT_SYSTEM, "'%s' cannot go back into in/", out->name);
		fault_prefix(f, "%s", why.text);
		return ADOPT_ODD;
	}
	if (durable_fsync(in, "in", &why) < 0) {
		*f = why;
		return ADOPT_ODD;
	}
	(void)unlinkat(folders_fd(t, FOLDER_WORK), arrival, AT_REMOVEDIR);
	return ADOPT_GIVEN_BACK;
}

/* No file: the claim died between its sidecar and it, or before both. */
static enum adopt_result clear(const struct folders *t, int dir, const char *arrival, const struct names *names,
			       struct adopted *out, struct fault *f)
{
	if (sidecars_back(t, dir, names, f) < 0 || (names->len && durable_fsync(folders_fd(t, FOLDER_IN), "in", f) < 0))
		return ADOPT_ODD;
	if (unlinkat(folders_fd(t, FOLDER_WORK), arrival, AT_REMOVEDIR) < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot remove work/%s", arrival);
		return ADOPT_ODD;
	}
	for (size_t i = 0; i < names->len; i++)
		if (is_sidecar(names, i)) {
			snprintf(out->name, sizeof(out->name), "%s", names->text[i]);
			fault_set(f, FAULT_SYSTEM, "its file was still in in/");
			return ADOPT_GIVEN_BACK;
		}
	return ADOPT_EMPTY;
}

static int prove_all(int dir, const struct names *names, struct adopted *out, struct fault *f)
{
	struct stat st;

	for (size_t i = 0; i < names->len; i++)
		if (is_sidecar(names, i) && open_and_prove(dir, names->text[i], &st, f) < 0)
			return -1;
	if (open_and_prove(dir, out->name, &st, f) < 0)
		return -1;
	out->size = (uint64_t)st.st_size;
	out->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return 0;
}

static bool is_whole(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (is_sidecar(names, i) && !span_is(sidecar_owner(span_of(names->text[i])), name))
			return false;
	return !names->more;
}

static enum adopt_result adopt_in(const struct folders *t, int dir, const char *arrival,
				  struct adopted *out, struct fault *f)
{
	struct names names;
	const char *name;
	size_t count;

	if (list_names(dir, &names, f) < 0)
		return ADOPT_ODD;
	name = data_name(&names, &count);
	if (count > 1 || (name && !is_whole(&names, name)) || names.more) {
		fault_set(f, FAULT_SYSTEM, "work/%s holds more than one file", arrival);
		return ADOPT_ODD;
	}
	if (remove_sides(dir, &names, f) < 0)
		return ADOPT_ODD;
	if (count == 0)
		return clear(t, dir, arrival, &names, out, f);
	snprintf(out->name, sizeof(out->name), "%s", name);
	return prove_all(dir, &names, out, f) == 0 ? ADOPT_PROVEN : give_back(t, dir, arrival, &names, out, f);
}

enum adopt_result adopt(const struct folders *t, const char *arrival, struct adopted *out,
			struct fault *f)
{
	enum adopt_result result;
	struct stat st;
	int dir;

	memset(out, 0, sizeof(*out));
	if (folders_use(t, f) < 0)
		return ADOPT_ODD;
	dir = fs_open_beneath(folders_fd(t, FOLDER_WORK), arrival, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0) {
		fault_errno(f, FAULT_SYSTEM, "cannot open work/%s", arrival);
		return ADOPT_ODD;
	}
	if (fstat(dir, &st) == 0)
		out->claimed_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	result = adopt_in(t, dir, arrival, out, f);
	close(dir);
	return result;
}
