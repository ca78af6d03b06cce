/*
 * convert - the bulk body that a file would send; see the header
 *
 * Called by main.  Owns the file, the compiled version and a buffer of output.  Standard output that breaks ends it.
 */
#include "watcher/base/base.h"
#include "watcher/worker/convert.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/model/counters.h"
#include "watcher/model/message.h"
#include "watcher/quality/verdict.h"
#include "watcher/sink/document_id.h"
#include "watcher/worker/input.h"
#include "watcher/worker/local.h"
#include "watcher/worker/row.h"
#include "watcher/worker/unwrap.h"
#include <fcntl.h>
#include <unistd.h>

#define BUFFER (64 * 1024)

struct conversion {
	struct compiled *compiled;
	const char *tenant;
	struct local_keys keys;
	const char *name; /* the file's, without its folder */
	int fd;
	struct input *input;
	struct row *row;
	int64_t now_ms; /* what filters see, in both passes */
	struct counters counters;
	char delivery[DELIVERY_TEXT];
	char *index;
	struct strbuf action; /* line of a document, up to its id */
	struct strbuf out;
};

static int open_pass(struct conversion *c, bool first, struct fault *f)
{
	struct input_options o = {
		.version = c->compiled->version,
		.file = c->name,
		.split_fields = row_wants_fields(c->compiled, FORMAT_CSV),
		.usual = row_usual_columns(c->compiled),
		.digest = first,
		.keys = unwrap_local(&c->keys),
	};

	row_free(&c->row);
	input_free(&c->input);
	memset(&c->counters, 0, sizeof(c->counters));
	if (input_new(c->fd, &o, &c->input, f) < 0)
		return -1;
	c->row = row_new(c->compiled, input_format(c->input), input_header(c->input), c->now_ms);
	return 0;
}

static void begin_document(struct conversion *c, uint64_t row, unsigned part)
{
	char id[DOCUMENT_ID_TEXT];
	size_t n = document_id(c->delivery, row, part, id);

	strbuf_addspan(&c->out, strbuf_span(&c->action));
	strbuf_add(&c->out, id, n);
	strbuf_addspan(&c->out, SPAN_LITERAL("\"}}\n"));
}

static int end_document(struct conversion *c, struct fault *f)
{
	strbuf_addc(&c->out, '\n');
	if (c->out.n < BUFFER)
		return 0;
	if (fs_write_all(STDOUT_FILENO, c->out.p, c->out.n, f) < 0)
		return -1;
	strbuf_reset(&c->out);
	return 0;
}

static int put_straight(struct conversion *c, const struct record *rec, struct fault *f)
{
	begin_document(c, rec->row, 0);
	row_add_straight(c->row, rec, &c->out);
	return end_document(c, f);
}

static int put_documents(struct conversion *c, const struct record *rec, const struct row_output *out,
			 struct fault *f)
{
	row_set_origin(c->row, c->name, c->delivery);
	for (size_t i = 0; i < out->count; i++) {
		row_add_origin(c->row, out->events[i], rec);
		begin_document(c, rec->row, out->count > 1 ? (unsigned)i + 1 : 0);
		event_add_json(&c->out, out->events[i]);
		if (end_document(c, f) < 0)
			return -1;
	}
	return 0;
}

/* The rejects are told in the first pass, the documents in the second. */
static int take_row(struct conversion *c, const struct record *rec, bool first, struct fault *f)
{
	struct row_output out;

	c->counters.read++;
	if (row_is_straight(c->row, rec)) {
		c->counters.documents++;
		return first ? 0 : put_straight(c, rec, f);
	}
	switch (row_run(c->row, rec, NULL, &out)) {
	case ROW_DOCUMENTS:
		c->counters.documents += out.count;
		return first ? 0 : put_documents(c, rec, &out, f);
	case ROW_FILTERED:
		c->counters.filtered++;
		return 0;
	case ROW_BLANK:
		c->counters.blank++;
		return 0;
	case ROW_REJECTED:
		c->counters.rejected++;
		if (first)
			fprintf(stderr, "%llu, %s, %s\n", (unsigned long long)out.error.line, out.error.column,
				out.error.text);
		return 0;
	}
	CHECK(!"a row result");
	return -1;
}

static int run_pass(struct conversion *c, bool first, struct fault *f)
{
	struct record rec;
	int r;

	if (open_pass(c, first, f) < 0)
		return -1;
	while ((r = input_next(c->input, &rec, f)) == 1)
		if (take_row(c, &rec, first, f) < 0)
			return -1;
	return r;
}

static int judge(struct conversion *c, struct fault *f)
{
	const struct job *j = c->compiled->version->job;
	unsigned char raw[DIGEST_SIZE];
	char hex[DIGEST_HEX];
	uint64_t bytes;

	if (input_digest(c->input, hex, raw, &bytes, f) < 0)
		return -1;
	delivery_id(c->tenant, j->name, c->name, raw, c->delivery);
	if (verdict_rejects(&c->counters, j->rejects.max_ratio, j->rejects.max_rows, f) < 0)
		return -1;
	if (index_name_at(c->compiled->version->index_pattern, clock_now_ms(), &c->index, f) < 0)
		return -1;
	strbuf_adds(&c->action, "{\"create\":{");
	json_pair_string(&c->action, "_index", c->index);
	strbuf_adds(&c->action, ",\"_id\":\"");
	return 0;
}

static void print_counts(const struct counters *c)
{
	fprintf(stderr, "read=%llu documents=%llu rejected=%llu filtered=%llu blank=%llu\n",
		(unsigned long long)c->read, (unsigned long long)c->documents,
		(unsigned long long)c->rejected, (unsigned long long)c->filtered,
		(unsigned long long)c->blank);
}

static int convert_file(struct conversion *c, const char *file, struct fault *f)
{
	struct stat st;
	int r;

	c->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot open %s", file);
	if (!S_ISREG(st.st_mode))
		return fault_set(f, FAULT_CONFIG, "%s is no regular file", file);
	r = run_pass(c, true, f);
	if (r == 0)
		r = judge(c, f);
	if (r == 0)
		r = run_pass(c, false, f);
	if (r == 0 && c->out.n)
		r = fs_write_all(STDOUT_FILENO, c->out.p, c->out.n, f);
	print_counts(&c->counters);
	return r;
}

static void release(struct conversion *c)
{
	row_free(&c->row);
	input_free(&c->input);
	compiled_free(&c->compiled);
	strbuf_release(&c->out);
	strbuf_release(&c->action);
	free(c->index);
	fs_close(&c->fd);
}

int convert(const char *config, const char *tenant, const char *job, const char *file)
{
	struct conversion c = {
		.tenant = tenant, .keys = {config, tenant, false}, .fd = -1, .now_ms = clock_now_ms(),
		.action = STRBUF_INIT, .out = STRBUF_INIT,
	};
	struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
	const char *slash = strrchr(file, '/');
	struct fault f = FAULT_INIT;
	int r = local_version(config, tenant, job, &text, &errors);

	c.name = slash ? slash + 1 : file;
	if (r == 0)
		r = compiled_new(strbuf_span(&text), &c.compiled, &errors, NULL, &f);
	if (r < 0) {
		fprintf(stderr, "%s%s", errors.n ? errors.p : f.text, errors.n ? "" : "\n");
	} else {
		r = convert_file(&c, file, &f);
		if (r < 0)
			fprintf(stderr, "ingest-worker: %s\n", f.text);
	}
	r = r < 0 ? 1 : c.counters.rejected ? 3 : 0;
	release(&c);
	strbuf_release(&text);
	strbuf_release(&errors);
	return r;
}
