/*
 * apply - rows from standard input through a filter; see the header
 *
 * Called by main for --filter and --check-filter.  Owns the compiled filter, one arena and one line.
 */
#include "watcher/base/base.h"
#include "watcher/worker/apply.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include "watcher/worker/chosen.h"
#include "watcher/worker/json_event.h"
#include "watcher/worker/trace.h"
#include <unistd.h>

#define EXIT_REFUSED 2
#define LINE_MAX_BYTES (16 * 1024 * 1024)

struct application {
	struct chosen filter;
	bool ndjson;
	bool array;    /* the events as one */
	uint64_t events;
	struct trace *trace;
	struct arena arena;
	struct strbuf out;
	uint64_t row;
	bool unusable; /* a line was */
};

static struct plan *plan_of(const struct application *a)
{
	return chosen_plan(&a->filter);
}

int apply_check(char **files)
{
	char standard[] = "/dev/stdin", *one[] = {standard, NULL};
	int r = 0;

	for (char **file = files[0] ? files : one; *file; file++) {
		struct strbuf said = STRBUF_INIT;
		struct chosen c = {0};

		if (chosen_file(&c, *file, &said) < 0)
			r = -1;
		fputs(said.p, stderr);
		chosen_release(&c);
		strbuf_release(&said);
	}
	return r;
}

/* --- rows --- */

static void complain(struct application *a, const char *why)
{
	fprintf(stderr, "row %llu: %s\n", (unsigned long long)a->row, why);
}

static int read_event(struct application *a, struct span line, struct event *ev)
{
	struct fault f = FAULT_INIT;

	event_init(ev, &a->arena);
	if (a->ndjson && json_event_read(line, ev, &f) < 0) {
		complain(a, f.text);
		return -1;
	}
	if (a->ndjson)
		return 0;
	if (!utf8_valid(line)) {
		complain(a, "invalid UTF-8");
		return -1;
	}
	event_append(ev, SPAN_LITERAL("message"), value_string(line));
	return 0;
}

static void print_failure(struct application *a, const struct plan_failure *failure)
{
	struct fault f = FAULT_INIT;

	fault_set(&f, FAULT_DATA, "%s", failure->text); /* escapes what a terminal must not see */
	complain(a, f.text);
}

/* A line of its own; in an array with its comma. */
static void add_event(struct application *a, const struct event *ev)
{
	if (a->array && a->events++ > 0)
		strbuf_addc(&a->out, ',');
	event_add_json(&a->out, ev);
	strbuf_addc(&a->out, '\n');
}

static int print_out(struct application *a)
{
	struct fault f = FAULT_INIT;
	int r = fs_write_all(STDOUT_FILENO, a->out.p, a->out.n, &f);

	if (r < 0)
		fprintf(stderr, "ingest-worker: %s\n", f.text);
	strbuf_reset(&a->out);
	return r;
}

static int take_row(struct application *a, struct span line)
{
	struct plan_result result = {0};
	struct event ev, *only = &ev;

	a->row++;
	arena_reset(&a->arena);
	if (read_event(a, line, &ev) < 0) {
		a->unusable = true;
		return 0;
	}
	if (a->trace)
		trace_row(a->trace, a->row, &ev);
	result = (struct plan_result){.events = &only, .count = 1};
	if (plan_of(a))
		plan_run(plan_of(a), &ev, NULL, clock_now_ms(), &result);
	if (result.failure || result.refusal)
		print_failure(a, result.failure ? result.failure : result.refusal);
	for (size_t i = 0; i < result.count; i++)
		add_event(a, result.events[i]);
	return print_out(a);
}

static int run_rows(struct application *a)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = 0;

	if (plan_of(a))
		plan_begin(plan_of(a));
	if (a->array)
		strbuf_addc(&a->out, '[');
	while (r == 0 && (n = getline(&line, &cap, stdin)) > 0) {
		struct span s = {line, (size_t)n};

		if (s.p[s.n - 1] == '\n')
			s.n--;
		if (s.n && s.p[s.n - 1] == '\r')
			s.n--;
		if (s.n > LINE_MAX_BYTES || (a->ndjson && !s.n)) {
			a->row++;
			a->unusable |= s.n > 0;
			if (s.n)
				complain(a, "a line over 16 MiB");
			continue;
		}
		r = take_row(a, s);
	}
	free(line);
	if (r == 0 && a->array) {
		strbuf_adds(&a->out, "]\n");
		r = print_out(a);
	}
	return r < 0 || ferror(stdin) || a->unusable ? 1 : 0;
}

int apply_explain(const struct apply_options *o)
{
	struct strbuf said = STRBUF_INIT, words = STRBUF_INIT, out = STRBUF_INIT;
	struct chosen c = {0};
	int r = o->filter_file ? chosen_file(&c, o->filter_file, &said)
			       : chosen_job(&c, o->config, o->tenant, o->job, &said);

	fputs(said.p, stderr);
	if (r == 0) {
		chosen_explain(&c, &words);
		if (o->json) {
			strbuf_adds(&out, "{\"explanation\":");
			json_add_lossy(&out, strbuf_span(&words));
			strbuf_adds(&out, "}\n");
		}
		fputs(o->json ? out.p : words.p, stdout);
	}
	chosen_release(&c);
	strbuf_release(&said);
	strbuf_release(&words);
	strbuf_release(&out);
	return r < 0 ? EXIT_REFUSED : 0;
}

int apply(const struct apply_options *o)
{
	struct application a = {
		.ndjson = o->input && strcmp(o->input, "ndjson") == 0, .array = o->json, .out = STRBUF_INIT};
	struct strbuf said = STRBUF_INIT;
	struct trace trace;
	int r;

	arena_init(&a.arena, 64 * 1024);
	trace_init(&trace);
	r = o->filter_file ? chosen_file(&a.filter, o->filter_file, &said)
			   : chosen_job(&a.filter, o->config, o->tenant, o->job, &said);
	fputs(said.p, stderr);
	if (r == 0 && o->trace && plan_of(&a)) {
		a.trace = &trace;
		plan_watch(plan_of(&a), &trace.watch);
	}
	r = r < 0 ? EXIT_REFUSED : run_rows(&a);
	chosen_release(&a.filter);
	arena_release(&a.arena);
	trace_release(&trace);
	strbuf_release(&a.out);
	strbuf_release(&said);
	return r;
}
