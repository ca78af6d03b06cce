/*
 * ingest-worker - one tenant's file at a time, from top to bottom
 *
 * Started by ingestd with its socket as descriptor 3; by hand for --check, --steps.  Ends when the socket closes or the daemon
 * dies.  Exit: 0, 1 ill-formed job, 2 usage or filter refused, 78 a job version that cannot be used.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/worker/row.h"
#include "watcher/worker/serve.h"
#include "watcher/worker/task.h"
#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SOCKET_FD 3
#define VERSION_MAX (4 * 1024 * 1024)

enum { OPT_CHECK = 256, OPT_STEPS, OPT_CRASH_POINTS, OPT_CONVERT, OPT_FILTER, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{"check", required_argument, NULL, OPT_CHECK},
	{"steps", no_argument, NULL, OPT_STEPS},
	{"crash-points", no_argument, NULL, OPT_CRASH_POINTS},
	{"convert", no_argument, NULL, OPT_CONVERT},
	{"filter", no_argument, NULL, OPT_FILTER},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* Can this worker run the job version?  The daemon asks before it is in force. */
static int check(const char *path)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct version *v = NULL;
	int r = fs_read_file(path, VERSION_MAX, &text, &f);

	if (r == 0)
		r = version_parse(strbuf_span(&text), &v, &f);
	if (r == 0)
		r = row_check_filter(v->job, &f);
	if (r < 0)
		fprintf(stderr, "%s\n", f.text);
	version_free(&v);
	strbuf_release(&text);
	return r < 0 ? 78 : 0;
}

static int refuse(const char *what)
{
	fprintf(stderr, "ingest-worker: %s: not in this version\n", what);
	return 2;
}

static void help(void)
{
	puts("usage: ingest-worker                 serve ingestd on descriptor 3\n"
	     "       ingest-worker --check FILE    can this job version run? exit 0 or 78\n"
	     "       ingest-worker --steps         the steps of one file\n"
	     "       ingest-worker --crash-points  where tests may kill it\n"
	     "       ingest-worker --version | --help");
}

static int run_service(void)
{
	struct fault f = FAULT_INIT;

	/* a worker without its daemon must not go on */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (serve(SOCKET_FD, &f) < 0) {
		fprintf(stderr, "ingest-worker: %s\n", f.text);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct fault f = FAULT_INIT;
	int c;

	if (crash_init("ingest-worker", &f) < 0) {
		fprintf(stderr, "ingest-worker: %s\n", f.text);
		return 78;
	}
	c = getopt_long(argc, argv, "", options, NULL);
	switch (c) {
	case -1:
		return run_service();
	case OPT_CHECK:
		return check(optarg);
	case OPT_STEPS:
		steps_print(stdout);
		return 0;
	case OPT_CRASH_POINTS:
		crash_points_print(stdout, "ingest-worker");
		return 0;
	case OPT_CONVERT:
		return refuse("--convert");
	case OPT_FILTER:
		return refuse("--filter");
	case OPT_HELP:
		help();
		return 0;
	case OPT_VERSION:
		puts("ingest-worker " INGEST_VERSION);
		return 0;
	default: /* getopt has said what is wrong */
		return 2;
	}
}
