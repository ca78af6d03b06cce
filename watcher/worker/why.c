/*
 * why - one document back to its row; see the header
 *
 * Called by main.  Reads the file as the gate does, up to the row.  A filter that remembers rows sees every row before it, others
 * only this one.
 */
#include "watcher/base/base.h"
#include "watcher/worker/why.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/worker/input.h"
#include "watcher/worker/row.h"
#include "watcher/worker/trace.h"
#include "watcher/worker/unwrap.h"
#include <fcntl.h>
#include <unistd.h>

#define VERSION_MAX (4 * 1024 * 1024)
#define EXIT_VERSION 78

struct inquiry {
	const struct why_options *o;
	struct compiled *compiled;
	int fd;
	struct input *input;
	struct row *row;
	struct trace trace;
	char *steps; /* what the filters did, as text */
	size_t steps_length;
};

static int open_version(struct inquiry *q, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int r = fs_read_file(q->o->version_file, VERSION_MAX, &text, f);

	if (r == 0)
		r = compiled_new(strbuf_span(&text), &q->compiled, NULL, NULL, f);
	strbuf_release(&text);
	return r;
}

/* Another file of the same name would answer for rows that it does not have. */
static int check_digest(const struct inquiry *q, struct fault *f)
{
	static const struct input_ticker none;
	char hex[DIGEST_HEX];
	uint64_t bytes;

	if (input_digest_of(q->fd, &none, hex, &bytes, f) < 0)
		return -1;
	if (strcmp(hex, q->o->sha256) == 0)
		return 0;
	return fault_set(f, FAULT_DATA, "%s is not the file that was loaded: its SHA-256 is %s, that was %s",
			 q->o->file, hex, q->o->sha256);
}

static int open_input(struct inquiry *q, struct fault *f)
{
	struct local_keys keys = {q->o->config, q->compiled->version->tenant, true};
	struct input_options io = {
		.version = q->compiled->version,
		.file = q->o->name,
		.split_fields = row_wants_fields(q->compiled, FORMAT_CSV),
		.keys = unwrap_local(&keys),
	};

	q->fd = open(q->o->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (q->fd < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot open %s", q->o->file);
	if (check_digest(q, f) < 0 || input_new(q->fd, &io, &q->input, f) < 0)
		return -1;
	q->row = row_new(q->compiled, input_format(q->input), input_header(q->input), q->o->claimed_ms);
	row_set_origin(q->row, q->o->name, q->o->delivery);
	return 0;
}

static const char *result_name(enum row_result r)
{
	switch (r) {
	case ROW_DOCUMENTS:
		return "document";
	case ROW_REJECTED:
		return "rejected";
	case ROW_FILTERED:
		return "filtered";
	case ROW_BLANK:
		return "blank";
	}
	CHECK(!"a row result");
	return "";
}

/* The document asked for, as JSON; nothing when the row gave none of that number. */
static void add_document(struct inquiry *q, const struct record *rec, const struct row_output *out,
			 struct strbuf *sb)
{
	size_t i = q->o->part ? (size_t)q->o->part - 1 : 0;

	if (i >= out->count)
		return;
	row_add_origin(q->row, out->events[i], rec);
	event_add_json(sb, out->events[i]);
}

static void print_text(const struct inquiry *q, const struct record *rec, enum row_result r,
		       const struct row_output *out, const char *document)
{
	struct strbuf raw = STRBUF_INIT;

	json_add_lossy(&raw, rec->raw);
	printf("row        %llu, line %llu of %s\n", (unsigned long long)rec->row, (unsigned long long)rec->line,
	       q->o->name);
	printf("raw        %s\n", raw.p);
	printf("filters%s\n%s", q->compiled->plan ? "" : "    none: types come from the index's mappings", q->steps);
	printf("result     %s%s%s\n", result_name(r), r == ROW_REJECTED ? ": " : "",
	       r == ROW_REJECTED ? out->error.text : "");
	if (*document)
		printf("document   %s\n", document);
	strbuf_release(&raw);
}

static void print_json(const struct inquiry *q, const struct record *rec, enum row_result r,
		       const struct row_output *out, const char *document)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addc(&sb, '{');
	json_pair_string(&sb, "delivery", q->o->delivery);
	json_pair_string(&sb, "file", q->o->name);
	json_pair_string(&sb, "path", q->o->file);
	json_pair_string(&sb, "job", q->compiled->version->job->name);
	json_pair_string(&sb, "job_version", q->compiled->version->hash);
	json_pair_u64(&sb, "row", rec->row);
	json_pair_u64(&sb, "part", q->o->part);
	json_pair_u64(&sb, "line", rec->line);
	json_pair_span(&sb, "raw", rec->raw);
	json_pair_string(&sb, "filters", q->steps);
	json_pair_string(&sb, "result", result_name(r));
	json_pair_string(&sb, "error", r == ROW_REJECTED ? out->error.text : NULL);
	json_add_key(&sb, "document");
	strbuf_adds(&sb, *document ? document : "null");
	strbuf_addc(&sb, '}');
	puts(sb.p);
	strbuf_release(&sb);
}

/* The row itself, its filters watched. */
static int answer(struct inquiry *q, const struct record *rec, struct fault *f)
{
	struct strbuf document = STRBUF_INIT;
	struct row_output out = {0};
	enum row_result r;

	q->trace.out = open_memstream(&q->steps, &q->steps_length);
	if (!q->trace.out)
		return fault_errno(f, FAULT_SYSTEM, "cannot watch the filters");
	if (q->compiled->plan)
		plan_watch(q->compiled->plan, &q->trace.watch);
	r = row_run(q->row, rec, NULL, &out);
	fclose(q->trace.out);
	if (r == ROW_DOCUMENTS)
		add_document(q, rec, &out, &document);
	(q->o->json ? print_json : print_text)(q, rec, r, &out, document.p);
	strbuf_release(&document);
	return 0;
}

static int find_row(struct inquiry *q, struct fault *f)
{
	bool all = row_remembers(q->compiled);
	struct row_output out = {0};
	struct record rec;
	int r;

	while ((r = input_next(q->input, &rec, f)) == 1) {
		if (rec.row == q->o->row)
			return answer(q, &rec, f);
		if (all)
			(void)row_run(q->row, &rec, NULL, &out);
	}
	if (r < 0)
		return -1;
	return fault_set(f, FAULT_DATA, "the file has no row %llu", (unsigned long long)q->o->row);
}

int why(const struct why_options *o)
{
	struct inquiry q = {.o = o, .fd = -1};
	struct fault f = FAULT_INIT;
	int code = 0;

	trace_init(&q.trace);
	if (open_version(&q, &f) < 0)
		code = EXIT_VERSION;
	else if (open_input(&q, &f) < 0 || find_row(&q, &f) < 0)
		code = 1;
	if (code)
		fprintf(stderr, "ingest-worker: %s\n", f.text);
	row_free(&q.row);
	input_free(&q.input);
	compiled_free(&q.compiled);
	trace_release(&q.trace);
	free(q.steps);
	fs_close(&q.fd);
	return code;
}
