/*
 * test_usage - a file's share of its tenant's usage: at its first end, at another, in done/ and out of it; days, totals, records
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/outbox.h"
#include "watcher/spool/retain.h"
#include "watcher/spool/usage.h"

#define DAY CLOCK_DAY_MS
/* long ago: what leaves done/ leaves it at the time of the test */
#define T0 ((int64_t)1606176000000) /* 2020-11-24T00:00:00Z */

static void loaded(struct file_row *r, uint64_t read, uint64_t indexed, uint64_t sent, uint64_t cpu_us)
{
	r->leg.state = LEG_INDEXED;
	file_row_set(&r->leg.sink, "local");
	r->leg.checkpoint.counters.read = read;
	r->leg.checkpoint.counters.indexed = indexed;
	r->leg.checkpoint.counters.rejected = read - indexed;
	r->leg.checkpoint.counters.bytes_sent = sent;
	r->cpu_us = cpu_us;
}

/* A claimed row to its end at that time. */
static void end(struct journal *j, struct file_row *r, enum outcome outcome, int64_t placed)
{
	r->has_outcome = r->has_folder = true;
	r->outcome = outcome;
	r->folder = outcome == OUTCOME_HELD ? FOLDER_HELD : outcome == OUTCOME_DONE ? FOLDER_DONE : FOLDER_FAILED;
	file_row_set(&r->target, r->file);
	OK(journal_set_state(j, r, FILE_PLACING, &fault));
	r->times.placed = placed;
	OK(journal_set_state(j, r, outcome == OUTCOME_HELD ? FILE_HELD : FILE_PLACED, &fault));
}

static void add_text(void *ctx, const struct usage *u)
{
	const struct usage_sums *s = &u->sums;

	strbuf_addf(ctx, "%s %s: %d files %d/%d rows %d/%d bytes %d us %d stored\n", u->tenant, u->day ? u->day : "-", (int)s->files,
		    (int)s->rows, (int)s->rows_indexed, (int)s->bytes_in, (int)s->bytes_indexed, (int)s->cpu_us,
		    (int)u->storage_byte_days);
}

static void expect(struct journal *j, const char *tenant, const char *from, const char *to, bool total, const char *want)
{
	struct usage_filter filter = {.tenant = tenant, .from = from, .to = to, .total = total};
	struct strbuf sb = STRBUF_INIT;

	OK(usage_list(j, &filter, add_text, &sb, &fault));
	assert_string_equal(sb.p, want);
	strbuf_release(&sb);
}

static void all(struct journal *j, const char *want)
{
	expect(j, NULL, "2020-11-01", "2020-12-31", false, want);
}

static void test_an_end_is_booked_once_and_on_its_day(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r[4];

	for (unsigned i = 0; i < 4; i++) {
		row_make(&r[i], i, i == 3 ? "bob" : "alice", "a.csv");
		OK(journal_insert(j, &r[i], &fault));
	}
	loaded(&r[0], 10, 9, 500, 1000);
	end(j, &r[0], OUTCOME_DONE, T0);
	loaded(&r[1], 7, 0, 300, 200);
	end(j, &r[1], OUTCOME_FAILED, T0 + DAY - 1);
	end(j, &r[2], OUTCOME_HELD, T0 + DAY);
	loaded(&r[3], 5, 5, 50, 7);
	end(j, &r[3], OUTCOME_DONE, T0);
	OK(journal_save(j, &r[0], &fault));
	all(j, "alice 2020-11-24: 2 files 17/9 rows 16/500 bytes 1200 us 8 stored\n"
	       "alice 2020-11-25: 1 files 0/0 rows 8/0 bytes 0 us 8 stored\n"
	       "bob 2020-11-24: 1 files 5/5 rows 8/50 bytes 7 us 8 stored\n");
	expect(j, "bob", "2020-11-24", "2020-11-24", false, "bob 2020-11-24: 1 files 5/5 rows 8/50 bytes 7 us 8 stored\n");
	expect(j, NULL, "2020-11-24", "2020-11-25", true,
	       "alice -: 3 files 17/9 rows 24/500 bytes 1200 us 16 stored\nbob -: 1 files 5/5 rows 8/50 bytes 7 us 8 stored\n");
	/* what lay there before counts for a day that alone is asked for */
	expect(j, "alice", "2020-11-25", "2020-11-25", false, "alice 2020-11-25: 1 files 0/0 rows 8/0 bytes 0 us 8 stored\n");
	expect(j, "alice", "2020-11-26", "2020-11-30", false, "");
	for (unsigned i = 0; i < 4; i++)
		file_row_release(&r[i]);
	journal_free(&j);
}

