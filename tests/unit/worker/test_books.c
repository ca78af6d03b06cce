/* books: rows are settled in order, whatever the order of the answers. */
#include "watcher/base/base.h"
#include "watcher/worker/books.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct record record_of(uint64_t row)
{
	static char raw[32];
	struct record rec = {.state = RECORD_ROW, .row = row, .line = row + 1, .offset = row * 10, .next_offset = row * 10 + 10,
			     .next_line = row + 2};

	rec.raw = (struct span){raw, (size_t)snprintf(raw, sizeof(raw), "row %llu", (unsigned long long)row)};
	return rec;
}

static void document(struct books *b, uint64_t row, uint32_t documents)
{
	struct record rec = record_of(row);

	books_document(b, &rec, documents);
}

static void nothing_passes_an_open_row(void **state)
{
	struct books b;
	struct books_row r;
	struct record rec;
	struct row_error e = {0};

	(void)state;
	books_init(&b);
	document(&b, 1, 1);
	document(&b, 2, 1);
	rec = record_of(3);
	row_error_set(&e, 4, SPAN_NONE, "bad");
	books_reject(&b, &rec, &e);
	document(&b, 4, 1);
	assert_false(books_pop(&b, &r));
	books_answer(&b, 2, false);
	books_answer(&b, 4, true);
	assert_false(books_pop(&b, &r)); /* the first is open */
	books_refuse(&b, 1, &e, SPAN_LITERAL("one"));
	assert_true(books_pop(&b, &r));
	assert_true(r.row == 1 && r.what == BOOKS_DOCUMENT && r.reject && r.reject->n == 3);
	free(r.reject);
	assert_true(books_pop(&b, &r) && r.row == 2 && !r.reject && !r.already && r.next_offset == 30);
	assert_true(books_pop(&b, &r) && r.row == 3 && r.what == BOOKS_REJECTED);
	assert_memory_equal(r.reject->raw, "row 3", 5); /* a copy: the reader has moved on */
	free(r.reject);
	assert_true(books_pop(&b, &r) && r.row == 4 && r.already);
	assert_false(books_pop(&b, &r));
	assert_int_equal(b.held, 0);
	books_release(&b);
}

static void a_split_row_waits_for_all_its_documents(void **state)
{
	struct row_error e = {0};
	struct books b;
	struct books_row r;

	(void)state;
	books_init(&b);
	document(&b, 1, 3);
	books_answer(&b, 1, true);
	books_answer(&b, 1, false);
	assert_false(books_pop(&b, &r));
	books_refuse(&b, 1, &e, SPAN_NONE);
	assert_true(books_pop(&b, &r) && r.documents == 3 && r.reject && !r.already);
	free(r.reject);
	books_release(&b);
}

static void runs_are_one_entry(void **state)
{
	struct books b;
	struct books_row r;

	(void)state;
	books_init(&b);
	document(&b, 1, 1);
	for (uint64_t i = 2; i <= 1000001; i++) {
		struct record rec = record_of(i);

		books_skip(&b, &rec, BOOKS_FILTERED);
	}
	assert_int_equal(b.count, 2);
	assert_false(books_heavy(&b));
	books_answer(&b, 1, false);
	assert_true(books_pop(&b, &r));
	assert_true(books_pop(&b, &r) && r.row == 2 && r.count == 1000000 && r.next_offset == 10000020);
	books_release(&b);
}

static void a_window_of_rejects_is_heavy(void **state)
{
	struct row_error e = {0};
	struct books b;
	uint64_t row = 1;

	(void)state;
	books_init(&b);
	document(&b, row++, 1);
	while (!books_heavy(&b) && row < 100000) {
		struct record rec = record_of(row++);

		books_reject(&b, &rec, &e);
	}
	assert_true(row < 10000);
	books_release(&b);
}

static void a_refused_row_may_have_any_size(void **state)
{
	struct row_error e = {0};
	struct record rec = record_of(1);
	struct books b;
	struct books_row r;

	(void)state;
	books_init(&b);
	rec.next_offset = rec.offset + ((uint64_t)5 << 30);
	rec.next_line = rec.line + ((uint64_t)5 << 30);
	books_reject(&b, &rec, &e);
	rec.row = 2;
	books_skip(&b, &rec, BOOKS_BLANK);
	assert_true(books_pop(&b, &r) && r.next_offset == rec.next_offset && r.next_line == rec.next_line && books_count(&r) == 1);
	free(r.reject);
	assert_true(books_pop(&b, &r) && books_count(&r) == 1);
	books_release(&b);
}

static void kept_bytes_are_the_rows(void **state)
{
	struct books b;
	struct books_row r;

	(void)state;
	books_init(&b);
	b.keep = true;
	for (uint64_t i = 1; i <= 5000; i++) {
		document(&b, i, 1);
		if (i > 100) {
			char want[32];

			snprintf(want, sizeof(want), "row %llu", (unsigned long long)(i - 50));
			assert_true(span_is(books_bytes(&b, books_find(&b, i - 50)), want));
			books_answer(&b, i - 100, false);
			assert_true(books_pop(&b, &r) && r.row == i - 100);
		}
		assert_true(b.bytes.n < 4096);
	}
	books_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_passes_an_open_row),
		cmocka_unit_test(a_split_row_waits_for_all_its_documents),
		cmocka_unit_test(runs_are_one_entry),
		cmocka_unit_test(a_window_of_rejects_is_heavy),
		cmocka_unit_test(a_refused_row_may_have_any_size),
		cmocka_unit_test(kept_bytes_are_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
