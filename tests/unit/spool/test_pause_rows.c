/*
 * test_pause_rows - put, replaced, dropped, there again after the journal was closed
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/pause_rows.h"

static void add_line(void *ctx, const struct pause_row *p)
{
	strbuf_addf(ctx, "%s %s %s %lld;", p->kind, p->name, p->reason, (long long)p->since_ms);
}

static void put(struct journal *j, const char *kind, const char *name, const char *reason, int64_t since_ms)
{
	struct pause_row row = {kind, name, reason, since_ms};

	OK(pause_rows_put(j, &row, &fault));
}

static void want(struct journal *j, const char *lines)
{
	struct strbuf sb = STRBUF_INIT;

	OK(pause_rows_each(j, add_line, &sb, &fault));
	assert_string_equal(sb.n ? sb.p : "", lines);
	strbuf_release(&sb);
}

static void test_kept(void **state)
{
	struct fixture *fx = *state;
	const struct journal_options options = {0};
	struct journal *j;

	OK(journal_open(fx->journal, &options, &j, &fault));
	want(j, "");
	put(j, "tenant", "alice", "unpaid", 1);
	put(j, "job", "alice/t", "", 2);
	put(j, "tenant", "alice", "still unpaid", 3);
	OK(journal_commit(j, &fault));
	journal_free(&j);
	OK(journal_open(fx->journal, &options, &j, &fault));
	want(j, "job alice/t  2;tenant alice still unpaid 3;");
	OK(pause_rows_drop(j, "tenant", "alice", &fault));
	OK(pause_rows_drop(j, "sink", "nobody", &fault));
	OK(journal_commit(j, &fault));
	want(j, "job alice/t  2;");
	journal_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
