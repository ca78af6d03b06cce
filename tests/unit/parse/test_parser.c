/*
 * test_parser - records, fields, headers and bad rows, as tables of input and a written form of
 * what comes out
 *
 * Written form, one item a record: [a|b] a row, quoted fields with a leading '; . a blank;
 * !COLUMN:part of the error!raw a bad one.
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "watcher/parse/parser.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct memory {
	struct span all;
	size_t at;
};

static int read_memory(void *context, void *buf, size_t n, size_t *got, struct fault *f UNUSED)
{
	struct memory *m = context;

	*got = m->all.n - m->at < n ? m->all.n - m->at : n;
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

static void write_record(struct strbuf *sb, const struct record *rec)
{
	switch (rec->state) {
	case RECORD_BLANK:
		strbuf_addc(sb, '.');
		break;
	case RECORD_BAD:
		strbuf_addf(sb, "!%s:%s!%.*s%s!", rec->error.column, rec->error.text,
			    SPAN_FMT(rec->raw), rec->raw_cut ? "..." : "");
		break;
	case RECORD_ROW:
		strbuf_addc(sb, '[');
		for (size_t i = 0; i < rec->field_count; i++) {
			strbuf_adds(sb, i ? "|" : "");
			strbuf_adds(sb, rec->fields[i].quoted ? "'" : "");
			strbuf_addspan(sb, field_text(&rec->fields[i], &arena));
		}
		if (!rec->fields)
			strbuf_addspan(sb, rec->raw);
		strbuf_addc(sb, ']');
		break;
	}
}

/* All records written; a fault as its text. */
static void parse_all(const struct parser_options *o, struct span input, struct strbuf *sb)
{
	struct memory m = {input, 0};
	struct parser_source source = {&m, read_memory, look_memory};
	struct fault f = FAULT_INIT;
	struct parser *p;
	struct record rec;
	uint64_t row = 1, lines = 1;

	if (parser_new(o, &source, NULL, &p, &f) < 0) {
		strbuf_addf(sb, "%s: %s", fault_kind_name(f.kind), f.text);
		return;
	}
	while (parser_next(p, &rec, &f) == 1) {
		assert_int_equal(rec.row, row++);
		assert_true(rec.line >= lines && rec.next_line >= rec.line);
		lines = rec.next_line;
		write_record(sb, &rec);
	}
	assert_int_equal(f.kind, FAULT_NONE);
	parser_free(&p);
	assert_null(p);
}

#define BYTES(s) \
	{ \
		s, sizeof(s) - 1 \
	}
#define BOM "\xef\xbb\xbf"

struct csv_case {
	const char *name;
	struct span input;
	const char *want;
};