/* Held, let through, loaded, undone: one file, the difference each time, on the day of that time. */
static void test_another_end_adds_the_difference(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r;

	row_make(&r, 1, "alice", "a.csv");
	OK(journal_insert(j, &r, &fault));
	loaded(&r, 10, 0, 0, 100);
	end(j, &r, OUTCOME_HELD, T0);
	OK(journal_set_state(j, &r, FILE_RETAKING, &fault));
	OK(journal_set_state(j, &r, FILE_CLAIMED, &fault));
	loaded(&r, 10, 10, 400, 300);
	end(j, &r, OUTCOME_DONE, T0 + DAY);
	all(j, "alice 2020-11-24: 1 files 10/0 rows 8/0 bytes 100 us 0 stored\n"
	       "alice 2020-11-25: 0 files 0/10 rows 0/400 bytes 200 us 8 stored\n");
	OK(journal_set_state(j, &r, FILE_RETAKING, &fault));
	OK(journal_set_state(j, &r, FILE_UNDOING, &fault));
	r.leg.checkpoint.counters.indexed = 0;
	r.leg.state = LEG_UNDONE;
	r.cpu_us = 350;
	end(j, &r, OUTCOME_UNDONE, T0 + 2 * DAY);
	/* it left done/ when the undo began, now */
	expect(j, "alice", "2020-11-24", "2020-11-26", true, "alice -: 1 files 10/0 rows 8/0 bytes 350 us 16 stored\n");
	expect(j, "alice", "2020-11-26", "2020-11-26", false, "alice 2020-11-26: 0 files 0/-10 rows 0/-400 bytes 50 us 8 stored\n");
	assert_int_equal(r.booked.done_bytes, 0);
	file_row_release(&r);
	journal_free(&j);
}

static void test_what_is_removed_and_pruned_stays_booked(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r;
	size_t n = 0;

	row_make(&r, 1, "alice", "a.csv");
	OK(journal_insert(j, &r, &fault));
	loaded(&r, 3, 3, 30, 9);
	end(j, &r, OUTCOME_DONE, T0);
	r.times.removed = T0 + 2 * DAY;
	OK(usage_book(j, &r, r.times.removed, &fault));
	OK(journal_save(j, &r, &fault));
	OK(retain_prune(j, T0 + 3 * DAY, 10, &n, &fault));
	assert_int_equal(n, 1);
	OK(usage_fill(j, "", T0 + 3 * DAY, &fault));
	all(j, "alice 2020-11-24: 1 files 3/3 rows 8/30 bytes 9 us 8 stored\n"
	       "alice 2020-11-26: 0 files 0/0 rows 0/0 bytes 0 us 0 stored\n");
	file_row_release(&r);
	journal_free(&j);
}

/* No daemon for three days, and two tenants of which one has nothing in done/. */
static void test_days_without_a_file_have_their_storage(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r[2];

	OK(usage_fill(j, "", T0, &fault));
	all(j, "");
	for (unsigned i = 0; i < 2; i++) {
		row_make(&r[i], i, i ? "bob" : "alice", "a.csv");
		OK(journal_insert(j, &r[i], &fault));
		end(j, &r[i], i ? OUTCOME_FAILED : OUTCOME_DONE, T0);
	}
	OK(usage_fill(j, "", T0 + 2 * DAY + 5, &fault));
	OK(usage_fill(j, "", T0 + 2 * DAY + 6, &fault));
	OK(usage_fill(j, "2020-11-20", T0 + 2 * DAY + 7, &fault));
	all(j, "alice 2020-11-24: 1 files 0/0 rows 8/0 bytes 0 us 8 stored\n"
	       "alice 2020-11-25: 0 files 0/0 rows 0/0 bytes 0 us 8 stored\n"
	       "alice 2020-11-26: 0 files 0/0 rows 0/0 bytes 0 us 8 stored\n"
	       "bob 2020-11-24: 1 files 0/0 rows 8/0 bytes 0 us 0 stored\n");
	OK(usage_close(j, "alice", T0 + 2 * DAY + 7, &fault));
	OK(usage_fill(j, "", T0 + 3 * DAY, &fault));
	expect(j, "alice", "2020-11-26", "2020-11-30", false, "alice 2020-11-26: 0 files 0/0 rows 0/0 bytes 0 us 0 stored\n");
	/* a removal that retention comes to later takes nothing off again */
	file_row_release(&r[0]);
	OK(journal_by_arrival(j, "01ARZ3NDEKTSV4RRFFQ69G0000", &r[0], &fault));
	r[0].times.removed = T0 + 4 * DAY;
	OK(usage_book(j, &r[0], r[0].times.removed, &fault));
	expect(j, "alice", "2020-11-27", "2020-11-30", false, "");
	for (unsigned i = 0; i < 2; i++)
		file_row_release(&r[i]);
	journal_free(&j);
}

