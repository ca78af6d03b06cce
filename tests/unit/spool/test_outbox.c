/*
 * test_outbox - records on their way: bounded without a recorder, acknowledged, refused and tried again; those of jobs
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/jobs.h"
#include "watcher/spool/outbox.h"

static void test_outbox_is_bounded(void **state)
{
	struct journal *j = open_journal(*state);
	uint64_t count = 0;

	for (int i = 0; i < OUTBOX_KEEP + 50; i++)
		OK(outbox_append(j, "file", "k", SPAN_LITERAL("{}"), &fault));
	OK(outbox_count(j, &count, &fault));
	assert_int_equal(count, OUTBOX_KEEP);
	journal_free(&j);
}

static bool note_key(void *ctx, const struct outbox_row *row)
{
	struct strbuf *sb = ctx;

	strbuf_addf(sb, "%lld:%s/%s ", (long long)row->seq, row->kind, row->key);
	return true;
}

static void outbox_is(struct journal *j, const char *want, uint64_t refused)
{
	struct strbuf sb = STRBUF_INIT;
	struct outbox_state s;

	strbuf_adds(&sb, "");
	OK(outbox_read(j, 0, 0, note_key, &sb, &fault));
	assert_string_equal(sb.p, want);
	OK(outbox_state(j, &s, &fault));
	assert_int_equal(s.refused, refused);
	strbuf_release(&sb);
}

static void append(struct journal *j, const char *key, const char *body)
{
	OK(outbox_append(j, "file", key, span_of(body), &fault));
}

static void test_refused_rows(void **state)
{
	struct journal_options options = {.recorder = true};
	struct recording_refusal two[2] = {{.seq = 1, .reason = "no"}, {.seq = 2, .reason = "no"}};
	struct recording_refusal four = {.seq = 4, .reason = "no"};
	struct outbox_state s;
	struct journal *j = NULL;

	OK(journal_open(((struct fixture *)*state)->journal, &options, &j, &fault));
	append(j, "A", "{\"n\":1}");
	append(j, "B", "{}");
	append(j, "A", "{\"n\":2}");
	append(j, "C", "{}");
	append(j, "D", "{}");
	OK(outbox_state(j, &s, &fault));
	assert_int_equal(s.rows, 5);
	assert_true(s.oldest_ms > 0);
	/* A's first is moot: its second went through in the same batch; B is kept */
	OK(outbox_done(j, 3, two, 2, &fault));
	outbox_is(j, "4:file/C 5:file/D ", 1);
	OK(outbox_done(j, 4, &four, 1, &fault));
	outbox_is(j, "5:file/D ", 2);
	append(j, "B", "{\"n\":9}");
	/* what waits is newer than what was refused */
	OK(outbox_again(j, &fault));
	outbox_is(j, "5:file/D 6:file/B 7:file/C ", 0);
	OK(outbox_done(j, 7, &(struct recording_refusal){.seq = 6, .reason = "no"}, 1, &fault));
	outbox_is(j, "", 1);
	append(j, "B", "{\"n\":10}");
	OK(outbox_done(j, 8, NULL, 0, &fault));
	outbox_is(j, "", 0);
	OK(outbox_state(j, &s, &fault));
	assert_int_equal(s.rows, 0);
	assert_int_equal(s.oldest_ms, 0);
	journal_free(&j);
}

static void note_job(void *ctx, const char *tenant, const char *job)
{
	strbuf_addf(ctx, "%s/%s ", tenant, job);
}

static void test_jobs(void **state)
{
	struct journal_options options = {.recorder = true};
	struct strbuf sb = STRBUF_INIT;
	struct journal *j = NULL;

	OK(journal_open(((struct fixture *)*state)->journal, &options, &j, &fault));
	OK(jobs_put(j, "alice", "a", "\"x\":1", &fault));
	OK(jobs_put(j, "alice", "a", "\"x\":1", &fault)); /* known */
	OK(jobs_put(j, "bob", "a", "\"x\":1", &fault));
	OK(jobs_put(j, "alice", "a", "\"x\":2", &fault));
	OK(jobs_remove(j, "bob", "a", &fault));
	OK(jobs_remove(j, "bob", "a", &fault));
	outbox_is(j, "1:job/alice/a 2:job/bob/a 3:job/alice/a 4:job/bob/a ", 0);
	OK(jobs_each(j, NULL, note_job, &sb, &fault));
	assert_string_equal(sb.p, "alice/a ");
	strbuf_release(&sb);
	journal_free(&j);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_outbox_is_bounded),
		T(test_refused_rows),
		T(test_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