static const struct csv_case csv_cases[] = {
	{"empty", BYTES(""), ""},
	{"bom only", BYTES(BOM), ""},
	{"one field", BYTES("a"), "[a]"},
	{"final newline or none", BYTES("a,b\nc,d"), "[a|b][c|d]"},
	{"CRLF", BYTES("a,b\r\nc,d\r\n"), "[a|b][c|d]"},
	{"mixed line ends", BYTES("a\r\nb\nc\r\n"), "[a][b][c]"},
	{"bom", BYTES(BOM "a,b\n"), "[a|b]"},
	{"bom before a quote", BYTES(BOM "\"a\",b\n"), "['a|b]"},
	{"bom later is data", BYTES("a\n" BOM "b\n"), "[a][" BOM "b]"},
	{"quotes", BYTES("\"a\",\"b,c\",\"d\"\"e\"\n"), "['a|'b,c|'d\"e]"},
	{"only quotes", BYTES("\"\"\"\"\"\"\n"), "['\"\"]"},
	{"line break in quotes", BYTES("\"a\nb\",c\r\n\"d\r\ne\",f\n"), "['a\nb|c]['d\r\ne|f]"},
	{"empty fields", BYTES(",,\n,,"), "[||][||]"},
	{"empty quoted", BYTES("\"\",\n"), "['|]"},
	{"blank lines", BYTES("a\n\n\r\nb\n"), "[a]..[b]"},
	{"quoted nothing is no blank", BYTES("\"\"\n"), "[']"},
	{"spaces are data", BYTES("a\n  \n"), "[a][  ]"},
	{"space before a quote", BYTES(" \"a\n"), "[ \"a]"},
	{"a quote inside", BYTES("a\"b,c\"\"\n"), "[a\"b|c\"\"]"},
	{"inch marks", BYTES("5\",6\"\n7\",8\n"), "[5\"|6\"][7\"|8]"},
	{"lone CR where there is LF", BYTES("a\rb,c\n"), "[a\rb|c]"},
	{"CR CR LF", BYTES("a\r\r\n"), "[a\r]"},
	{"CR only", BYTES("a,b\rc,\"d\re\"\r\rf,g"), "[a|b][c|'d\re].[f|g]"},
	{"CR at the end", BYTES("a,b\r"), "[a|b]"},
	{"LF comes late", BYTES("a\rb\rc,d\n1,2\n"), "[a\rb\rc|d][1|2]"},
	{"LF in quotes counts", BYTES("\"a\n\",b\rc"), "['a\n|b\rc]"},
	{"NUL is data", BYTES("a\0b,c\n"), NULL},
	{"ragged, more", BYTES("a,b\n1,2,3\n4,5\n"),
	 "[a|b]!3:row has 3 fields, expected 2!1,2,3![4|5]"},
	{"ragged, fewer", BYTES("a,b,c\n1\n"), "[a|b|c]!2:row has 1 field, expected 3!1!"},
	{"first row is bad, the second counts", BYTES("\xff\na,b\nc\n"),
	 "!1:byte 0xFF at offset 0 of the file is not valid UTF-8!\xff![a|b]!2:row has 1 field, "
	 "expected 2!c!"},
	{"invalid UTF-8", BYTES("a,b\n1,caf\xe9\n"),
	 "[a|b]!2:byte 0xE9 at offset 9 of the file is not valid UTF-8!1,caf\xe9!"},
	{"after a quote", BYTES("a,b\n1,\"2\"x\n3,4\n"),
	 "[a|b]!2:text after a closing quote: 'x'; a quote within a quoted field is written "
	 "twice!1,\"2\"x![3|4]"},
	{"CR after a quote", BYTES("\"a\"\r\r\n"),
	 "!1:text after a closing quote: '\\x0d'; a quote within a quoted field is written "
	 "twice!\"a\"\r!"},
	{"unclosed", BYTES("a,b\n1,\"2\n3,4\n"),
	 "[a|b]!2:a quote is opened and not closed within the file or 64 bytes "
	 "(max_row_bytes)!1,\"2![3|4]"},
	{"unclosed at the end", BYTES("a,\"b"),
	 "!2:a quote is opened and not closed within the file or 64 bytes (max_row_bytes)!a,\"b!"},
	{"unclosed for too long",
	 BYTES("\"aaaaaaaaaaaaaaa\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb\"\nc"
	       "\n"),
	 "!1:a quote is opened and not closed within the file or 64 bytes "
	 "(max_row_bytes)!\"aaaaaaaaaaaaaaa!"
	 "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa][b\"][c]"},
	{"just fits",
	 BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nb\n"),
	 "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa][b]"},
	{"one too long",
	 BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb\n"),
	 "!:row is 65 bytes long, more than 64 (max_row_bytes)!"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa![b]"},
	{"too long and quoted",
	 BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,"
	       "\"b\nc\"\nd\n"),
	 "!:row is 74 bytes long, more than 64 (max_row_bytes)!"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...![d]"},
	{"too long, a quote swallows the rest",
	 BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,\"b\nc\nd\n"),
	 "!:row is 71 bytes long, more than 64 (max_row_bytes)!"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...![c][d]"},
	{"too many columns", BYTES("1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8,9\n1,2,3,4,5,6,7,8\n"),
	 "[1|2|3|4|5|6|7|8]!:row has more than 8 fields "
	 "(max_columns)!1,2,3,4,5,6,7,8,9![1|2|3|4|5|6|7|8]"},
};

/* kernel NULL: by the automaton alone. */
static void check_csv(const struct csv_case *c, size_t window, const char *kernel)
{
	struct parser_options o = {.format = PARSER_CSV, .header = false, .split_fields = true, .max_columns = 8,
				   .max_row_bytes = 64, .scan = kernel ? plain_kernel_named(kernel) : NULL, .window = window};
	struct strbuf sb = STRBUF_INIT;

	parse_all(&o, c->input, &sb);
	if (!c->want) {
		assert_int_equal(sb.n, 7);
		assert_memory_equal(sb.p, "[a\0b|c]", 7);
	}
	if (c->want && strcmp(sb.p, c->want) != 0)
		fail_msg("%s, window %zu, %s:\n have %s\n want %s", c->name, window, kernel ? kernel : "no kernel", sb.p,
			 c->want);
	strbuf_release(&sb);
}

static void csv(void **state UNUSED)
{
	static const size_t windows[] = {0, 1, 2, 3, 7, 64};

	for (size_t i = 0; i < ARRAY_LEN(csv_cases); i++) {
		for (size_t w = 0; w < ARRAY_LEN(windows); w++) {
			check_csv(&csv_cases[i], windows[w], NULL);
			for (const char *const *k = plain_names(); *k; k++)
				check_csv(&csv_cases[i], windows[w], *k);
		}
	}
}

static const struct {
	const char *name;
	struct span input;
	const char *names; /* NULL: no header */
	const char *want;
} header_cases[] = {
	{"plain", BYTES("a,b\n1,2\n"), "a|b", "[1|2]"},
	{"header only", BYTES("a,b"), "a|b", ""},
	{"empty file", BYTES(""), NULL, ""},
	{"only blank lines", BYTES("\n\n"), NULL, ".."},
	{"blank lines before", BYTES("\n\r\na\n1\n"), "a", "..[1]"},
	{"empty and repeated names", BYTES("a,,a,\n"), "a|column2|a_2|column4", ""},
	{"names that collide", BYTES("a,a_2,a,a\n"), "a|a_2|a_3|a_4", ""},
	{"columnN is taken", BYTES(",column1\n"), "column1|column1_2", ""},
	{"quoted with line break", BYTES("\"a\nb\",c\n1,2\n"), "a\nb|c", "[1|2]"},
	{"bom", BYTES(BOM "a\n1\n"), "a", "[1]"},
	{"error names the field", BYTES("a,b\n1,\xff\n1\n"), "a|b",
	 "!b:byte 0xFF at offset 6 of the file is not valid UTF-8!1,\xff!!b:row has 1 field, "
	 "expected 2!1!"},
	{"too many names", BYTES("1,2,3,4,5,6,7,8,9\n"), NULL,
	 "data: the header (line 1) cannot be used: row has more than 8 fields (max_columns)"},
	{"bad name", BYTES("a,\xff\n"), NULL,
	 "data: the header (line 1) cannot be used: byte 0xFF at offset 2 of the file is not valid "
	 "UTF-8"},
	{"unclosed name", BYTES("\n\"a\n1\n"), NULL,
	 "data: the header (line 2) cannot be used: a quote is opened and not closed within the "
	 "file or 64 bytes (max_row_bytes)"},
};

static void check_names(const char *name, struct span input, const struct parser_options *o,
			const char *want)
{
	struct memory m = {input, 0};
	struct parser_source source = {&m, read_memory, look_memory};
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	const struct parser_header *h;
	struct parser *p;

	assert_int_equal(parser_new(o, &source, NULL, &p, &f), 0);
	h = parser_header(p);
	assert_int_equal(h->present, want != NULL);
	for (size_t i = 0; i < h->count; i++) {
		strbuf_adds(&sb, i ? "|" : "");
		strbuf_addspan(&sb, h->names[i]);
	}
	if (want && strcmp(sb.p, want) != 0)
		fail_msg("%s: have %s want %s", name, sb.p, want);
	parser_free(&p);
	strbuf_release(&sb);
}

static void headers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(header_cases); i++) {
		struct parser_options o = {.format = PARSER_CSV, .header = true, .split_fields = true, .max_columns = 8,
				   .max_row_bytes = 64, .scan = NULL, .window = 5};
		struct strbuf sb = STRBUF_INIT;

		parse_all(&o, header_cases[i].input, &sb);
		if (strcmp(sb.p, header_cases[i].want) != 0)
			fail_msg("%s:\n have %s\n want %s", header_cases[i].name, sb.p,
				 header_cases[i].want);
		if (!strstr(sb.p, "data: "))
			check_names(header_cases[i].name, header_cases[i].input, &o,
				    header_cases[i].names);
		strbuf_release(&sb);
	}
}

