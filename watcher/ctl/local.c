/*
 * local - ingestctl's verbs that need no daemon: they become another program of ours
 *
 * `filter run` is ingest-worker --filter, `check` is ingestd -t; both stand beside ingestctl.  The program is replaced by
 * exec, so standard input and output are the user's own.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/commands.h"
#include <unistd.h>

#define ARGS_MAX 16

/* The folder of this program + "/" + name; malloc'ed. */
static char *beside(const char *name)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return xstrdup(name);
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	return xasprintf("%s%s", self, name);
}

static int become(const char *program, char **argv)
{
	char *path = beside(program);

	argv[0] = path;
	execv(path, argv);
	fprintf(stderr, "ingestctl: cannot run %s\n", path);
	free(path);
	return CTL_REFUSED;
}

static char *writable(const char *literal)
{
	return (char *)(uintptr_t)literal;
}

int command_filter_run(const struct ctl_options *o)
{
	char *argv[ARGS_MAX] = {NULL};
	const char *slash = o->job ? strchr(o->job, '/') : NULL;
	size_t n = 1;

	if (!o->job == !o->filter || (o->job && !slash)) {
		fputs("ingestctl: usage: ingestctl filter run (--job T/J | --filter FILE)"
		      " [--input lines|ndjson] [--trace]\n",
		      stderr);
		return CTL_USAGE;
	}
	argv[n++] = writable("--filter");
	if (o->filter) {
		argv[n++] = writable("--filter-file");
		argv[n++] = writable(o->filter);
	} else {
		argv[n++] = writable("--tenant");
		argv[n++] = xstrndup(o->job, (size_t)(slash - o->job));
		argv[n++] = writable("--job");
		argv[n++] = writable(slash + 1);
	}
	if (o->config) {
		argv[n++] = writable("-c");
		argv[n++] = writable(o->config);
	}
	if (o->input) {
		argv[n++] = writable("--input");
		argv[n++] = writable(o->input);
	}
	if (o->trace)
		argv[n++] = writable("--trace");
	return become("ingest-worker", argv);
}

int command_check(const struct ctl_options *o)
{
	char *argv[ARGS_MAX] = {NULL};
	size_t n = 1;

	argv[n++] = writable("-t");
	if (o->config) {
		argv[n++] = writable("-c");
		argv[n++] = writable(o->config);
	}
	return become("ingestd", argv);
}
