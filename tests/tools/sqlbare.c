/*
 * sqlbare - the same rows into the same table by one prepared statement in a loop: the yardstick of our embedded store
 *
 *	sqlbare ROWS.csv DATABASE
 *
 * The rows of rowgen without quotes, its header first.  Table, keys (20 characters, `-`, the row's number), page size, journal,
 * synchronous=FULL and 10,000 rows a transaction are those of watcher/sink/sink_sqlite*.c.  Nothing is checked and nothing escaped: a
 * field is found by the next separator, a number is read by strtol or strtod.  On standard output: rows, user and system time and
 * seconds, from the first row to the last commit, as JSON.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 10000
#define COLUMNS 11

static const char make[] = "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-2048;"
			   "PRAGMA temp_store=MEMORY;"
			   "CREATE TABLE \"bench-trace\" (\"_id\" TEXT PRIMARY KEY NOT NULL, vm_id TEXT, subscription_id TEXT,"
			   "deployment_id TEXT, timestamp_vm_created INTEGER, timestamp_vm_deleted INTEGER, max_cpu REAL,"
			   "average_cpu REAL, p96_max_cpu REAL, vm_category TEXT, vm_virtual_core_count_bucket INTEGER,"
			   "vm_memory_bucket INTEGER, \"_extra\" TEXT)";
static const char insert[] = "INSERT INTO \"bench-trace\" VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,NULL) ON CONFLICT DO NOTHING";
static const char types[COLUMNS + 1] = "tttiirrrtii";

static sqlite3 *db;

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "sqlbare: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
	exit(1);
}

static void run(const char *sql)
{
	check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

/* As document_id does: delivery, '-', the row's number in base 36. */
static size_t key_of(unsigned long row, char *to)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	char text[16];
	size_t n = 21, at = sizeof(text);

	memcpy(to, "AAAAAAAAAAAAAAAAAAAA-", n);
	do {
		text[--at] = digits[row % 36];
	} while (row /= 36);
	memcpy(to + n, text + at, sizeof(text) - at);
	return n + sizeof(text) - at;
}

static void bind_row(sqlite3_stmt *s, char *line)
{
	for (int i = 0; i < COLUMNS; i++) {
		size_t n = strcspn(line, ",\n");

		if (types[i] == 't')
			sqlite3_bind_text(s, i + 2, line, (int)n, SQLITE_STATIC);
		else if (types[i] == 'i')
			sqlite3_bind_int64(s, i + 2, strtol(line, NULL, 10));
		else
			sqlite3_bind_double(s, i + 2, strtod(line, NULL));
		line += n + 1;
	}
}

static unsigned long load(FILE *in, sqlite3_stmt *s)
{
	unsigned long rows = 0;
	char *line = NULL, key[40];
	size_t room = 0;

	check(getline(&line, &room, in) > 0, "no header");
	run("BEGIN IMMEDIATE");
	while (getline(&line, &room, in) > 0) {
		if (rows && rows % BATCH == 0) {
			run("COMMIT");
			run("BEGIN IMMEDIATE");
		}
		sqlite3_bind_text(s, 1, key, (int)key_of(++rows, key), SQLITE_STATIC);
		bind_row(s, line);
		check(sqlite3_step(s) == SQLITE_DONE, "insert");
		sqlite3_reset(s);
	}
	run("COMMIT");
	free(line);
	return rows;
}

static double seconds(struct timeval a, struct timeval b)
{
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_usec - a.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 3 ? fopen(argv[1], "r") : NULL;
	struct rusage before, after;
	struct timespec from, to;
	sqlite3_stmt *s = NULL;
	unsigned long rows;

	if (!in) {
		fputs("usage: sqlbare ROWS.csv DATABASE\n", stderr);
		return 2;
	}
	check(sqlite3_open(argv[2], &db) == SQLITE_OK, "open");
	run(make);
	check(sqlite3_prepare_v2(db, insert, -1, &s, NULL) == SQLITE_OK, "prepare");
	getrusage(RUSAGE_SELF, &before);
	clock_gettime(CLOCK_MONOTONIC, &from);
	rows = load(in, s);
	clock_gettime(CLOCK_MONOTONIC, &to);
	getrusage(RUSAGE_SELF, &after);
	printf("{\"rows\":%lu,\"user\":%.6f,\"system\":%.6f,\"seconds\":%.6f}\n", rows,
	       seconds(before.ru_utime, after.ru_utime), seconds(before.ru_stime, after.ru_stime),
	       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	sqlite3_finalize(s);
	sqlite3_close(db);
	fclose(in);
	return 0;
}