static void text_and_raw(void **state UNUSED)
{
	static const struct {
		enum parser_format format;
		struct span input;
		const char *want;
	} cases[] = {
		{PARSER_TXT, BYTES("a \"b\nc\"\r\n\nd"), "[a \"b][c\"].[d]"},
		{PARSER_TXT, BYTES("a\rb\r\rc"), "[a][b].[c]"},
		{PARSER_TXT, BYTES(BOM "x\n\xff\n"),
		 "[x]!:byte 0xFF at offset 5 of the file is not valid UTF-8!\xff!"},
		{PARSER_TXT,
		 BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb"
		       "\n"),
		 "!:row is 70 bytes long, more than 64 (max_row_bytes)!"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...![b]"},
		{PARSER_CSV, BYTES("a,\"b\nc\"x,d\n1\n1,2,3,4,5,6,7,8,9,10\n"),
		 "[a,\"b\nc\"x,d][1][1,2,3,4,5,6,7,8,9,10]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parser_options o = {.format = cases[i].format, .header = false, .split_fields = false, .max_columns = 8,
				   .max_row_bytes = 64, .scan = NULL, .window = 3};
		struct strbuf sb = STRBUF_INIT;

		parse_all(&o, cases[i].input, &sb);
		assert_string_equal(sb.p, cases[i].want);
		strbuf_release(&sb);
	}
}

