/*
 * test_plain - what a scan says is a record is the automaton's record, for every kernel
 *
 * Random rows of a hostile alphabet, of lengths around the blocks' edges, and what is not of the usual form.
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "watcher/parse/fields.h"
#include "watcher/parse/plain.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CAP 16
#define ROWS 200000

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Bytes, with as many behind them as a scan may read. */
static char *padded(struct span s)
{
	char *p = xmalloc(s.n + RECORD_SLACK);

	memcpy(p, s.p, s.n);
	memset(p + s.n, '"', RECORD_SLACK);
	return p;
}

static bool clean(struct span raw)
{
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] < 0x20 || raw.p[i] == '\\')
			return false;
	return true;
}

/* The scan's fields against those of the splitter. */
static void compare(const char *p, const struct field *have, const struct plain_row *row, struct fields *want,
		    struct arena *arena)
{
	struct span raw = {p, row->length};
	size_t at;

	assert_int_equal(fields_split(want, raw, &at), FIELDS_OK);
	assert_int_equal(row->count, want->count);
	assert_int_equal(row->clean, clean(raw));
	for (size_t i = 0; i < row->count; i++) {
		assert_int_equal(have[i].quoted, want->items[i].quoted);
		assert_true(span_equal(field_text(&have[i], arena), want->items[i].text));
	}
	arena_reset(arena);
}

static void random_row(struct strbuf *sb)
{
	static const char usual[] = "abcdefghij0123456789.-+ ", hostile[] = "\"\",,\r\n\\\x01\x80\xc3\"a";
	size_t fields = 1 + next_random() % 6;

	strbuf_reset(sb);
	for (size_t i = 0; i < fields; i++) {
		size_t n = next_random() % 5 ? next_random() % 20 : next_random() % 150;
		bool quoted = next_random() % 3 == 0;

		strbuf_adds(sb, i ? "," : "");
		strbuf_adds(sb, quoted ? "\"" : "");
		for (size_t k = 0; k < n; k++) {
			if (next_random() % 60 == 0)
				strbuf_addc(sb, hostile[next_random() % (sizeof(hostile) - 1)]);
			else if (quoted && next_random() % 30 == 0)
				strbuf_adds(sb, "\"\"");
			else
				strbuf_addc(sb, usual[next_random() % (sizeof(usual) - 1)]);
		}
		strbuf_adds(sb, quoted ? "\"" : "");
	}
	strbuf_adds(sb, next_random() % 4 ? "\n" : "\r\n");
}

static void random_rows(void **state)
{
	plain_scan *scan = plain_kernel_named(*state);
	struct field have[CAP];
	struct plain_row row;
	struct strbuf sb = STRBUF_INIT;
	struct fields want;
	struct arena arena;
	size_t found = 0;

	if (!scan)
		skip();
	seed = 88172645463325252u;
	fields_init(&want, 4096);
	arena_init(&arena, 4096);
	for (size_t i = 0; i < ROWS; i++) {
		char *p;

		random_row(&sb);
		p = padded(strbuf_span(&sb));
		if (scan(p, sb.n, have, CAP, &row)) {
			found++;
			assert_true(row.next <= sb.n && p[row.next - 1] == '\n');
			compare(p, have, &row, &want, &arena);
		}
		free(p);
	}
	assert_true(found > ROWS / 3);
	fields_release(&want);
	arena_release(&arena);
	strbuf_release(&sb);
}

static const struct {
	const char *text;
	size_t count; /* 0: not of the usual form */
} cases[] = {
	{"a,b\n", 2},
	{"a,b\r\n", 2},
	{"\"a\",\"b,c\"\n", 2},
	{"\"a \"\"b\"\"\"\r\n", 1},
	{"\"\",\n", 2},
	{",,\n", 3},
	{"\n", 0},
	{"\r\n", 0},
	{"a,b", 0},
	{"a,b\"\n", 0},
	{"\"a\"b,c\n", 0},
	{"\"a\nb\",c\n", 0},
	{"\"a,b\n", 0},
	{"\"a\"\"\n", 0},
	{"\"a\"\r\r\n", 0},
	{"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n", 16},
	{"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n", 0},
};

static void usual_form(void **state)
{
	plain_scan *scan = plain_kernel_named(*state);
	struct field have[CAP];
	struct plain_row row;

	if (!scan)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].text);
		char *p = padded(span_of(cases[i].text));
		bool found = scan(p, n, have, CAP, &row);

		if (found != (cases[i].count > 0) || (found && (row.count != cases[i].count || row.next != n)))
			fail_msg("%s: %d, %zu fields", cases[i].text, found, found ? row.count : 0);
		/* a row that is not whole is none, wherever it is cut */
		for (size_t cut = 0; cut < n; cut++)
			assert_false(scan(p, cut, have, CAP, &row));
		free(p);
	}
}

static void asked_kernel(void **state UNUSED)
{
	struct fault f = FAULT_INIT;

	assert_int_equal(setenv("INGEST_KERNEL", "scalar", 1), 0);
	assert_int_equal(plain_check(&f), 0);
	assert_ptr_equal(plain_kernel(), plain_kernel_named("scalar"));
	assert_int_equal(setenv("INGEST_KERNEL", "none", 1), 0);
	assert_int_equal(plain_check(&f), 0);
	assert_null(plain_kernel());
	assert_int_equal(setenv("INGEST_KERNEL", "avx99", 1), 0);
	assert_int_equal(plain_check(&f), -1);
	assert_non_null(strstr(f.text, "INGEST_KERNEL=avx99"));
	assert_non_null(strstr(f.text, "scalar"));
	assert_int_equal(unsetenv("INGEST_KERNEL"), 0);
	assert_non_null(plain_kernel());
}

int main(void)
{
	static char avx2[] = "avx2", sse2[] = "sse2", scalar[] = "scalar";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(random_rows, avx2),
		cmocka_unit_test_prestate(random_rows, sse2),
		cmocka_unit_test_prestate(random_rows, scalar),
		cmocka_unit_test_prestate(usual_form, avx2),
		cmocka_unit_test_prestate(usual_form, sse2),
		cmocka_unit_test_prestate(usual_form, scalar),
		cmocka_unit_test(asked_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
