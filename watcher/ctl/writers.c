/*
 * writers - which processes have a file open for writing; see the header
 *
 * Called by `ingestctl explain`.  Processes come and go meanwhile: what cannot be read any more is passed over.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/writers.h"
#include "watcher/base/utf8.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define AWAY_US 5000
#define AWAY_LOOKS 100

static bool is_listed(const json_t *list, long pid, const char *how)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
		if (json_integer_value(json_object_get(one, "pid")) == pid &&
		    strcmp(json_string_value(json_object_get(one, "how")), how) == 0)
			return true;
	return false;
}

static void add_writer(json_t *list, long pid, const char *how)
{
	char path[64], program[64] = "?";
	struct strbuf name = STRBUF_INIT;
	FILE *f;

	if (is_listed(list, pid, how))
		return;
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(program, sizeof(program), f))
		program[strcspn(program, "\n")] = '\0';
	if (f)
		fclose(f);
	/* a process names itself as it likes */
	utf8_add_repaired(&name, span_of(program));
	json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "pid", (json_int_t)pid, "program", name.p, "how", how));
	strbuf_release(&name);
}

static void add_lock(json_t *list, long pid, const char *kind)
{
	/* a lease that is just being broken is shown as what it is broken to */
	if (strcmp(kind, "LEASE") == 0)
		add_writer(list, pid, "lease");
	else if (strcmp(kind, "FLOCK") == 0)
		add_writer(list, pid, "lock");
}

/* One descriptor of the file; the line "flags:" is octal, lines "lock: N: LEASE ACTIVE WRITE PID ..." are those it holds. */
static void look_at_descriptor(long pid, const char *fd, json_t *list)
{
	char path[96], line[256], kind[16];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/fdinfo/%.20s", pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags:", 6) == 0 && (strtoul(line + 6, NULL, 8) & O_ACCMODE) != O_RDONLY)
			add_writer(list, pid, "open for writing");
		else if (sscanf(line, "lock: %*d: %15s", kind) == 1)
			add_lock(list, pid, kind);
	}
	if (f)
		fclose(f);
}

/* false: its descriptors may not be looked at. */
static bool look_at_descriptors(long pid, const struct stat *file, json_t *list)
{
	char path[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	d = opendir(path);
	if (!d)
		return errno != EACCES && errno != EPERM;
	while ((e = readdir(d)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino)
			look_at_descriptor(pid, e->d_name, list);
	}
	closedir(d);
	return true;
}

/* A line of maps: FROM-TO PERMISSIONS OFFSET MAJOR:MINOR INODE PATH. */
static void look_at_mappings(long pid, const struct stat *file, json_t *list)
{
	char path[64], line[512], permissions[8];
	unsigned long long inode;
	unsigned major, minor;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %7s %*s %x:%x %llu", permissions, &major, &minor, &inode) == 4 &&
		    permissions[1] == 'w' && permissions[3] == 's' && inode == file->st_ino &&
		    makedev(major, minor) == file->st_dev) {
			add_writer(list, pid, "mapped for writing");
			break;
		}
	if (f)
		fclose(f);
}

/*
 * For those that could not be looked into.  A line of /proc/locks: N: LEASE ACTIVE WRITE PID MAJOR:MINOR:INODE FROM TO.  It is read by
 * pages, and one at a page's edge is passed over when an earlier one goes meanwhile: one look in 2,000 among 60 that come and go.
 */
static void look_at_locks(const struct stat *file, json_t *list)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], kind[16];
	unsigned long long inode;
	unsigned major, minor;
	long pid;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %15s %*s %*s %ld %x:%x:%llu", kind, &pid, &major, &minor, &inode) == 5 &&
		    inode == file->st_ino && makedev(major, minor) == file->st_dev && pid > 0)
			add_lock(list, pid, kind);
	if (f)
		fclose(f);
}

/* Each try to take it moves it into work/ and back: there for some milliseconds of each second. */
static bool find_file(const char *path, struct stat *file)
{
	int r = lstat(path, file);

	for (int i = 0; r < 0 && errno == ENOENT && i < AWAY_LOOKS; i++) {
		usleep(AWAY_US);
		r = lstat(path, file);
	}
	return r == 0 && S_ISREG(file->st_mode);
}

json_t *writers_of(const char *path, size_t *hidden)
{
	json_t *list = json_array();
	struct dirent *e;
	struct stat file;
	DIR *d = NULL;

	*hidden = 0;
	if (find_file(path, &file))
		d = opendir("/proc");
	while (d && (e = readdir(d)) != NULL) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (pid <= 0 || *end)
			continue;
		if (!look_at_descriptors(pid, &file, list))
			(*hidden)++;
		look_at_mappings(pid, &file, list);
	}
	if (d) {
		closedir(d);
		look_at_locks(&file, list);
	}
	return list;
}