/* A machine slept over a day, and one tenant's file ended before the days were looked at. */
static void test_days_are_filled_though_another_has_todays_line(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r[2];

	for (unsigned i = 0; i < 2; i++) {
		row_make(&r[i], i, i ? "bob" : "alice", "a.csv");
		OK(journal_insert(j, &r[i], &fault));
		end(j, &r[i], OUTCOME_DONE, T0 + (i ? 2 : 0) * DAY);
	}
	OK(usage_fill(j, "2020-11-24", T0 + 2 * DAY, &fault));
	all(j, "alice 2020-11-24: 1 files 0/0 rows 8/0 bytes 0 us 8 stored\n"
	       "alice 2020-11-25: 0 files 0/0 rows 0/0 bytes 0 us 8 stored\n"
	       "alice 2020-11-26: 0 files 0/0 rows 0/0 bytes 0 us 8 stored\n"
	       "bob 2020-11-26: 1 files 0/0 rows 8/0 bytes 0 us 8 stored\n");
	/* a clock that was set back begins no day */
	OK(usage_fill(j, "2020-11-26", T0, &fault));
	/* no more than 400 days, whatever the clock says */
	OK(usage_fill(j, "2020-11-26", T0 + 1000 * DAY, &fault));
	expect(j, "alice", "2020-11-27", "2099-12-31", true, "alice -: 0 files 0/0 rows 0/0 bytes 0 us 3208 stored\n");
	for (unsigned i = 0; i < 2; i++)
		file_row_release(&r[i]);
	journal_free(&j);
}

static bool add_body(void *ctx, const struct outbox_row *row)
{
	if (strcmp(row->kind, "usage") == 0)
		strbuf_addf(ctx, "%s %.*s\n", row->key, (int)row->body.n, row->body.p);
	return true;
}

static void told(struct journal *j, const char *want)
{
	struct strbuf sb = STRBUF_INIT;

	OK(outbox_read(j, 0, 0, add_body, &sb, &fault));
	assert_string_equal(sb.p ? sb.p : "", want);
	strbuf_release(&sb);
	OK(outbox_ack(j, INT64_MAX, &fault));
}

static void test_changed_lines_are_told_once(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r;
	size_t n = 1;

	row_make(&r, 1, "alice", "a.csv");
	OK(journal_insert(j, &r, &fault));
	assert_int_equal(usage_untold(j, &fault), 0);
	loaded(&r, 3, 3, 30, 1000009);
	end(j, &r, OUTCOME_DONE, T0);
	assert_int_equal(usage_untold(j, &fault), 1);
	OK(usage_tell(j, &n, &fault));
	assert_int_equal(n, 1);
	told(j, "alice/2020-11-24 {\"id\":\"alice/2020-11-24\",\"tenant\":\"alice\",\"day\":\"2020-11-24\",\"files\":1,\"rows\":3,"
		"\"rows_indexed\":3,\"bytes_in\":8,\"bytes_indexed\":30,\"cpu_seconds\":1.000009,\"storage_byte_days\":8}\n");
	OK(usage_tell(j, &n, &fault));
	assert_int_equal(n, 0);
	told(j, "");
	OK(usage_fill(j, "", T0 + DAY, &fault));
	assert_int_equal(usage_untold(j, &fault), 1);
	OK(usage_tell(j, &n, &fault));
	told(j, "alice/2020-11-25 {\"id\":\"alice/2020-11-25\",\"tenant\":\"alice\",\"day\":\"2020-11-25\",\"files\":0,\"rows\":0,"
		"\"rows_indexed\":0,\"bytes_in\":0,\"bytes_indexed\":0,\"cpu_seconds\":0.000000,\"storage_byte_days\":8}\n");
	assert_int_equal(usage_untold(j, &fault), 0);
	file_row_release(&r);
	journal_free(&j);
}

/* A row that cannot be saved has brought nothing in. */
static void test_saved_with_the_row_or_not_at_all(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r, back;

	row_make(&r, 1, "alice", "a.csv");
	OK(journal_insert(j, &r, &fault));
	OK(journal_commit(j, &fault));
	end(j, &r, OUTCOME_DONE, T0);
	journal_free(&j); /* as a kill before the commit */
	j = open_journal(*state);
	all(j, "");
	file_row_init(&back);
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_int_equal(back.booked.files, 0);
	end(j, &back, OUTCOME_DONE, T0);
	OK(journal_commit(j, &fault));
	all(j, "alice 2020-11-24: 1 files 0/0 rows 8/0 bytes 0 us 8 stored\n");
	file_row_release(&back);
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_int_equal(back.booked.bytes_in, 8);
	file_row_release(&back);
	file_row_release(&r);
	journal_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_end_is_booked_once_and_on_its_day, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_another_end_adds_the_difference, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_what_is_removed_and_pruned_stays_booked, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_days_without_a_file_have_their_storage, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_days_are_filled_though_another_has_todays_line, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_changed_lines_are_told_once, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_saved_with_the_row_or_not_at_all, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
