/*
 * local - ingestctl's verbs that need no daemon: they become another program of ours
 *
 * The verbs of filters are ingest-worker's, by exec, so that standard input and output are the user's own and what was
 * allocated for them needs no end; `check` is ingestd -t in a child, whose report becomes JSON where that is wanted.  Both
 * programs stand beside ingestctl.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/ctl/own.h"
#include "watcher/model/key_schema.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 16
#define REPORT_MAX (4 * 1024 * 1024)

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

int ctl_become(const char *program, char **argv)
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

/* --- filters --- */

/* The arguments of an ingest-worker in the making: [0] is left to ctl_become. */
struct arguments {
	char **argv;
	size_t n;
};

static void add(struct arguments *a, const char *word)
{
	a->argv[a->n++] = writable(word);
}

/* An option that is left out when it has no value. */
static void add_option(struct arguments *a, const char *option, const char *value)
{
	if (!value)
		return;
	add(a, option);
	add(a, value);
}

static bool is_job(const char *job)
{
	return job && strchr(job, '/');
}

/* verb, the filter it is for (a file, T/J, or none of them), and the options that all such verbs share. */
static struct arguments filter_arguments(const char *verb, const struct ctl_options *o, const char *job)
{
	struct arguments a = {xcalloc((size_t)o->arg_count + ARGS_MAX, sizeof(*a.argv)), 1};
	const char *slash = job ? strchr(job, '/') : NULL;

	add(&a, verb);
	add_option(&a, "--filter-file", o->filter);
	if (slash) {
		add_option(&a, "--tenant", xstrndup(job, (size_t)(slash - job)));
		add_option(&a, "--job", slash + 1);
	}
	add_option(&a, "-c", o->config);
	if (o->json)
		add(&a, "--json");
	return a;
}

int command_filter_run(const struct ctl_options *o)
{
	struct arguments a;

	if (!o->job == !o->filter || (o->job && !is_job(o->job)) || o->arg_count)
		return ctl_usage(o);
	a = filter_arguments("--filter", o, o->job);
	add_option(&a, "--input", o->input);
	if (o->trace)
		add(&a, "--trace");
	return ctl_become("ingest-worker", a.argv);
}

int command_filter_explain(const struct ctl_options *o)
{
	const char *job = o->arg_count == 1 ? o->args[0] : NULL;

	if (o->filter ? o->arg_count > 0 : !is_job(job))
		return ctl_usage(o);
	return ctl_become("ingest-worker", filter_arguments("--explain", o, job).argv);
}

int command_filter_test(const struct ctl_options *o)
{
	struct arguments a;

	if (!o->arg_count || (o->job && (o->filter || !is_job(o->job))))
		return ctl_usage(o);
	a = filter_arguments("--test", o, o->job);
	add_option(&a, "--junit", o->junit);
	add(&a, "--");
	for (int i = 0; i < o->arg_count; i++)
		add(&a, o->args[i]);
	return ctl_become("ingest-worker", a.argv);
}

/* --- check --- */

/* A line an element; what stands set in below an error belongs to it. */
static void print_report(const struct strbuf *report, bool ok)
{
	struct strbuf sb = STRBUF_INIT;
	const char *p = report->p, *end = report->p + report->n;

	strbuf_adds(&sb, "{\"ok\":");
	strbuf_adds(&sb, ok ? "true" : "false");
	json_add_key(&sb, "report");
	strbuf_addc(&sb, '[');
	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);

		json_add_comma(&sb);
		json_add_lossy(&sb, (struct span){p, n});
		p += n + 1;
	}
	strbuf_adds(&sb, "]}");
	puts(sb.p);
	strbuf_release(&sb);
}

/* The exit status of ingestd -t, what it said in report when that is given; -1: it could not be run. */
static int run_test(const struct ctl_options *o, struct strbuf *report)
{
	char *argv[ARGS_MAX] = {writable("ingestd"), writable("-t")};
	struct fault f = FAULT_INIT;
	int ends[2] = {-1, -1}, status = -1;
	pid_t pid;

	if (o->arg_count || o->config) {
		argv[2] = writable("-c");
		argv[3] = writable(o->arg_count ? o->args[0] : o->config);
	}
	if (report && pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (report)
			dup2(ends[1], STDERR_FILENO);
		_exit(ctl_become("ingestd", argv));
	}
	fs_close(&ends[1]);
	if (report && pid > 0 && fs_read_fd(ends[0], REPORT_MAX, report, &f) < 0)
		fprintf(stderr, "ingestctl: %s\n", f.text);
	fs_close(&ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int command_check(const struct ctl_options *o)
{
	struct strbuf report = STRBUF_INIT;
	int status;

	if (o->arg_count > 1)
		return ctl_usage(o);
	status = run_test(o, o->json ? &report : NULL);
	if (o->json)
		print_report(&report, status == 0);
	strbuf_release(&report);
	return status == 0 ? CTL_OK : CTL_REFUSED;
}

/* --- schema --- */

int command_schema(const struct ctl_options *o)
{
	struct strbuf sb = STRBUF_INIT;

	if (o->arg_count != 1 || !key_schema_write(o->args[0], &sb)) {
		strbuf_release(&sb);
		return ctl_usage(o);
	}
	puts(sb.p);
	strbuf_release(&sb);
	return CTL_OK;
}
