/*
 * crash - kill this program at a named step; see the header
 *
 * Compiled in always: what the tests kill is what runs in production.  Owns one armed point and
 * its count.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/nearest.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const struct crash_point table[] = {
#define CRASH_POINT(program, name, sentence) {program, name, sentence},
#include "watcher/base/crash_points.def"
#undef CRASH_POINT
};

const struct crash_point *crash_armed;
static uint64_t passes_left;
static const char *once_path;

static const struct crash_point *find(struct span name, const char *program)
{
	const struct crash_point *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!span_is(name, table[i].name))
			continue;
		if (program && strcmp(table[i].program, program) == 0)
			return &table[i];
		if (!found)
			found = &table[i];
	}
	return found;
}

static int unknown_name(struct span name, struct fault *f)
{
	const char *names[ARRAY_LEN(table)];
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		names[i] = table[i].name;
	near = nearest_name(name, names, ARRAY_LEN(table));
	return fault_set(f, FAULT_CONFIG, "INGEST_CRASH_AT: no crash point \"%.*s\"%s%s%s",
			 SPAN_FMT(name), near ? ", did you mean " : "", near ? near : "",
			 near ? "?" : "; --crash-points lists them");
}

int crash_init(const char *program, struct fault *f)
{
	const char *text = getenv("INGEST_CRASH_AT");
	const struct crash_point *point;
	unsigned long long n = 1;
	const char *colon;
	char *end;

	crash_armed = NULL;
	once_path = getenv("INGEST_CRASH_ONCE");
	if (!text || !*text)
		return 0;
	colon = strchr(text, ':');
	if (colon) {
		errno = 0;
		n = strtoull(colon + 1, &end, 10);
		if (colon[1] < '0' || colon[1] > '9' || *end || errno || n == 0)
			return fault_set(f, FAULT_CONFIG, "INGEST_CRASH_AT: \"%s\" is no number of a pass",
					 colon + 1);
	}
	struct span name = {text, colon ? (size_t)(colon - text) : strlen(text)};

	point = find(name, program);
	if (!point)
		return unknown_name(name, f);
	passes_left = n;
	if (strcmp(point->program, program) == 0)
		crash_armed = point;
	return 0;
}

/* True when the crash has not happened before; the file is durable enough for a process's death. */
static bool take_once(void)
{
	int fd;

	if (!once_path || !*once_path)
		return true;
	fd = open(once_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno != EEXIST;
	close(fd);
	return true;
}

void crash_pass(const char *name)
{
	CHECK(find(span_of(name), NULL) != NULL);
	if (strcmp(crash_armed->name, name) != 0 || --passes_left > 0)
		return;
	crash_armed = NULL;
	if (take_once())
		raise(SIGKILL);
}

char *crash_folder(void)
{
	const char *slash = crash_armed && once_path ? strrchr(once_path, '/') : NULL;

	return slash ? xstrndup(once_path, (size_t)(slash - once_path) + 1) : NULL;
}

void crash_points_print(FILE *out, const char *program)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (program && strcmp(table[i].program, program) != 0)
			continue;
		if (!program)
			fprintf(out, "%s\t", table[i].program);
		fprintf(out, "%s\t%s\n", table[i].name, table[i].sentence);
	}
}

const struct crash_point *crash_points(size_t *n)
{
	*n = ARRAY_LEN(table);
	return table;
}
