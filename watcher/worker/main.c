/*
 * ingest-worker - one tenant's file at a time, from top to bottom; of small ones for the embedded store a group at a time (group.h)
 *
 * Started by ingestd with its socket as descriptor 3, and by hand for the verbs of the usage below.  The service ends when its socket
 * closes or the daemon dies.
 *
 * Exit: 0; 1 it could not work (for the service: the daemon said what makes no sense); 2 usage, or a filter refused; 3 rejects;
 * 78 a job version that cannot be used.
 */
#include "watcher/base/base.h"
#include "watcher/base/confine.h"
#include "watcher/base/crash.h"
#include "watcher/base/strbuf.h"
#include "transforms/reference.h"
#include "watcher/worker/apply.h"
#include "watcher/worker/check.h"
#include "watcher/worker/convert.h"
#include "watcher/worker/cost.h"
#include "watcher/worker/count.h"
#include "watcher/worker/serve.h"
#include "watcher/worker/suite.h"
#include "watcher/worker/task.h"
#include "watcher/worker/why.h"
#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SOCKET_FD 3
#define EXIT_USAGE 2
#define EXIT_CONFIG 78

enum verb {
	VERB_SERVE,
	VERB_CHECK = 256,
	VERB_CHECK_FILTER,
	VERB_CONVERT,
	VERB_FILTER,
	VERB_TEST,
	VERB_FILTERS,
	VERB_EXPLAIN,
	VERB_WHY,
	VERB_COUNT,
	VERB_STEPS,
	VERB_CRASH_POINTS,
	VERB_HELP,
	VERB_VERSION,
	/* no verbs */
	OPT_SOCKET,
	OPT_FOLDER,
	OPT_PORT,
	OPT_TENANT,
	OPT_JOB,
	OPT_FILTER_FILE,
	OPT_INPUT,
	OPT_TRACE,
	OPT_JUNIT,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"check", no_argument, NULL, VERB_CHECK},
	{"check-filter", no_argument, NULL, VERB_CHECK_FILTER},
	{"convert", no_argument, NULL, VERB_CONVERT},
	{"filter", no_argument, NULL, VERB_FILTER},
	{"test", no_argument, NULL, VERB_TEST},
	{"explain", no_argument, NULL, VERB_EXPLAIN},
	{"filters", no_argument, NULL, VERB_FILTERS},
	{"why", no_argument, NULL, VERB_WHY},
	{"count", no_argument, NULL, VERB_COUNT},
	{"steps", no_argument, NULL, VERB_STEPS},
	{"crash-points", no_argument, NULL, VERB_CRASH_POINTS},
	{"help", no_argument, NULL, VERB_HELP},
	{"version", no_argument, NULL, VERB_VERSION},
	{"socket-fd", required_argument, NULL, OPT_SOCKET},
	{"folder", required_argument, NULL, OPT_FOLDER},
	{"port", required_argument, NULL, OPT_PORT},
	{"tenant", required_argument, NULL, OPT_TENANT},
	{"job", required_argument, NULL, OPT_JOB},
	{"filter-file", required_argument, NULL, OPT_FILTER_FILE},
	{"input", required_argument, NULL, OPT_INPUT},
	{"trace", no_argument, NULL, OPT_TRACE},
	{"junit", required_argument, NULL, OPT_JUNIT},
	{"json", no_argument, NULL, OPT_JSON},
	{NULL, 0, NULL, 0},
};

struct options {
	int verb;
	int socket;
	struct confinement reach;
	const char *config;
	const char *tenant;
	const char *job;
	const char *filter_file;
	const char *input;
	const char *junit;
	bool trace;
	bool json;
};