static void lines_and_offsets(void **state UNUSED)
{
	static const char text[] = BOM "h,i\r\n\"1\n1\",2\n\n\"x\n3,4\r\n";
	static const struct {
		uint64_t line, offset, next_line, next_offset;
	} want[] = {
		{2, 8, 4, 16},
		{4, 16, 5, 17},
		{5, 17, 6, 20},
		{6, 20, 7, 25},
	};
	struct parser_options o = {.format = PARSER_CSV, .header = true, .split_fields = true, .max_columns = 8,
				   .max_row_bytes = 64, .scan = NULL, .window = 1};
	struct memory m = {SPAN_LITERAL(text), 0};
	struct parser_source source = {&m, read_memory, look_memory};
	struct fault f = FAULT_INIT;
	struct parser *p;
	struct record rec;

	assert_int_equal(parser_new(&o, &source, NULL, &p, &f), 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(parser_next(p, &rec, &f), 1);
		assert_int_equal(rec.line, want[i].line);
		assert_int_equal(rec.offset, want[i].offset);
		assert_int_equal(rec.next_line, want[i].next_line);
		assert_int_equal(rec.next_offset, want[i].next_offset);
	}
	assert_int_equal(parser_next(p, &rec, &f), 0);
	assert_int_equal(parser_next(p, &rec, &f), 0);
	parser_free(&p);
}

/* A hostile file must take time in proportion to its size; quadratic would be hours. */
static void unclosed_quotes_stay_linear(void **state UNUSED)
{
	struct parser_options o = {.format = PARSER_CSV, .header = false, .split_fields = true, .max_columns = 4096,
				   .max_row_bytes = 1 << 20, .scan = plain_kernel(), .window = 0};
	static const char line[] = "x\",\"\"\"\n";
	size_t n = 8 << 20;
	char *text = xmalloc(n);
	struct memory m = {{text, n}, 0};
	struct parser_source source = {&m, read_memory, look_memory};
	struct fault f = FAULT_INIT;
	struct parser *p;
	struct record rec;
	size_t bad = 0;
	clock_t begin = clock();

	for (size_t i = 0; i < n; i++)
		text[i] = line[i % (sizeof(line) - 1)];
	assert_int_equal(parser_new(&o, &source, NULL, &p, &f), 0);
	while (parser_next(p, &rec, &f) == 1)
		bad += rec.state == RECORD_BAD;
	assert_true(bad > n / sizeof(line) - 10);
	assert_true((clock() - begin) / CLOCKS_PER_SEC < 20);
	parser_free(&p);
	free(text);
}

static int failing_read(void *context UNUSED, void *buf UNUSED, size_t n UNUSED, size_t *got UNUSED,
			struct fault *f)
{
	return fault_set(f, FAULT_SYSTEM, "the disk is broken");
}

static void faults_of_the_source(void **state UNUSED)
{
	struct parser_options o = {.format = PARSER_CSV, .header = false, .split_fields = true, .max_columns = 8,
				   .max_row_bytes = 64, .scan = NULL, .window = 0};
	struct memory m = {SPAN_LITERAL("a,b\n"), 0};
	struct parser_source source = {&m, failing_read, look_memory};
	struct fault f = FAULT_INIT;
	struct parser *p;
	struct record rec;

	assert_int_equal(parser_new(&o, &source, NULL, &p, &f), 0);
	assert_int_equal(parser_next(p, &rec, &f), -1);
	assert_string_equal(f.text, "the disk is broken");
	parser_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv),
		cmocka_unit_test(headers),
		cmocka_unit_test(text_and_raw),
		cmocka_unit_test(lines_and_offsets),
		cmocka_unit_test(unclosed_quotes_stay_linear),
		cmocka_unit_test(faults_of_the_source),
	};

	int r;

	arena_init(&arena, 1024);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	arena_release(&arena);
	return r;
}
