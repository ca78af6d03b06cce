/*
 * straight_check - of a file and its mappings: is every straight document the one that the event gives?
 *
 * Runs the file through the parser with one kernel and window and, for each record that is straight, compares its text with that of
 * row_run on the same record, which must be one document and count no coercion.  Where the parser found the fields for a filter text,
 * what that makes of them is compared with what it makes of the raw row.  Used by the unit test and by the fuzzer.
 */
#ifndef TESTS_LIB_STRAIGHT_CHECK_H
#define TESTS_LIB_STRAIGHT_CHECK_H

#include "watcher/base/base.h"
#include "watcher/base/arena.h"
#include "watcher/worker/row.h"

struct straight_counts {
	uint64_t rows, straight, clean, found;
};

struct straight_memory {
	struct span all;
	size_t at;
};

static int straight_read(void *context, void *buf, size_t n, size_t *got, struct fault *f UNUSED)
{
	struct straight_memory *m = context;

	*got = m->all.n - m->at < n ? m->all.n - m->at : n;
	if (*got)
		memcpy(buf, m->all.p + m->at, *got);
	m->at += *got;
	return 0;
}

static int straight_look(void *context, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct straight_memory *m = context;
	struct straight_memory other = {m->all, at < m->all.n ? (size_t)at : m->all.n};

	return straight_read(&other, buf, n, got, f);
}

/* The record as an automaton alone leaves it to a filter text. */
static inline struct record straight_raw(bool filter, const struct record *rec)
{
	struct record raw = *rec;

	if (filter) {
		raw.fields = NULL;
		raw.field_count = 0;
		raw.clean = false;
	}
	return raw;
}

/* All that comes of a record, as one text. */
static inline void straight_outcome(struct row *r, const struct record *rec, struct strbuf *sb)
{
	struct coercions c;
	struct row_output out;
	enum row_result result;

	coercions_init(&c);
	result = row_run(r, rec, &c, &out);
	strbuf_addf(sb, "%d\n", (int)result);
	for (size_t i = 0; result == ROW_DOCUMENTS && i < out.count; i++)
		event_add_json(sb, out.events[i]);
	if (result == ROW_REJECTED)
		strbuf_addf(sb, "%llu %s %s", (unsigned long long)out.error.line, out.error.column, out.error.text);
	coercions_add_json(sb, &c);
}

static inline void straight_compare_found(struct row *r, const struct record *rec, struct straight_counts *counts)
{
	struct strbuf have = STRBUF_INIT, want = STRBUF_INIT;
	struct record raw = straight_raw(true, rec);

	straight_outcome(r, rec, &have);
	straight_outcome(r, &raw, &want);
	if (!span_equal(strbuf_span(&have), strbuf_span(&want))) {
		fprintf(stderr, "row %llu: %.*s\n have %s\n want %s\n", (unsigned long long)rec->row, SPAN_FMT(rec->raw),
			have.p, want.p);
		abort();
	}
	counts->found++;
	strbuf_release(&have);
	strbuf_release(&want);
}

/* The document of the record's values, where it has nothing but those. */
static inline void straight_of_values(struct row *r, const struct record *rec, struct strbuf *sb)
{
	size_t count;
	const struct span *names = row_straight_names(r, rec, &count);
	const struct value *values;
	struct arena a;
	struct event ev;

	if (!names)
		return;
	arena_init(&a, 4096);
	event_init(&ev, &a);
	values = row_straight_values(r, rec, count);
	for (size_t i = 0; i < count; i++)
		event_append(&ev, names[i], values[i]);
	event_add_json(sb, &ev);
	arena_release(&a);
}

static inline void straight_compare(struct row *r, const struct record *rec, bool filter, struct straight_counts *counts)
{
	struct strbuf have = STRBUF_INIT, want = STRBUF_INIT;
	struct record raw = straight_raw(filter, rec);
	struct strbuf values = STRBUF_INIT;
	struct coercions c;
	struct row_output out;

	coercions_init(&c);
	straight_of_values(r, rec, &values);
	strbuf_adds(&have, "{\"create\":{}}\n"); /* it is added behind something */
	strbuf_adds(&want, "{\"create\":{}}\n");
	row_add_straight(r, rec, &have);
	CHECK(row_run(r, &raw, &c, &out) == ROW_DOCUMENTS && out.count == 1);
	event_add_json(&want, out.events[0]);
	if (!span_equal(strbuf_span(&have), strbuf_span(&want))) {
		fprintf(stderr, "row %llu: %.*s\n have %s\n want %s\n", (unsigned long long)rec->row, SPAN_FMT(rec->raw),
			have.p, want.p);
		abort();
	}
	strbuf_reset(&want);
	event_add_json(&want, out.events[0]);
	CHECK(values.n == (filter ? 0 : want.n) && (filter || span_equal(strbuf_span(&values), strbuf_span(&want))));
	strbuf_release(&values);
	strbuf_reset(&have);
	coercions_add_json(&have, &c);
	CHECK(span_is(strbuf_span(&have), "[]"));
	counts->straight++;
	counts->clean += rec->clean;
	strbuf_release(&have);
	strbuf_release(&want);
}

static inline struct plan *straight_plan(const char *filter)
{
	struct strbuf errors = STRBUF_INIT, warnings = STRBUF_INIT;
	const struct filter_vars none = {NULL, 0};
	struct plan_source src = {.text = span_of(filter), .origin = "filter", .vars = &none};
	struct plan *plan = NULL;

	if (plan_compile(&src, &plan, &errors, &warnings) < 0)
		plan = NULL;
	strbuf_release(&errors);
	strbuf_release(&warnings);
	return plan;
}

/* mappings: its JSON.  filter NULL: none; one that is refused: no rows.  kernel NULL: the automaton alone. */
static inline struct straight_counts straight_check(const char *mappings, const char *filter, struct span file, bool header,
						    const char *kernel, size_t window)
{
	struct parser_options o = {.format = PARSER_CSV, .header = header, .split_fields = !filter, .max_columns = 64,
				   .max_row_bytes = 4096, .scan = kernel ? plain_kernel_named(kernel) : NULL, .window = window};
	struct straight_memory m = {file, 0};
	struct parser_source source = {&m, straight_read, straight_look};
	struct straight_counts counts = {0};
	struct fault f = FAULT_INIT;
	struct job job = {0};
	struct version version = {.job = &job};
	struct compiled compiled = {.version = &version};
	struct parser *p;
	struct record rec;
	struct row *r;

	if (filter && !(compiled.plan = straight_plan(filter)))
		return counts;
	o.usual = row_usual_columns(&compiled);
	CHECK(mapping_parse(span_of(mappings), &job.mapping, &f) == 0);
	if (parser_new(&o, &source, NULL, &p, &f) == 0) {
		r = row_new(&compiled, FORMAT_CSV, parser_header(p), 0);
		while (parser_next(p, &rec, &f) == 1) {
			counts.rows++;
			if (filter && rec.fields)
				straight_compare_found(r, &rec, &counts);
			if (row_is_straight(r, &rec))
				straight_compare(r, &rec, filter, &counts);
		}
		row_free(&r);
		parser_free(&p);
	}
	mapping_release(&job.mapping);
	plan_free(&compiled.plan);
	return counts;
}

#endif
