/*
 * attacker - a tenant that changes its files while they are being claimed
 *
 *	cc -O2 -o attacker attacker.c
 *	attacker IN ELSEWHERE FIRST COUNT LOG UID GID
 *
 * Makes the files FIRST ... FIRST+COUNT-1 in IN, one after the other, each attacked in one of KINDS ways from its making until it is gone
 * from IN and some milliseconds longer.  A file holds whole versions only: "i,v,n" and then rows of its number, its version and the
 * row.  Each version that was written whole is a line "i v" of LOG before the descriptor is closed: what a claim takes must be one of these.
 * ELSEWHERE is a folder of the attacker's own on the same filesystem.  Printed at the end: writes that were let through, and refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KINDS 10
#define TEXT_MAX (64 * 1024)
#define ATTACK_MS 80 /* then it is left alone, so that it can be taken */
#define GRACE_MS 6    /* behind its going */

static int in_fd, log_fd;
static const char *elsewhere;
static int number, version;
static char name[64], other[4200];
static unsigned long wrote, refused;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void pause_us(long most)
{
	const struct timespec ts = {0, random() % (most * 1000)};

	nanosleep(&ts, NULL);
}

/* --- one version of the file --- */

static size_t content(char out[TEXT_MAX], int v)
{
	int rows = 10 + number % 7 * 40;
	size_t n = (size_t)snprintf(out, TEXT_MAX, "i,v,n\n");

	for (int r = 0; r < rows; r++)
		n += (size_t)snprintf(out + n, TEXT_MAX - n, "%06d,%06d,%04d\n", number, v, r);
	return n;
}

static void put_log(int v)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%d %d\n", number, v);

	if (write(log_fd, line, (size_t)n) != n)
		die("log");
}

/* In four pieces, so that there is a half-written one. */
static void write_version(int fd)
{
	static char text[TEXT_MAX];
	size_t n = content(text, ++version), at = 0;

	while (at < n) {
		size_t piece = n - at < n / 4 + 1 ? n - at : n / 4 + 1;

		if (pwrite(fd, text + at, piece, (off_t)at) != (ssize_t)piece)
			die("pwrite");
		at += piece;
		if (random() % 4 == 0)
			pause_us(300);
	}
	if (ftruncate(fd, (off_t)n) < 0)
		die("ftruncate");
	put_log(version);
	wrote++;
}

static bool write_and_close(int fd)
{
	if (fd < 0) {
		refused++;
		return false;
	}
	write_version(fd);
	close(fd);
	return true;
}

static int make(void)
{
	int fd = openat(in_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		die(name);
	write_version(fd);
	return fd;
}

static bool is_there(void)
{
	struct stat st;

	return fstatat(in_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_link(void)
{
	struct stat st;

	return fstatat(in_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* true: attack on. */
static bool goes_on(long long *end)
{
	long long now = now_ms();

	if (!is_there() && *end > now + GRACE_MS)
		*end = now + GRACE_MS;
	return now < *end;
}

/* --- the attacks; fd is open for reading and was opened before the claim --- */

static void by_proc(int fd, bool wait)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)fchmod(fd, 0666);
	write_and_close(open(path, O_RDWR | O_CLOEXEC | (wait ? 0 : O_NONBLOCK)));
}

static void by_hard_link(void)
{
	if (linkat(in_fd, name, AT_FDCWD, other, 0) < 0)
		return;
	pause_us(2000);
	write_and_close(open(other, O_RDWR | O_CLOEXEC | O_NONBLOCK));
	pause_us(500);
	unlink(other);
}

static void by_link_of_the_descriptor(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, AT_FDCWD, other, AT_SYMLINK_FOLLOW) < 0) {
		refused++;
		return;
	}
	write_and_close(open(other, O_RDWR | O_CLOEXEC | O_NONBLOCK));
	unlink(other);
}

static void by_symlink(void)
{
	if (renameat(in_fd, name, AT_FDCWD, other) < 0)
		return;
	if (symlinkat("/etc/passwd", in_fd, name) == 0) {
		pause_us(500);
		unlinkat(in_fd, name, 0);
	}
	write_and_close(open(other, O_RDWR | O_CLOEXEC | O_NONBLOCK));
	/* never over a file that came back under the name; a link that was claimed in between comes back too */
	while (renameat2(AT_FDCWD, other, in_fd, name, RENAME_NOREPLACE) < 0 && errno == EEXIST && is_link())
		unlinkat(in_fd, name, 0);
}

static void by_swap(void)
{
	int fd;

	if (access(other, F_OK) < 0) {
		fd = open(other, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0)
			return;
		write_and_close(fd);
	}
	(void)renameat2(AT_FDCWD, other, in_fd, name, RENAME_EXCHANGE);
	write_and_close(open(other, O_RDWR | O_CLOEXEC | O_NONBLOCK));
}

static void by_mapping(int fd)
{
	static char text[TEXT_MAX];
	char path[64], *map;
	size_t n;
	int w;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (w < 0) {
		refused++;
		return;
	}
	n = content(text, version + 1);
	map = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, w, 0);
	close(w);
	if (map == MAP_FAILED)
		return;
	version++;
	memcpy(map, text, n / 2);
	pause_us(3000);
	memcpy(map + n / 2, text + n / 2, n - n / 2);
	put_log(version);
	wrote++;
	munmap(map, n);
}