static void help(void)
{
	puts("usage: ingest-worker [--socket-fd N] [--tenant T] [--folder F]... [--port N]...\n"
	     "                                                serve ingestd on descriptor N (3); reach these folders\n"
	     "                                                and TCP ports, and nothing else\n"
	     "       ingest-worker --check [FILE...]          can these job versions run? exit 0 or 78\n"
	     "       ingest-worker --check-filter [FILE...]   do these filters compile? exit 0 or 2\n"
	     "       ingest-worker --convert [-c CONFIG] --tenant T --job J FILE\n"
	     "                                                the bulk body that FILE would send\n"
	     "       ingest-worker --filter (--filter-file FILE | [-c CONFIG] --tenant T --job J)\n"
	     "                     [--input lines|ndjson] [--trace] [--json]\n"
	     "                                                rows from standard input, the events that come out,\n"
	     "                                                a line each, or with --json as one array\n"
	     "       ingest-worker --test [--filter-file FILE | [-c CONFIG] --tenant T --job J]\n"
	     "                     [--junit FILE] [--json] FILE...\n"
	     "                                                test cases of a filter; exit 0, 1 one failed, 2 refused\n"
	     "       ingest-worker --explain (--filter-file FILE | [-c CONFIG] --tenant T --job J) [--json]\n"
	     "                                                the filter in words\n"
	     "       ingest-worker --why [-c CONFIG] VERSION FILE NAME DELIVERY ROW PART SHA256 CLAIMED-MS [--json]\n"
	     "                                                a document's row and what the filters made of it\n"
	     "       ingest-worker --count [-c CONFIG] [--socket-fd N]\n"
	     "                                                documents in their sinks, asked and answered on N\n"
	     "       ingest-worker --filters                  the filters and their settings, a line each\n"
	     "       ingest-worker --steps                    the steps of one file\n"
	     "       ingest-worker --crash-points             where tests may kill it\n"
	     "       ingest-worker --version | --help");
}

static int usage(const char *why)
{
	fprintf(stderr, "ingest-worker: %s; see ingest-worker --help\n", why);
	return EXIT_USAGE;
}

static bool parse_number(const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > 65535)
		return false;
	*out = (unsigned)n;
	return true;
}

static int add_folder(struct confinement *c, const char *folder)
{
	if (c->folder_count == CONFINE_FOLDERS)
		return usage("too many --folder");
	c->folders[c->folder_count++] = folder;
	return 0;
}

static int add_port(struct confinement *c, const char *text)
{
	if (c->port_count == CONFINE_PORTS)
		return usage("too many --port");
	if (!parse_number(text, &c->ports[c->port_count]))
		return usage("--port takes a port's number");
	c->port_count++;
	return 0;
}

static int set_socket(int *socket, const char *text)
{
	unsigned n;

	if (!parse_number(text, &n))
		return usage("--socket-fd takes a descriptor's number");
	*socket = (int)n;
	return 0;
}

/* 0, or the exit status of a usage error. */
static int take_option(struct options *o, int c)
{
	switch (c) {
	case 'c':
		o->config = optarg;
		return 0;
	case OPT_SOCKET:
		return set_socket(&o->socket, optarg);
	case OPT_FOLDER:
		return add_folder(&o->reach, optarg);
	case OPT_PORT:
		return add_port(&o->reach, optarg);
	case OPT_TENANT:
		o->tenant = optarg;
		return 0;
	case OPT_JOB:
		o->job = optarg;
		return 0;
	case OPT_FILTER_FILE:
		o->filter_file = optarg;
		return 0;
	case OPT_INPUT:
		o->input = optarg;
		return 0;
	case OPT_TRACE:
		o->trace = true;
		return 0;
	case OPT_JUNIT:
		o->junit = optarg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case '?': /* getopt has said what is wrong */
		return EXIT_USAGE;
	}
	if (o->verb)
		return usage("only one verb");
	o->verb = c;
	return 0;
}

static int run_service(struct options *o)
{
	struct fault f = FAULT_INIT;

	/* a worker without its daemon must not go on */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cost_open();
	o->reach.network = o->reach.port_count > 0;
	if (confine(&o->reach, &f) < 0 || serve(o->socket, &f) < 0) {
		fprintf(stderr, "ingest-worker: %s\n", f.text);
		return 1;
	}
	return 0;
}

