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

static void add_writer(json_t *list, long pid, const char *how)
{
	char path[64], program[64] = "?";
	struct strbuf name = STRBUF_INIT;
	FILE *f;

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

/* fdinfo's line "flags:" is octal. */
static bool is_for_writing(long pid, const char *fd)
{
	char path[96], line[128];
	unsigned long flags = O_RDONLY;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/fdinfo/%.20s", pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "flags:", 6) == 0)
			flags = strtoul(line + 6, NULL, 8);
	if (f)
		fclose(f);
	return (flags & O_ACCMODE) != O_RDONLY;
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

		if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino &&
		    is_for_writing(pid, e->d_name)) {
			add_writer(list, pid, "open for writing");
			break;
		}
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

/* A line of /proc/locks: N: LEASE ACTIVE WRITE PID MAJOR:MINOR:INODE FROM TO. */
static void look_at_locks(const struct stat *file, json_t *list)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], kind[16];
	unsigned long long inode;
	unsigned major, minor;
	long pid;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d: %15s %*s %*s %ld %x:%x:%llu", kind, &pid, &major, &minor, &inode) != 5 ||
		    inode != file->st_ino || makedev(major, minor) != file->st_dev || pid <= 0)
			continue;
		/* one that is just being broken is shown as what it is broken to */
		if (strcmp(kind, "LEASE") == 0)
			add_writer(list, pid, "lease");
		else if (strcmp(kind, "FLOCK") == 0)
			add_writer(list, pid, "lock");
	}
	if (f)
		fclose(f);
}

json_t *writers_of(const char *path, size_t *hidden)
{
	json_t *list = json_array();
	struct dirent *e;
	struct stat file;
	DIR *d = NULL;

	*hidden = 0;
	if (lstat(path, &file) == 0 && S_ISREG(file.st_mode))
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
