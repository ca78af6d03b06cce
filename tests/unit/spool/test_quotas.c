/*
 * test_quotas - what counts for a day, what is promised, which held ones are next
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/quotas.h"

#define FRIDAY ((int64_t)1795737600000) /* 2026-11-27T00:00:00Z */

static void row(struct journal *j, unsigned n, const char *tenant, uint64_t bytes, const char *day, int64_t until, bool held)
{
	struct file_row r;

	row_make(&r, n, tenant, "a.csv");
	r.bytes = bytes;
	snprintf(r.quota_day, sizeof(r.quota_day), "%s", day);
	OK(journal_insert(j, &r, &fault));
	if (held) {
		r.quota_held = true;
		r.quota_until_ms = until;
		r.has_outcome = r.has_folder = true;
		r.outcome = OUTCOME_HELD;
		r.folder = FOLDER_HELD;
		file_row_set(&r.target, "a.csv");
		OK(journal_set_state(j, &r, FILE_PLACING, &fault));
		r.times.placed = 1;
		OK(journal_set_state(j, &r, FILE_HELD, &fault));
	}
	file_row_release(&r);
}

static void expect_used(struct journal *j, const char *tenant, const char *day, uint64_t files, uint64_t bytes)
{
	struct quota_sum sum = {99, 99};

	OK(quotas_used(j, tenant, day, &sum, &fault));
	assert_int_equal(sum.files, files);
	assert_int_equal(sum.bytes, bytes);
}

static bool note(void *ctx, const struct file_row *r)
{
	strbuf_addf(ctx, "%s ", r->arrival + 22);
	return true;
}

/* until, after: the place behind which it is looked. */
static void expect_held(struct journal *j, int64_t until, const char *after, int64_t due, size_t limit, const char *want)
{
	struct quota_place from = {.until_ms = until};
	struct strbuf sb = STRBUF_INIT;

	if (after[0])
		snprintf(from.arrival, sizeof(from.arrival), "01ARZ3NDEKTSV4RRFFQ69G%s", after);
	OK(quotas_held(j, "alice", &from, due, limit, note, &sb, &fault));
	assert_string_equal(sb.p ? sb.p : "", want);
	strbuf_release(&sb);
}

static void test_used(void **state)
{
	struct journal *j = open_journal(*state);

	expect_used(j, "alice", "2026-11-26", 0, 0);
	row(j, 1, "alice", 100, "2026-11-26", 0, false);
	row(j, 2, "alice", 20, "2026-11-26", 0, false);
	row(j, 3, "alice", 3, "2026-11-27", 0, false);
	row(j, 4, "bob", 4, "2026-11-26", 0, false);
	row(j, 5, "alice", 5, "", 0, false);
	expect_used(j, "alice", "2026-11-26", 2, 120);
	expect_used(j, "alice", "2026-11-27", 1, 3);
	expect_used(j, "bob", "2026-11-26", 1, 4);
	journal_free(&j);
}

static void test_planned_and_held(void **state)
{
	struct journal *j = open_journal(*state);
	struct quota_sum sum = {9, 9};
	int64_t ms = 9;

	OK(quotas_planned(j, "alice", &ms, &sum, &fault));
	assert_true(ms == 0 && sum.files == 0 && sum.bytes == 0);
	row(j, 3, "alice", 30, "", FRIDAY, true);
	row(j, 1, "alice", 10, "", FRIDAY + CLOCK_DAY_MS, true);
	row(j, 2, "alice", 20, "", FRIDAY + CLOCK_DAY_MS, true);
	row(j, 4, "alice", 40, "", 0, true);  /* promised nothing */
	row(j, 5, "bob", 50, "", FRIDAY + 5 * CLOCK_DAY_MS, true);
	row(j, 6, "alice", 60, "", 0, false); /* not held */
	OK(quotas_planned(j, "alice", &ms, &sum, &fault));
	assert_true(ms == FRIDAY + CLOCK_DAY_MS && sum.files == 2 && sum.bytes == 30);
	expect_held(j, -1, "", INT64_MAX, 10, "0004 0003 0001 0002 ");
	expect_held(j, -1, "", INT64_MAX, 2, "0004 0003 ");
	expect_held(j, FRIDAY, "0003", INT64_MAX, 10, "0001 0002 ");
	expect_held(j, FRIDAY + CLOCK_DAY_MS, "0001", INT64_MAX, 10, "0002 ");
	expect_held(j, FRIDAY + CLOCK_DAY_MS, "0002", INT64_MAX, 10, "");
	expect_held(j, -1, "", FRIDAY, 10, "0003 ");
	expect_held(j, FRIDAY, "0003", FRIDAY, 10, "");
	expect_held(j, -1, "", FRIDAY - 1, 10, "");
	journal_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_used, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_planned_and_held, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