/* Text that nobody has looked at yet, from standard input: nothing else is reached. */
static int run_check(char **rest)
{
	static const struct confinement nothing;
	struct fault f = FAULT_INIT;

	if ((!rest[0] || (strcmp(rest[0], "/dev/stdin") == 0 && !rest[1])) && confine(&nothing, &f) < 0) {
		fprintf(stderr, "ingest-worker: %s\n", f.text);
		return 1;
	}
	return check_versions(rest) < 0 ? EXIT_CONFIG : 0;
}

static int run_convert(const struct options *o, char **rest)
{
	if (!o->tenant || !o->job || !rest[0] || rest[1])
		return usage("--convert needs --tenant T --job J and one FILE");
	return convert(o->config, o->tenant, o->job, rest[0]);
}

static int run_filter(const struct options *o)
{
	struct apply_options a = {o->filter_file, o->config, o->tenant, o->job, o->input, o->trace, o->json};

	if (!o->filter_file == !(o->tenant && o->job))
		return usage("this verb needs --filter-file FILE, or --tenant T --job J");
	if (o->input && strcmp(o->input, "lines") != 0 && strcmp(o->input, "ndjson") != 0)
		return usage("--input is lines or ndjson");
	return o->verb == VERB_EXPLAIN ? apply_explain(&a) : apply(&a);
}

static int print_filters(void)
{
	struct strbuf text = STRBUF_INIT;

	reference_print(&text);
	fputs(text.p, stdout);
	strbuf_release(&text);
	return 0;
}

static int run_test(const struct options *o, char **files)
{
	struct suite_options s = {o->filter_file, o->config, o->tenant, o->job, o->junit, o->json};

	if (!files[0] || (o->filter_file && o->job) || !o->tenant != !o->job)
		return usage("--test takes files of test cases, and a --filter-file or --tenant T --job J");
	return suite_run(&s, files);
}

static int run_why(const struct options *o, char **rest)
{
	struct why_options w = {.config = o->config, .json = o->json};

	for (size_t i = 0; i < 8; i++)
		if (!rest[i])
			return usage("--why takes eight arguments");
	w.version_file = rest[0];
	w.file = rest[1];
	w.name = rest[2];
	w.delivery = rest[3];
	w.row = strtoull(rest[4], NULL, 10);
	w.part = strtoull(rest[5], NULL, 10);
	w.sha256 = rest[6];
	w.claimed_ms = strtoll(rest[7], NULL, 10);
	return why(&w);
}

static bool takes_files(int verb)
{
	return verb == VERB_WHY || verb == VERB_CHECK || verb == VERB_CHECK_FILTER || verb == VERB_CONVERT || verb == VERB_TEST;
}

static int run_verb(struct options *o, char **rest)
{
	if (rest[0] && !takes_files(o->verb))
		return usage("too many arguments");
	switch (o->verb) {
	case VERB_SERVE:
		return run_service(o);
	case VERB_CHECK:
		return run_check(rest);
	case VERB_CONVERT:
		return run_convert(o, rest);
	case VERB_CHECK_FILTER:
		return apply_check(rest) < 0 ? EXIT_USAGE : 0;
	case VERB_FILTER:
	case VERB_EXPLAIN:
		return run_filter(o);
	case VERB_TEST:
		return run_test(o, rest);
	case VERB_FILTERS:
		return print_filters();
	case VERB_WHY:
		return run_why(o, rest);
	case VERB_COUNT:
		return count_serve(o->config, o->socket);
	case VERB_STEPS:
		steps_print(stdout);
		return 0;
	case VERB_CRASH_POINTS:
		crash_points_print(stdout, "ingest-worker");
		return 0;
	case VERB_HELP:
		help();
		return 0;
	case VERB_VERSION:
		puts("ingest-worker " INGEST_VERSION);
		return 0;
	}
	CHECK(!"a verb");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options o = {.socket = SOCKET_FD};
	struct fault f = FAULT_INIT;
	int c, r;

	if (crash_init("ingest-worker", &f) < 0 || plain_check(&f) < 0) {
		fprintf(stderr, "ingest-worker: %s\n", f.text);
		return EXIT_CONFIG;
	}
	/* a reader that goes away is an error of the write, not a death */
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		r = take_option(&o, c);
		if (r)
			return r;
	}
	return run_verb(&o, argv + optind);
}
