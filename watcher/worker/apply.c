/*
 * apply - rows from standard input through a filter; see the header
 *
 * Called by main for --filter and --check-filter.  Owns the compiled filter, one arena and one line.
 */
#include "watcher/base/base.h"
#include "watcher/worker/apply.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/utf8.h"
#include "watcher/worker/compiled.h"
#include "watcher/worker/json_event.h"
#include "watcher/worker/local.h"
#include "watcher/worker/trace.h"
#include <unistd.h>

#define EXIT_REFUSED 2
#define LINE_MAX_BYTES (16 * 1024 * 1024)

struct application {
	struct plan *plan;          /* of a filter's file */
	struct compiled *compiled;  /* of a job */
	bool ndjson;
	struct trace *trace;
	struct arena arena;
	struct strbuf out;
	uint64_t row;
	bool unusable; /* a line was */
};

static struct plan *plan_of(const struct application *a)
{
	return a->compiled ? a->compiled->plan : a->plan;
}

/* --- the filter --- */

static int compile_text(struct span text, const char *origin, struct plan **out, struct strbuf *said)
{
	struct plan_source src = {.text = text, .origin = origin};
	struct strbuf warnings = STRBUF_INIT;
	int r;

	if (!utf8_valid(text) || (text.n && memchr(text.p, '\0', text.n))) {
		strbuf_addf(said, "%s: is no UTF-8 text\n", origin);
		return -1;
	}
	r = plan_compile(&src, out, said, &warnings);
	strbuf_addspan(said, strbuf_span(&warnings));
	strbuf_release(&warnings);
	return r;
}

static int compile_file(const char *file, struct plan **out, struct strbuf *said)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int r = fs_read_file(file, SOURCE_MAX + 1, &text, &f);

	if (r < 0)
		strbuf_addf(said, "%s\n", f.text);
	else
		r = compile_text(strbuf_span(&text), file, out, said);
	strbuf_release(&text);
	return r;
}

static int compile_job(struct application *a, const struct apply_options *o, struct strbuf *said)
{
	struct strbuf text = STRBUF_INIT, warnings = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int r = local_version(o->config, o->tenant, o->job, &text, said);

	if (r == 0) {
		r = compiled_new(strbuf_span(&text), &a->compiled, said, &warnings, &f);
		if (r < 0 && !said->n)
			strbuf_addf(said, "%s\n", f.text);
		strbuf_addspan(said, strbuf_span(&warnings));
	}
	strbuf_release(&text);
	strbuf_release(&warnings);
	return r;
}

int apply_check(char **files)
{
	char standard[] = "/dev/stdin", *one[] = {standard, NULL};
	int r = 0;

	for (char **file = files[0] ? files : one; *file; file++) {
		struct strbuf said = STRBUF_INIT;
		struct plan *p = NULL;

		if (compile_file(*file, &p, &said) < 0)
			r = -1;
		fputs(said.p, stderr);
		plan_free(&p);
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

static int take_row(struct application *a, struct span line)
{
	struct plan_result result = {0};
	struct fault f = FAULT_INIT;
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
	strbuf_reset(&a->out);
	for (size_t i = 0; i < result.count; i++) {
		event_add_json(&a->out, result.events[i]);
		strbuf_addc(&a->out, '\n');
	}
	if (fs_write_all(STDOUT_FILENO, a->out.p, a->out.n, &f) == 0)
		return 0;
	fprintf(stderr, "ingest-worker: %s\n", f.text);
	return -1;
}

static int run_rows(struct application *a)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = 0;

	if (plan_of(a))
		plan_begin(plan_of(a));
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
	return r < 0 || ferror(stdin) || a->unusable ? 1 : 0;
}

int apply(const struct apply_options *o)
{
	struct application a = {.ndjson = o->input && strcmp(o->input, "ndjson") == 0, .out = STRBUF_INIT};
	struct strbuf said = STRBUF_INIT;
	struct trace trace;
	int r;

	arena_init(&a.arena, 64 * 1024);
	trace_init(&trace);
	r = o->filter_file ? compile_file(o->filter_file, &a.plan, &said) : compile_job(&a, o, &said);
	fputs(said.p, stderr);
	if (r == 0 && o->trace && plan_of(&a)) {
		a.trace = &trace;
		plan_watch(plan_of(&a), &trace.watch);
	}
	r = r < 0 ? EXIT_REFUSED : run_rows(&a);
	plan_free(&a.plan);
	compiled_free(&a.compiled);
	arena_release(&a.arena);
	trace_release(&trace);
	strbuf_release(&a.out);
	strbuf_release(&said);
	return r;
}
