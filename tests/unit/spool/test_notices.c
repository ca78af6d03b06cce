/*
 * test_notices - a queue a webhook: in order, counted, capped, gone with its webhook
 */
#include "watcher/base/base.h"
#include "watcher/spool/notices.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

static char folder[64], path[80];
static struct journal *journal;
static struct fault fault;

static int set_up(void **state UNUSED)
{
	const struct journal_options options = {0};

	fault_clear(&fault);
	snprintf(folder, sizeof(folder), "/tmp/test_notices.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/journal.db", folder);
	assert_int_equal(journal_open(path, &options, &journal, &fault), 0);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	static const char *const ends[] = {"", "-wal", "-shm"};

	journal_free(&journal);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char *file = xasprintf("%s%s", path, ends[i]);

		unlink(file);
		free(file);
	}
	return rmdir(folder);
}

static void add(const char *webhook, int i)
{
	char run[32];

	snprintf(run, sizeof(run), "%s-%d", webhook, i);
	assert_int_equal(notices_add(journal, webhook, run, "run.finished", span_of(run), &fault), 0);
}

static uint64_t count(const char *webhook)
{
	uint64_t n = 99;

	assert_int_equal(notices_count(journal, webhook, &n, &fault), 0);
	return n;
}

static void name_of(void *ctx, const char *webhook)
{
	strbuf_addf(ctx, "%s ", webhook);
}

static void queues(void **state UNUSED)
{
	struct strbuf names = STRBUF_INIT;
	struct notice_row row = {0};
	int64_t seq = 0;

	assert_int_equal(notices_first(journal, "a", &row, &fault), 0);
	for (int i = 0; i < 3; i++) {
		add("a", i);
		add("b", i);
	}
	assert_int_equal(journal_commit(journal, &fault), 0);
	for (int i = 0; i < 3; i++) {
		char want[16];

		snprintf(want, sizeof(want), "a-%d", i);
		assert_int_equal(notices_first(journal, "a", &row, &fault), 1);
		assert_true(row.seq > seq);
		seq = row.seq;
		assert_string_equal(row.run, want);
		assert_string_equal(row.body.p, want);
		assert_string_equal(row.event, "run.finished");
		assert_int_equal(notices_done(journal, row.seq, &fault), 0);
		notice_row_release(&row);
	}
	assert_int_equal(count("a"), 0);
	assert_int_equal(count("b"), 3);
	assert_int_equal(count(NULL), 3);
	assert_int_equal(notices_each_webhook(journal, name_of, &names, &fault), 0);
	assert_string_equal(names.p, "b ");
	assert_int_equal(notices_forget(journal, "b", &fault), 0);
	assert_int_equal(count(NULL), 0);
	strbuf_release(&names);
}

static void the_newest_are_kept(void **state UNUSED)
{
	struct notice_row row = {0};

	for (int i = 0; i < NOTICES_KEEP + 5; i++)
		add("a", i);
	add("b", 0);
	assert_int_equal(notices_trim(journal, "a", &fault), 0);
	assert_int_equal(count("a"), NOTICES_KEEP);
	assert_int_equal(count("b"), 1);
	assert_int_equal(notices_first(journal, "a", &row, &fault), 1);
	assert_string_equal(row.run, "a-5");
	notice_row_release(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(queues, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_newest_are_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
