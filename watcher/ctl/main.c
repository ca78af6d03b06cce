/*
 * ingestctl - the operator's command line over the daemon's Unix socket
 *
 * Options may stand anywhere; the words before the arguments choose the command (commands.def).
 */
#include "watcher/base/base.h"
#include "watcher/base/nearest.h"
#include "watcher/ctl/own.h"
#include "watcher/model/record_state.h"
#include <getopt.h>

struct command {
	const char *words;
	const char *arguments;
	const char *sentence;
	int (*run)(const struct ctl_options *o); /* NULL: not in this version */
};

static const struct command commands[] = {
#define COMMAND(id, words, arguments, sentence) {words, arguments, sentence, command_##id},
#define COMMAND_LATER(words) {words, "", "", NULL},
#include "watcher/ctl/commands.def"
#undef COMMAND
#undef COMMAND_LATER
};

static void print_help(FILE *to)
{
	fputs("usage: ingestctl [-c FILE] [--json] COMMAND ...\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].run)
			fprintf(to, "  %s %s\n      %s\n", commands[i].words,
				commands[i].arguments, commands[i].sentence);
	fputs("\nexit: 0 ok, 1 refused, 2 usage, 3 partly, 4 daemon not reachable\n", to);
}

/* How many of the arguments the command's words take; 0: it is another command. */
static int words_taken(const char *words, char **args, int count)
{
	int taken = 0;

	while (*words) {
		size_t n = strcspn(words, " ");

		if (taken == count || strlen(args[taken]) != n ||
		    strncmp(args[taken], words, n) != 0)
			return 0;
		taken++;
		words += n + strspn(words + n, " ");
	}
	return taken;
}

static int unknown(char **args, int count)
{
	const char *names[ARRAY_LEN(commands)];
	struct span given = span_of(args[0]);
	char *two = count > 1 ? xasprintf("%s %s", args[0], args[1]) : NULL;
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i].words;
	near = nearest_name(given, names, ARRAY_LEN(commands));
	if (!near && two)
		near = nearest_name(span_of(two), names, ARRAY_LEN(commands));
	fprintf(stderr, "ingestctl: no command %s", args[0]);
	if (near)
		fprintf(stderr, "; did you mean %s?", near);
	fputs(" (ingestctl --help lists them)\n", stderr);
	free(two);
	return CTL_USAGE;
}

enum { OPT_JSON = 256, OPT_WAIT, OPT_TRACE, OPT_QUICK, OPT_TENANT, OPT_STATE, OPT_LIMIT, OPT_JOB, OPT_SINCE, OPT_FILTER,
       OPT_INPUT, OPT_JUNIT, OPT_RECIPIENTS, OPT_REASON, OPT_UNTIL, OPT_DAY, OPT_MONTH, OPT_TOTAL, OPT_CSV, OPT_HELP, OPT_VERSION };

#define BIT(option) (1u << ((option) - OPT_JSON))

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"wait", no_argument, NULL, OPT_WAIT},
	{"trace", no_argument, NULL, OPT_TRACE},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"tenant", required_argument, NULL, OPT_TENANT},
	{"state", required_argument, NULL, OPT_STATE},
	{"limit", required_argument, NULL, OPT_LIMIT},
	{"job", required_argument, NULL, OPT_JOB},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"filter", required_argument, NULL, OPT_FILTER},
	{"input", required_argument, NULL, OPT_INPUT},
	{"junit", required_argument, NULL, OPT_JUNIT},
	{"recipients", required_argument, NULL, OPT_RECIPIENTS},
	{"reason", required_argument, NULL, OPT_REASON},
	{"day", required_argument, NULL, OPT_DAY},
	{"month", required_argument, NULL, OPT_MONTH},
	{"total", no_argument, NULL, OPT_TOTAL},
	{"csv", no_argument, NULL, OPT_CSV},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

/* One that the command does not take would change nothing, and nobody would be told. */
static bool takes_options(const struct ctl_options *o, unsigned given)
{
	for (const struct option *l = long_options; l->name; l++) {
		char *name = xasprintf("--%s", l->name);
		bool taken = l->val == OPT_JSON || !(given & BIT(l->val)) || strstr(o->arguments, name);

		if (!taken)
			fprintf(stderr, "ingestctl: %s takes no %s\n", o->words, name);
		free(name);
		if (!taken) {
			(void)ctl_usage(o);
			return false;
		}
	}
	return true;
}

