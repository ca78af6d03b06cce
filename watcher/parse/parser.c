/*
 * parser - records with numbers, lines, fields and the reasons why some are bad
 *
 * Called by the worker for each pass over a file.  Puts together the cutter (where records end),
 * the fields and the header.  The header, and on going on from a checkpoint the number of fields of
 * the first row, are found by a second parser that looks at the file's beginning, so that a pass
 * from the middle gives exactly what a pass from the start gives.
 *
 * Owns its window, fields and names.  Faults: the source's, and FAULT_DATA for a header that cannot
 * be used.
 */
#include "watcher/base/base.h"
#include "watcher/base/utf8.h"
#include "watcher/parse/cut.h"
#include "watcher/parse/fields.h"
#include "watcher/parse/header.h"

#define BOM "\xef\xbb\xbf"
#define BOM_SIZE 3
#define NUMBER_TEXT 24
#define SHOWN 16 /* bytes of a tenant's text in a message */

/* The same file from its start, through look. */
struct looker {
	const struct parser_source *outer;
	uint64_t at;
};

struct parser {
	struct parser_options options;
	struct parser_source source;
	struct parser_source looks; /* for the second parser: reads through looker */
	struct looker looker;
	struct cutter cutter;
	struct fields fields;
	struct header header;
	plain_scan *scan; /* NULL: every record by the automaton */
	char eol;
	size_t expected;	/* fields a row has, 0: not known yet */
	uint64_t header_offset; /* UINT64_MAX: none */
	uint64_t next_row;
	uint64_t next_line;
};

static int looker_read(void *context, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct looker *l = context;

	if (l->outer->look(l->outer->context, l->at, buf, n, got, f) < 0)
		return -1;
	l->at += *got;
	return 0;
}

/*
 * Records end at LF if the file has any, else at CR: read until the first LF, usually in the first
 * window.
 */
static int find_eol(const struct parser_source *source, size_t step, char *eol, struct fault *f)
{
	char *buf = xmalloc(step);
	uint64_t at = 0;
	size_t got = 0;
	bool lf = false, cr = false;
	int r;

	do {
		r = source->look(source->context, at, buf, step, &got, f);
		if (r < 0)
			break;
		at += got;
		lf = got > 0 && memchr(buf, '\n', got);
		cr = cr || (got > 0 && memchr(buf, '\r', got));
	} while (got > 0 && !lf);
	free(buf);
	if (r == 0)
		*eol = !lf && cr ? '\r' : '\n';
	return r;
}

static int bom_size(const struct parser_source *source, uint64_t *size, struct fault *f)
{
	char head[BOM_SIZE];
	size_t have = 0, got;

	do {
		if (source->look(source->context, have, head + have, BOM_SIZE - have, &got, f) < 0)
			return -1;
		have += got;
	} while (got > 0 && have < BOM_SIZE);
	*size = have == BOM_SIZE && memcmp(head, BOM, BOM_SIZE) == 0 ? BOM_SIZE : 0;
	return 0;
}

/* The source of a pass from the start still holds the mark: read past it. */
static int skip_bytes(const struct parser_source *source, uint64_t n, struct fault *f)
{
	char buf[BOM_SIZE];
	size_t got;

	while (n > 0) {
		if (source->read(source->context, buf, (size_t)n, &got, f) < 0)
			return -1;
		if (got == 0)
			return fault_set(f, FAULT_SYSTEM,
					 "the file became shorter while it was read");
		n -= got;
	}
	return 0;
}

static struct parser *parser_at(const struct parser_options *o, const struct parser_source *source,
				uint64_t offset, char eol)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->options = *o;
	p->source = *source;
	p->eol = eol;
	p->header_offset = UINT64_MAX;
	p->next_row = 1;
	p->next_line = 1;
	cutter_init(&p->cutter, &p->options, &p->source, offset, eol);
	fields_init(&p->fields, o->max_columns);
	header_init(&p->header);
	if (o->format == PARSER_CSV && eol == '\n')
		p->scan = o->scan;
	if (!o->split_fields && o->usual) {
		p->expected = o->usual;
		fields_reserve(&p->fields, o->usual);
	}
	return p;
}

/* What an error calls field `index`: its name, or its number, written into number. */
static struct span column_of(const struct parser *p, size_t index, char number[NUMBER_TEXT])
{
	if (index < p->header.view.count)
		return p->header.view.names[index];
	snprintf(number, NUMBER_TEXT, "%zu", index + 1);
	return span_of(number);
}

#define BAD(rec, column, ...) \
	(row_bad(rec), row_error_set(&(rec)->error, (rec)->line, column, __VA_ARGS__))

