/*
 * options - the command line of ingestd; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/options.h"
#include <errno.h>
#include <getopt.h>

#define WAIT_SECONDS 60
#define WAIT_MAX 86400

enum { OPT_ONCE = 256, OPT_WAIT, OPT_START, OPT_HELP, OPT_VERSION, OPT_CRASH_POINTS, OPT_DEBUG,
       OPT_JOURNAL_CHECK, OPT_BACKUP, OPT_JSON, OPT_QUICK, OPT_STATS, OPT_TENANT, OPT_SINCE, OPT_UNTIL };

static const struct option longs[] = {
	{"config", required_argument, NULL, 'c'},
	{"test", no_argument, NULL, 't'},
	{"once", no_argument, NULL, OPT_ONCE},
	{"wait", required_argument, NULL, OPT_WAIT},
	{"start", required_argument, NULL, OPT_START},
	{"journal-check", no_argument, NULL, OPT_JOURNAL_CHECK},
	{"backup", required_argument, NULL, OPT_BACKUP},
	{"stats", no_argument, NULL, OPT_STATS},
	{"tenant", required_argument, NULL, OPT_TENANT},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"json", no_argument, NULL, OPT_JSON},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"debug", no_argument, NULL, OPT_DEBUG},
	{"crash-points", no_argument, NULL, OPT_CRASH_POINTS},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

void options_print_help(FILE *out)
{
	fputs("usage: ingestd [-c FILE] [-t | --once [--wait SECONDS] [--start TENANT/JOB]...] [--debug]\n"
	      "       ingestd [-c FILE] (--journal-check [--quick] | --backup DIR) [--json]\n"
	      "       ingestd [-c FILE] --stats [--tenant T] [--since TIME] [--until TIME]\n"
	      "\n"
	      "Takes complete files out of the tenants' folders and stores their rows.  Runs in the foreground.\n"
	      "\n"
	      "  -c FILE           the configuration; else ./ingestd.json, else /etc/ingestd/ingestd.json\n"
	      "  -t                checks configuration, profiles, jobs and filters, says every error, and ends\n"
	      "  --once            takes what is complete, finishes it, and ends\n"
	      "  --wait SECONDS    with --once: ends after so long without progress (60)\n"
	      "  --start T/J       with --once or without: starts the manual job J of tenant T; may be given\n"
	      "                    for several jobs\n"
	      "  --journal-check   compares the journal with folders and sinks, says every difference, and ends;\n"
	      "                    --quick: no digests, no sinks (ingestctl journal check)\n"
	      "  --backup DIR      copies configuration, profiles, job versions and journal, and ends (ingestctl backup)\n"
	      "  --stats           what became of the files of a time, from the journal, as JSON; of the last 24 hours\n"
	      "                    without --since (ingestctl stats)\n"
	      "  --debug           writes events of level debug too\n"
	      "  --crash-points    lists the steps at which INGEST_CRASH_AT may end the program\n"
	      "  --help, --version\n"
	      "\n"
	      "exit: 0 all is well; 1 could not work (another ingestd has the folder, the sink is out of reach);\n"
	      "      3 with --once: a file or run failed, was held or is left; with --journal-check: it differs;\n"
	      "      78 the configuration is wrong\n"
	      "signals: TERM ends within 20 s, HUP reads the profiles again, USR1 opens the logs again\n",
	      out);
}

static int parse_wait(const char *text, struct options *o, struct fault *f)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !(seconds >= 0 && seconds <= WAIT_MAX))
		return fault_set(f, FAULT_CONFIG, "--wait \"%s\": must be seconds, 0..%d", text, WAIT_MAX);
	o->wait_ms = (int64_t)(seconds * 1000);
	return 0;
}

static int parse_start(const char *text, struct options *o, struct fault *f)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/'))
		return fault_set(f, FAULT_CONFIG, "--start \"%s\": must be TENANT/JOB", text);
	/* a run takes all that is there: named twice it is started once */
	for (size_t i = 0; i < o->start_count; i++)
		if (strcmp(o->starts[i], text) == 0)
			return 0;
	o->starts = xrealloc(o->starts, (o->start_count + 1) * sizeof(*o->starts));
	o->starts[o->start_count++] = text;
	return 0;
}

static int take(int c, struct options *o, char **argv, struct fault *f)
{
	switch (c) {
	case 'c':
		o->config = optarg;
		return 0;
	case 't':
		o->mode = MODE_TEST;
		return 0;
	case OPT_ONCE:
		o->once = true;
		return 0;
	case OPT_WAIT:
		return parse_wait(optarg, o, f);
	case OPT_START:
		return parse_start(optarg, o, f);
	case OPT_DEBUG:
		o->debug = true;
		return 0;
	case OPT_JOURNAL_CHECK:
		o->mode = MODE_JOURNAL_CHECK;
		return 0;
	case OPT_BACKUP:
		o->mode = MODE_BACKUP;
		o->backup = optarg;
		return 0;
	case OPT_STATS:
		o->mode = MODE_STATS;
		return 0;
	case OPT_TENANT:
		o->tenant = optarg;
		return 0;
	case OPT_SINCE:
		o->since = optarg;
		return 0;
	case OPT_UNTIL:
		o->until = optarg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_QUICK:
		o->quick = true;
		return 0;
	case OPT_CRASH_POINTS:
		o->mode = MODE_CRASH_POINTS;
		return 0;
	case OPT_HELP:
		o->mode = MODE_HELP;
		return 0;
	case OPT_VERSION:
		o->mode = MODE_VERSION;
		return 0;
	case ':':
		return fault_set(f, FAULT_CONFIG, "%s needs a value; see --help", argv[optind - 1]);
	default: /* getopt's answer, no enum */
		return fault_set(f, FAULT_CONFIG, "unknown option %s; see --help", argv[optind - 1]);
	}
}

int options_parse(int argc, char **argv, struct options *out, struct fault *f)
{
	struct options o = {.mode = MODE_RUN, .wait_ms = WAIT_SECONDS * 1000};
	bool wait_given = false;
	int c, r = 0;

	optind = 0; /* again from the start: the tests parse more than once */
	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "+:c:t", longs, NULL)) != -1) {
		wait_given |= c == OPT_WAIT;
		r = take(c, &o, argv, f);
	}
	if (r == 0 && optind < argc)
		r = fault_set(f, FAULT_CONFIG, "what is \"%s\"? see --help", argv[optind]);
	if (r == 0 && wait_given && !o.once)
		r = fault_set(f, FAULT_CONFIG, "--wait goes with --once");
	if (r == 0 && ((o.json && o.mode != MODE_BACKUP) || o.quick) && o.mode != MODE_JOURNAL_CHECK)
		r = fault_set(f, FAULT_CONFIG, "--json and --quick go with --journal-check, --json with --backup too");
	if (r == 0 && (o.tenant || o.since || o.until) && o.mode != MODE_STATS)
		r = fault_set(f, FAULT_CONFIG, "--tenant, --since and --until go with --stats");
	if (r == 0 && o.once && (o.mode == MODE_JOURNAL_CHECK || o.mode == MODE_BACKUP || o.mode == MODE_STATS))
		r = fault_set(f, FAULT_CONFIG, "--once excludes --journal-check, --backup and --stats");
	if (r == 0 && o.once && o.mode == MODE_TEST)
		r = fault_set(f, FAULT_CONFIG, "-t and --once exclude each other");
	if (r < 0) {
		options_release(&o);
		return -1;
	}
	*out = o;
	return 0;
}

void options_release(struct options *o)
{
	free(o->starts);
	o->starts = NULL;
	o->start_count = 0;
}