static void by_lease(int fd)
{
	int kind = random() % 2 ? F_WRLCK : F_RDLCK;

	if (fcntl(fd, F_SETLEASE, kind) == 0) {
		pause_us(3000);
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	}
	(void)flock(fd, LOCK_EX | LOCK_NB);
	by_proc(fd, random() % 2);
	(void)flock(fd, LOCK_UN);
}

static void by_name(void)
{
	write_and_close(openat(in_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (random() % 2 ? O_NONBLOCK : 0)));
}

static void attack(int kind, int fd)
{
	switch (kind) {
	case 0:
		by_proc(fd, false);
		return;
	case 1:
		by_proc(fd, true);
		return;
	case 2:
		by_hard_link();
		return;
	case 3:
		by_link_of_the_descriptor(fd);
		return;
	case 4:
		by_symlink();
		return;
	case 5:
		by_swap();
		return;
	case 6:
		by_mapping(fd);
		return;
	case 7:
		by_lease(fd);
		return;
	case 8:
		by_name();
		return;
	default:
		attack((int)(random() % (KINDS - 1)), fd);
	}
}

static void one_file(void)
{
	long long end = now_ms() + ATTACK_MS;
	int kind = number % KINDS, w, fd;

	snprintf(name, sizeof(name), "%06d.csv", number);
	snprintf(other, sizeof(other), "%s/%06d.csv", elsewhere, number);
	version = 0;
	w = make();
	fd = openat(in_fd, name, O_RDONLY | O_CLOEXEC);
	/* the mapping and the unnamed writer live on for a while */
	if (random() % 3 == 0)
		pause_us(4000);
	close(w);
	while (fd >= 0 && goes_on(&end)) {
		attack(kind, fd);
		pause_us(random() % 4 ? 400 : 6000);
	}
	if (fd >= 0)
		close(fd);
	unlink(other);
}

int main(int argc, char **argv)
{
	if (argc != 8)
		return fprintf(stderr, "usage: attacker IN ELSEWHERE FIRST COUNT LOG UID GID\n"), 2;
	signal(SIGIO, SIG_IGN);
	if (setgroups(0, NULL) < 0 || setgid((gid_t)atoi(argv[7])) < 0 || setuid((uid_t)atoi(argv[6])) < 0)
		die("setuid");
	in_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	elsewhere = argv[2];
	log_fd = open(argv[5], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (in_fd < 0 || log_fd < 0)
		die("open");
	srandom((unsigned)atoi(argv[3]) + 1);
	for (number = atoi(argv[3]); number < atoi(argv[3]) + atoi(argv[4]); number++)
		one_file();
	printf("%lu %lu\n", wrote, refused);
	return 0;
}