static void row_bad(struct record *rec)
{
	rec->state = RECORD_BAD;
	rec->fields = NULL;
	rec->field_count = 0;
}

static void judge_utf8(struct parser *p, struct record *rec, size_t valid)
{
	unsigned byte = (unsigned char)rec->raw.p[valid];
	struct span column = SPAN_NONE;
	char number[NUMBER_TEXT];
	bool quoted;

	if (p->options.format == PARSER_CSV)
		column = column_of(p, fields_locate(rec->raw, valid, &quoted), number);
	BAD(rec, column, "byte 0x%02X at offset %llu of the file is not valid UTF-8", byte,
	    (unsigned long long)(rec->offset + valid));
}

static void judge_count(struct parser *p, struct record *rec)
{
	size_t have = p->fields.count, want = p->expected;
	char number[NUMBER_TEXT];
	struct span column = column_of(p, have < want ? have : want, number);

	BAD(rec, column, "row has %zu field%s, expected %zu", have, have == 1 ? "" : "s", want);
}

static void judge_after_quote(struct parser *p, struct record *rec, size_t at)
{
	struct span text = {rec->raw.p + at, rec->raw.n - at < SHOWN ? rec->raw.n - at : SHOWN};
	char number[NUMBER_TEXT];
	struct span column = column_of(p, p->fields.count - 1, number);

	text.n = utf8_valid_prefix(text);
	BAD(rec, column,
	    "text after a closing quote: '%.*s'; a quote within a quoted field is written twice",
	    SPAN_FMT(text));
}

/*
 * In a line that was cut the quote may stand beyond the bytes that are kept: then no column is
 * named.
 */
static void judge_unclosed(struct parser *p, struct record *rec)
{
	char number[NUMBER_TEXT];
	bool quoted;
	size_t index = fields_locate(rec->raw, rec->raw.n, &quoted);

	BAD(rec, quoted ? column_of(p, index, number) : SPAN_NONE,
	    "a quote is opened and not closed within the file or %zu bytes (max_row_bytes)",
	    p->options.max_row_bytes);
}

static void split(struct parser *p, struct record *rec)
{
	size_t at = 0;

	switch (fields_split(&p->fields, rec->raw, &at)) {
	case FIELDS_OK:
		break;
	case FIELDS_AFTER_QUOTE:
		judge_after_quote(p, rec, at);
		return;
	case FIELDS_TOO_MANY:
		BAD(rec, SPAN_NONE, "row has more than %zu fields (max_columns)",
		    p->options.max_columns);
		return;
	}
	if (p->expected && p->fields.count != p->expected) {
		judge_count(p, rec);
		return;
	}
	p->expected = p->fields.count;
	rec->fields = p->fields.items;
	rec->field_count = p->fields.count;
}

static void judge(struct parser *p, const struct cut *cut, struct record *rec)
{
	size_t valid;

	if (cut->kind == CUT_OVERLONG) {
		BAD(rec, SPAN_NONE, "row is %llu bytes long, more than %zu (max_row_bytes)",
		    (unsigned long long)cut->length, p->options.max_row_bytes);
		return;
	}
	if (cut->kind == CUT_UNCLOSED) {
		judge_unclosed(p, rec);
		return;
	}
	if (rec->raw.n == 0) {
		rec->state = RECORD_BLANK;
		return;
	}
	valid = utf8_valid_prefix(rec->raw);
	if (valid < rec->raw.n)
		judge_utf8(p, rec, valid);
	else if (p->options.format == PARSER_CSV && p->options.split_fields)
		split(p, rec);
}

/*
 * The next record when it is of the usual form, whole in the window, and good.  The array of fields has room for as many as the first
 * record had, which the automaton found.
 */
static bool next_plain(struct parser *p, struct record *rec)
{
	struct span held = cutter_peek(&p->cutter);
	struct plain_row row;

	if (!p->scan(held.p, held.n, p->fields.items, p->expected, &row) || row.count != p->expected ||
	    row.length > p->options.max_row_bytes)
		return false;
	rec->raw = (struct span){held.p, row.length};
	if (!row.clean && !utf8_valid(rec->raw))
		return false;
	rec->state = RECORD_ROW;
	rec->line = p->next_line;
	rec->next_line = ++p->next_line;
	rec->offset = p->cutter.next;
	rec->next_offset = rec->offset + row.next;
	rec->raw_cut = false;
	rec->fields = p->fields.items;
	rec->field_count = row.count;
	rec->clean = row.clean;
	cutter_pass(&p->cutter, row.next);
	return true;
}

