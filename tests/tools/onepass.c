/*
 * onepass - one pass of the worker over a file, as the gate or as the load makes it: what each costs alone
 *
 *	onepass [-d] [-e] [-o OUT] CONFIG TENANT JOB FILE
 *
 * -d: with the digest, as in the gate; -e: documents and their ids are written as in the load, and thrown away, or to OUT.  `ingest-worker
 * --convert` makes both passes and the journal's figures are of both; a ratio to `cat` or to a bare SHA-256 needs one.  Prints the rows.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/sink/document_id.h"
#include "watcher/worker/compiled.h"
#include "watcher/worker/input.h"
#include "watcher/worker/local.h"
#include "watcher/worker/row.h"
#include "watcher/worker/unwrap.h"
#include <fcntl.h>
#include <unistd.h>

#define BODY (1024u * 1024)

struct pass {
	struct compiled *compiled;
	struct input *input;
	struct row *row;
	bool digest, emit;
	uint64_t rows, documents;
	struct strbuf body;
	int out; /* -1: none */
};

static int end_body(struct pass *p, struct fault *f)
{
	int r = p->out < 0 ? 0 : fs_write_all(p->out, p->body.p, p->body.n, f);

	strbuf_reset(&p->body);
	return r;
}

/* A document is begun and ended as in a bulk; out NULL: it is a straight one. */
static int emit(struct pass *p, const struct record *rec, const struct row_output *out, struct fault *f)
{
	char id[DOCUMENT_ID_TEXT];

	for (size_t i = 0; i < (out ? out->count : 1); i++) {
		size_t n = document_id("AAAAAAAAAAAAAAAAAAAA", rec->row, 0, id);

		strbuf_addspan(&p->body, SPAN_LITERAL("{\"create\":{\"_id\":\""));
		strbuf_add(&p->body, id, n);
		strbuf_addspan(&p->body, SPAN_LITERAL("\"}}\n"));
		if (out)
			event_add_json(&p->body, out->events[i]);
		else
			row_add_straight(p->row, rec, &p->body);
		strbuf_addc(&p->body, '\n');
	}
	return p->body.n >= BODY ? end_body(p, f) : 0;
}

static int take(struct pass *p, const struct record *rec, struct fault *f)
{
	struct row_output out;
	bool straight = row_is_straight(p->row, rec);

	p->rows++;
	if (!straight && row_run(p->row, rec, NULL, &out) != ROW_DOCUMENTS)
		return 0;
	p->documents += straight ? 1 : out.count;
	return p->emit ? emit(p, rec, straight ? NULL : &out, f) : 0;
}

static int run(struct pass *p, struct fault *f)
{
	struct record rec;
	int r;

	while ((r = input_next(p->input, &rec, f)) == 1)
		if (take(p, &rec, f) < 0)
			return -1;
	return r < 0 ? r : end_body(p, f);
}

static int pass_over(struct pass *p, struct local_keys *keys, const char *file, struct fault *f)
{
	const char *slash = strrchr(file, '/');
	struct input_options o = {
		.version = p->compiled->version,
		.file = slash ? slash + 1 : file,
		.split_fields = row_wants_fields(p->compiled, FORMAT_CSV),
		.usual = row_usual_columns(p->compiled),
		.digest = p->digest,
		.keys = unwrap_local(keys),
	};
	unsigned char raw[DIGEST_SIZE];
	char hex[DIGEST_HEX];
	uint64_t bytes;
	int fd = open(file, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot open %s", file);
	r = input_new(fd, &o, &p->input, f);
	if (r == 0) {
		p->row = row_new(p->compiled, input_format(p->input), input_header(p->input), 0);
		r = run(p, f);
	}
	if (r == 0 && p->digest)
		r = input_digest(p->input, hex, raw, &bytes, f);
	row_free(&p->row);
	input_free(&p->input);
	fs_close(&fd);
	return r;
}

int main(int argc, char **argv)
{
	struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
	struct pass p = {.body = STRBUF_INIT, .out = -1};
	struct fault f = FAULT_INIT;
	struct local_keys keys;
	const char *out = NULL;
	int o, r;

	while ((o = getopt(argc, argv, "deo:")) != -1) {
		p.digest |= o == 'd';
		p.emit |= o == 'e' || o == 'o';
		out = o == 'o' ? optarg : out;
	}
	if (out)
		p.out = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (optind + 4 != argc || (out && p.out < 0)) {
		fputs("usage: onepass [-d] [-e] [-o OUT] CONFIG TENANT JOB FILE\n", stderr);
		return 2;
	}
	keys = (struct local_keys){argv[optind], argv[optind + 1], false};
	r = local_version(argv[optind], argv[optind + 1], argv[optind + 2], &text, &errors);
	if (r == 0)
		r = compiled_new(strbuf_span(&text), &p.compiled, &errors, NULL, &f);
	if (r == 0)
		r = pass_over(&p, &keys, argv[optind + 3], &f);
	if (r < 0)
		fprintf(stderr, "onepass: %s%s\n", errors.n ? errors.p : "", f.text);
	printf("%llu %llu\n", (unsigned long long)p.rows, (unsigned long long)p.documents);
	compiled_free(&p.compiled);
	strbuf_release(&text);
	strbuf_release(&errors);
	strbuf_release(&p.body);
	return r < 0;
}
