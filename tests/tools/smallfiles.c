/*
 * smallfiles - many small files made as an uploader should: create, write, fsync, rename, fsync the folder; the yardstick of small files
 *
 *	smallfiles FOLDER COUNT ROWS FILE
 *
 * Cuts FILE (its header stays out) into COUNT files of ROWS rows in FOLDER, FOLDER/n.csv, each first under a name that begins with a
 * dot.  With ROWS 0: the loop alone, one line a file.  Prints files and seconds as JSON.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_file(int folder, unsigned long number, const char *p, size_t n, int durable)
{
	char name[32], hidden[33];
	int fd;

	snprintf(name, sizeof(name), "%lu.csv", number);
	snprintf(hidden, sizeof(hidden), ".%s", name);
	fd = openat(folder, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	check(fd >= 0, hidden);
	check(write(fd, p, n) == (ssize_t)n, "write");
	check(!durable || fsync(fd) == 0, "fsync");
	check(close(fd) == 0, "close");
	check(renameat(folder, hidden, folder, name) == 0, "rename");
	check(!durable || fsync(folder) == 0, "fsync of the folder");
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0, rows;
	int folder = count ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	FILE *in = count ? fopen(argv[4], "r") : NULL;
	char *line = NULL, *text;
	size_t room = 0;
	double begin;

	if (folder < 0 || !in || getline(&line, &room, in) < 0) {
		fputs("usage: smallfiles FOLDER COUNT ROWS FILE\n", stderr);
		return 2;
	}
	rows = strtoul(argv[3], NULL, 10);
	text = malloc((rows + 1) * 1024);
	begin = now();
	for (unsigned long i = 0; i < count; i++) {
		size_t n = 0;

		for (unsigned long k = 0; k < (rows ? rows : 1); k++) {
			ssize_t got = getline(&line, &room, in);

			check(got > 0 && got < 1024, "the file has too few rows");
			memcpy(text + n, line, (size_t)got);
			n += (size_t)got;
		}
		make_file(folder, i, text, n, rows == 0);
	}
	printf("{\"files\":%lu,\"seconds\":%.6f}\n", count, now() - begin);
	free(text);
	free(line);
	fclose(in);
	return 0;
}