/* One record, header included; row is not set. */
static int next_record(struct parser *p, struct record *rec, struct fault *f)
{
	struct cut cut;

	if (p->scan && p->expected && p->fields.cap >= p->expected && next_plain(p, rec))
		return 1;
	if (cutter_next(&p->cutter, &cut, f) < 0)
		return -1;
	if (cut.kind == CUT_END)
		return 0;
	rec->state = RECORD_ROW;
	rec->line = p->next_line;
	rec->offset = cut.offset;
	rec->next_offset = cut.next_offset;
	rec->next_line = p->next_line + cut.lines;
	rec->raw = cut.raw;
	rec->raw_cut = cut.raw_cut;
	rec->fields = NULL;
	rec->field_count = 0;
	rec->clean = false;
	p->next_line = rec->next_line;
	judge(p, &cut, rec);
	return 1;
}

/* A second parser on the file's beginning; the caller frees it. */
static struct parser *look_parser(struct parser *p, uint64_t offset)
{
	struct parser_options o = p->options;

	o.header = false;
	o.usual = 0;
	p->looker = (struct looker){&p->source, offset};
	p->looks = (struct parser_source){&p->looker, looker_read, NULL};
	return parser_at(&o, &p->looks, offset, p->eol);
}

static int use_header(struct parser *p, const struct record *rec, struct fault *f)
{
	if (rec->state == RECORD_BAD) {
		fault_set(f, FAULT_DATA, "the header (line %llu) cannot be used: %s",
			  (unsigned long long)rec->line, rec->error.text);
		f->line = rec->line;
		snprintf(f->field, sizeof(f->field), "%s", rec->error.column);
		return -1;
	}
	p->header_offset = rec->offset;
	header_set(&p->header, rec->raw, rec->fields, rec->field_count);
	if (p->options.split_fields)
		p->expected = rec->field_count;
	return 0;
}

static int read_header(struct parser *p, uint64_t from, struct fault *f)
{
	struct parser *first = look_parser(p, from);
	struct record rec;
	int r;

	do {
		r = next_record(first, &rec, f);
	} while (r == 1 && rec.state == RECORD_BLANK);
	if (r == 1)
		r = use_header(p, &rec, f);
	parser_free(&first);
	return r < 0 ? -1 : 0;
}

/* Going on at a checkpoint without a header: how many fields had the first good row before it? */
static int recall_expected(struct parser *p, uint64_t from, uint64_t before, struct fault *f)
{
	struct parser *first = look_parser(p, from);
	struct record rec;
	int r;

	do {
		r = next_record(first, &rec, f);
	} while (r == 1 && rec.state != RECORD_ROW && rec.next_offset < before);
	if (r == 1 && rec.state == RECORD_ROW && rec.offset < before)
		p->expected = rec.field_count;
	parser_free(&first);
	return r < 0 ? -1 : 0;
}

static int prepare(struct parser *p, uint64_t from, const struct parser_start *start,
		   struct fault *f)
{
	if (p->options.format == PARSER_CSV && p->options.header)
		return read_header(p, from, f);
	if (p->options.format == PARSER_CSV && p->options.split_fields && start &&
	    start->offset > from)
		return recall_expected(p, from, start->offset, f);
	return 0;
}

int parser_new(const struct parser_options *o, const struct parser_source *source,
	       const struct parser_start *start, struct parser **out, struct fault *f)
{
	bool begin = !start || start->offset == 0;
	struct parser *p;
	uint64_t from;
	char eol = '\n';

	CHECK(o->max_row_bytes > 0 && source->read && source->look);
	if (bom_size(source, &from, f) < 0)
		return -1;
	if (find_eol(source, o->window ? o->window : PARSER_WINDOW, &eol, f) < 0)
		return -1;
	if (begin && skip_bytes(source, from, f) < 0)
		return -1;
	p = parser_at(o, source, begin ? from : start->offset, eol);
	if (start) {
		p->next_row = start->row;
		p->next_line = start->line;
	}
	if (prepare(p, from, start, f) < 0) {
		parser_free(&p);
		return -1;
	}
	*out = p;
	return 0;
}

void parser_free(struct parser **pp)
{
	struct parser *p = *pp;

	if (!p)
		return;
	cutter_release(&p->cutter);
	fields_release(&p->fields);
	header_release(&p->header);
	free(p);
	*pp = NULL;
}

int parser_next(struct parser *p, struct record *out, struct fault *f)
{
	int r;

	do {
		r = next_record(p, out, f);
	} while (r == 1 && out->offset == p->header_offset);
	if (r == 1)
		out->row = p->next_row++;
	return r;
}

const struct parser_header *parser_header(const struct parser *p)
{
	return &p->header.view;
}