static int dispatch(struct ctl_options *o, unsigned given)
{
	const struct command *best = NULL;
	int taken = 0;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		int n = words_taken(commands[i].words, o->args, o->arg_count);

		if (n > taken) {
			best = &commands[i];
			taken = n;
		}
	}
	if (!best)
		return unknown(o->args, o->arg_count);
	if (!best->run) {
		fprintf(stderr, "ingestctl: %s: not in this version\n", best->words);
		return CTL_REFUSED;
	}
	o->args += taken;
	o->arg_count -= taken;
	o->words = best->words;
	o->arguments = best->arguments;
	return takes_options(o, given) ? best->run(o) : CTL_USAGE;
}

static int wrong_value(const char *option, const char *value, const char *allowed)
{
	fprintf(stderr, "ingestctl: %s \"%s\": must be %s\n", option, value, allowed);
	return CTL_USAGE;
}

/* As many as the daemon gives at a time. */
static bool is_limit(const char *text)
{
	unsigned long n = strtoul(text, NULL, 10);

	return text[strspn(text, "0123456789")] == '\0' && n > 0 && n <= 1000;
}

/* Where the text of an option goes; NULL: it has none, or is none. */
static const char **text_of(struct ctl_options *o, int c)
{
	switch (c) {
	case 'c':
		return &o->config;
	case OPT_TENANT:
		return &o->tenant;
	case OPT_STATE:
		return &o->state;
	case OPT_LIMIT:
		return &o->limit;
	case OPT_JOB:
		return &o->job;
	case OPT_SINCE:
		return &o->since;
	case OPT_UNTIL:
		return &o->until;
	case OPT_FILTER:
		return &o->filter;
	case OPT_INPUT:
		return &o->input;
	case OPT_JUNIT:
		return &o->junit;
	case OPT_RECIPIENTS:
		return &o->recipients;
	case OPT_REASON:
		return &o->reason;
	case OPT_DAY:
		return &o->day;
	case OPT_MONTH:
		return &o->month;
	default:
		return NULL;
	}
}

/* The same for those that are there or not. */
static bool *flag_of(struct ctl_options *o, int c)
{
	switch (c) {
	case OPT_JSON:
		return &o->json;
	case OPT_WAIT:
		return &o->wait;
	case OPT_TRACE:
		return &o->trace;
	case OPT_QUICK:
		return &o->quick;
	case OPT_TOTAL:
		return &o->total;
	case OPT_CSV:
		return &o->csv;
	default:
		return NULL;
	}
}

/* -1: go on; else the exit status */
static int take_option(struct ctl_options *o, int c)
{
	const char **text = text_of(o, c);
	bool *flag = flag_of(o, c);

	if (text)
		*text = optarg;
	else if (flag)
		*flag = true;
	switch (c) {
	case OPT_STATE:
		return record_state_known(optarg) ? -1 : wrong_value("--state", optarg, "one of " RECORD_STATES);
	case OPT_LIMIT:
		return is_limit(optarg) ? -1 : wrong_value("--limit", optarg, "a whole number from 1 to 1000");
	case OPT_HELP:
		print_help(stdout);
		return CTL_OK;
	case OPT_VERSION:
		puts("ingestctl " INGEST_VERSION);
		return CTL_OK;
	default: /* of what is none getopt has said what is wrong */
		return text || flag ? -1 : CTL_USAGE;
	}
}

/* One delivery in 64 begins with a minus: an id, or that of one of its documents, is no option; no option is so long. */
#define ID_LENGTH 20
#define ID_MARK '\1'

static bool is_id(const char *word)
{
	static const char letters[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return word[0] == '-' && strspn(word, letters) >= ID_LENGTH &&
	       (word[ID_LENGTH] == '\0' || word[ID_LENGTH] == '-');
}

/* With a mark in front, getopt leaves it where it stands. */
static void hide_ids(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (is_id(argv[i]))
			argv[i] = xasprintf("%c%s", ID_MARK, argv[i]);
}

static void show_ids(int count, char **args)
{
	for (int i = 0; i < count; i++)
		if (args[i][0] == ID_MARK && is_id(args[i] + 1))
			args[i]++;
}

int main(int argc, char **argv)
{
	struct ctl_options o = {0};
	unsigned given = 0;
	int c;

	hide_ids(argc, argv);

	while ((c = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		int rc = take_option(&o, c);

		if (rc >= 0)
			return rc;
		if (c >= OPT_JSON)
			given |= BIT(c);
	}
	o.args = argv + optind;
	o.arg_count = argc - optind;
	show_ids(o.arg_count, o.args);
	if (!o.arg_count) {
		print_help(stderr);
		return CTL_USAGE;
	}
	return dispatch(&o, given);
}
