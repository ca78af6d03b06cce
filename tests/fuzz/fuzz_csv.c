/*
 * fuzz_csv - any bytes through the parser, and what must hold for all of them
 *
 * The first four bytes choose options, window, row limit and a record to go on from; the rest is
 * the file.  Checked: no crash; every byte belongs to exactly one record; lines count up as line
 * ends do; each window size and each kernel gives the same records, and so does going on from any record; the
 * header comes out the same; a good row's fields fit in its raw bytes; memory stays bounded by the
 * limits. Built with clang -fsanitize=fuzzer,address,undefined (tests/fuzz/, make check-fuzz).
 */
#include "watcher/base/base.h"
#include "watcher/base/digest.h"
#include "watcher/base/utf8.h"
#include "watcher/decode/sniff.h"
#include "watcher/parse/parser.h"

struct memory {
	struct span all;
	size_t at;
};

/* What one pass saw, from one record on. */
struct summary {
	uint64_t records;
	uint64_t hash;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_memory(void *context, void *buf, size_t n, size_t *got, struct fault *f UNUSED)
{
	struct memory *m = context;

	*got = m->all.n - m->at < n ? m->all.n - m->at : n;
	if (*got > 0)
		memcpy(buf, m->all.p + m->at, *got);
	m->at += *got;
	return 0;
}

static int look_memory(void *context, uint64_t at, void *buf, size_t n, size_t *got,
		       struct fault *f)
{
	struct memory *m = context;
	struct memory other = {m->all, at < m->all.n ? (size_t)at : m->all.n};

	return read_memory(&other, buf, n, got, f);
}

static struct arena arena;

static void mix(uint64_t *hash, const void *p, size_t n)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++)
		*hash = (*hash ^ c[i]) * 0x100000001b3u;
}

static void mix_record(uint64_t *hash, const struct record *rec)
{
	mix(hash, &rec->state, sizeof(rec->state));
	mix(hash, &rec->row, sizeof(rec->row));
	mix(hash, &rec->line, sizeof(rec->line));
	mix(hash, &rec->next_offset, sizeof(rec->next_offset));
	mix(hash, &rec->next_line, sizeof(rec->next_line));
	mix(hash, rec->raw.p, rec->raw.n);
	mix(hash, &rec->raw_cut, sizeof(rec->raw_cut));
	for (size_t i = 0; i < rec->field_count; i++) {
		struct span text = field_text(&rec->fields[i], &arena);

		mix(hash, text.p, text.n);
		mix(hash, &rec->fields[i].quoted, 1);
	}
	arena_reset(&arena);
	if (rec->state == RECORD_BAD)
		mix(hash, rec->error.text, strlen(rec->error.text));
}

static void check_record(const struct parser_options *o, const struct record *rec)
{
	size_t length = 0;

	CHECK(rec->next_offset > rec->offset && rec->next_line >= rec->line);
	CHECK(rec->raw.n <= rec->next_offset - rec->offset);
	CHECK(rec->field_count <= o->max_columns);
	if (rec->state == RECORD_BAD)
		CHECK(rec->error.text[0] && utf8_valid(span_of(rec->error.text)));
	else
		CHECK(utf8_valid(rec->raw) && rec->raw.n <= o->max_row_bytes && !rec->raw_cut);
	for (size_t i = 0; i < rec->field_count; i++)
		length += rec->fields[i].text.n + 1;
	CHECK(length <= rec->raw.n + 1);
}

/* Runs to the end; marks: the state from record `from` on; *at: where that record began. */
static bool pass(const struct parser_options *o, struct span file, const struct parser_start *start,
		 uint64_t from, struct summary *out, struct parser_start *at)
{
	struct memory m = {file, start ? (size_t)start->offset : 0};
	struct parser_source source = {&m, read_memory, look_memory};
	struct fault f = FAULT_INIT;
	uint64_t expected = start ? start->offset : UINT64_MAX;
	struct parser *p;
	struct record rec;

	*out = (struct summary){0, 0xcbf29ce484222325u};
	if (parser_new(o, &source, start, &p, &f) < 0) {
		CHECK(f.kind == FAULT_DATA && o->header);
		return false;
	}
	while (parser_next(p, &rec, &f) == 1) {
		check_record(o, &rec);
		CHECK(o->header || expected == UINT64_MAX || rec.offset == expected);
		expected = rec.next_offset;
		if (rec.row == from)
			*at = (struct parser_start){rec.row, rec.line, rec.offset};
		if (rec.row >= from) {
			mix_record(&out->hash, &rec);
			out->records++;
		}
	}
	CHECK(o->header || expected == UINT64_MAX || expected == file.n);
	for (size_t i = 0; i < parser_header(p)->count; i++)
		mix(&out->hash, parser_header(p)->names[i].p, parser_header(p)->names[i].n);
	parser_free(&p);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = {1, 2, 3, 7, 16, 40, 100, 1 << 16};
	struct parser_options o = {.format = PARSER_CSV, .header = false, .split_fields = true, .max_columns = 6,
				   .max_row_bytes = 100, .scan = NULL, .window = 0};
	struct parser_start at = {0, 0, 0}, ignored;
	struct summary whole, small, rest;
	struct span file;
	uint64_t from;

	if (size < 4)
		return 0;
	file = (struct span){(const char *)data + 4, size - 4};
	o.header = data[0] & 1;
	o.split_fields = !(data[0] & 2);
	o.format = (data[0] & 12) == 12 ? PARSER_TXT : PARSER_CSV;
	o.max_row_bytes = limits[data[1] % ARRAY_LEN(limits)];
	from = 1 + data[2] % 16;
	sniff_bytes(file);
	if (!arena.block_size)
		arena_init(&arena, 64 * 1024);
	if (!pass(&o, file, NULL, from, &whole, &at))
		return 0;
	o.window = 1 + data[3] % 64;
	CHECK(pass(&o, file, NULL, from, &small, &ignored));
	CHECK(whole.records == small.records && whole.hash == small.hash);
	for (const char *const *k = plain_names(); *k; k++) {
		o.scan = plain_kernel_named(*k);
		CHECK(pass(&o, file, NULL, from, &small, &ignored));
		CHECK(whole.records == small.records && whole.hash == small.hash);
	}
	if (at.row == 0)
		return 0;
	CHECK(pass(&o, file, &at, from, &rest, &ignored));
	CHECK(whole.records == rest.records && whole.hash == rest.hash);
	return 0;
}
