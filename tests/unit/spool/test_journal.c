/*
 * test_journal - rows written, read again, listed; states with their outbox rows; the view
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/outbox.h"
#include "watcher/spool/tally.h"

/* No field at its zero value, so that one that is forgotten shows. */
static void fill(struct file_row *r)
{
	row_make(r, 7, "alice", "f\xc3\xa4.csv");
	file_row_set(&r->original, "f\xe4\n.csv");
	snprintf(r->run, sizeof(r->run), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	file_row_set(&r->reason, "the sink 'main' is away");
	r->fault = FAULT_TEMPORARY;
	r->until_ms = 1700000099000;
	r->mtime_ms = 1699999999123;
	snprintf(r->delivery, sizeof(r->delivery), "abcdefghij_-ABCDEFGH");
	memset(r->sha256, 'a', DIGEST_HEX - 1);
	snprintf(r->version, sizeof(r->version), "versionversionversio");
	snprintf(r->duplicate_of, sizeof(r->duplicate_of), "01ARZ3NDEKTSV4RRFFQ69G0001");
	r->attempts = 3;
	r->deaths = 2;
	r->deaths_row = 4096;
	r->has_outcome = true;
	r->outcome = OUTCOME_FAILED;
	r->after_undo = AFTER_UNDO_LOAD;
	file_row_set(&r->target, "f.csv.X");
	r->has_folder = true;
	r->folder = FOLDER_FAILED;
	file_row_set(&r->rejects, "f.csv.X.rejects.csv");
	r->has_first_error = true;
	r->error_line = 12;
	file_row_set(&r->error_column, "b");
	file_row_set(&r->error_text, "'x' is no number");
	file_row_set(&r->coercions_json, "[{\"field\":\"a\",\"from\":\"float\",\"to\":\"integer\","
					 "\"count\":1,\"examples\":[\"1.5\"]}]");
	file_row_set(&r->sentence, "s");
	r->cpu_us = 1500000;
	r->peak_rss = 1 << 24;
	r->times.started = 1700000003000;
	r->times.indexed = 1700000004000;
	r->times.placed = 1700000005000;
	r->times.removed = 1700000006000;
	r->leg.state = LEG_LOADING;
	file_row_set(&r->leg.sink, "local");
	file_row_set(&r->leg.index, "alice-table");
	r->leg.sent = true;
	r->leg.checkpoint = (struct checkpoint){11, 12, 13, 14, {15, 1, 2, 3, 4, 5, 0, 6, 7, 8, 9}};
}

static void assert_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void assert_rows_equal(const struct file_row *a, const struct file_row *b)
{
	struct file_row x = *a, y = *b;
	char **mine[] = {&x.tenant,     &x.file,           &x.original, &x.job,
			 &x.reason,     &x.target,         &x.rejects,  &x.error_column,
			 &x.error_text, &x.coercions_json, &x.sentence, &x.leg.sink,
			 &x.leg.index};
	char **theirs[] = {&y.tenant,     &y.file,           &y.original, &y.job,
			   &y.reason,     &y.target,         &y.rejects,  &y.error_column,
			   &y.error_text, &y.coercions_json, &y.sentence, &y.leg.sink,
			   &y.leg.index};

	for (size_t i = 0; i < ARRAY_LEN(mine); i++) {
		assert_text(*mine[i], *theirs[i]);
		*mine[i] = NULL;
		*theirs[i] = NULL;
	}
	assert_memory_equal(&x, &y, sizeof(x)); /* padding is zero: memset and whole-field writes */
}

static void test_every_field(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r, back;

	row_make(&r, 7, "alice", "x.csv");
	file_row_init(&back);
	OK(journal_insert(j, &r, &fault));
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_rows_equal(&r, &back);
	file_row_release(&r);
	fill(&r);
	OK(journal_save(j, &r, &fault));
	OK(journal_commit(j, &fault));
	journal_free(&j);
	j = open_journal(*state);
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_rows_equal(&r, &back);
	assert_int_equal(journal_by_arrival(j, "01ARZ3NDEKTSV4RRFFQ69G9999", &back, &fault), 0);
	r.leg.state = LEG_NONE; /* loaded again from the start */
	OK(journal_save(j, &r, &fault));
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 1);
	assert_int_equal(back.leg.state, LEG_NONE);
	assert_null(back.leg.sink);
	file_row_release(&back);
	file_row_release(&r);
	journal_free(&j);
}

/* Through all states to PLACED; the caller sets what each needs. */
static void walk(struct journal *j, struct file_row *r, enum outcome o)
{
	static const enum file_state whole[] = {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING,
						FILE_INDEXED};

	OK(journal_insert(j, r, &fault));
	for (size_t i = 0; i < ARRAY_LEN(whole) && o == OUTCOME_DONE; i++) {
		if (whole[i] == FILE_GATED) {
			r->leg.state = LEG_GATED;
			file_row_set(&r->leg.sink, "local");
		}
		OK(journal_set_state(j, r, whole[i], &fault));
	}
	r->has_outcome = true;
	r->outcome = o;
	r->folder = folder_of(o);
	r->has_folder = true;
	file_row_set(&r->target, r->file);
	OK(journal_set_state(j, r, FILE_PLACING, &fault));
	r->times.placed = 1700000009000;
	OK(journal_set_state(j, r, o == OUTCOME_HELD ? FILE_HELD : FILE_PLACED, &fault));
}

static bool count_outbox(void *ctx, const struct outbox_row *row)
{
	size_t *n = ctx;

	assert_string_equal(row->kind, "file");
	assert_non_null(memmem(row->body.p, row->body.n, row->key, strlen(row->key)));
	(*n)++;
	return true;
}

static void test_placed_and_outbox(void **state)
{
	struct journal_options options = {.recorder = true};
	struct fixture *x = *state;
	struct journal *j = NULL;
	struct file_row r, back;
	uint64_t count = 0;
	size_t n = 0;

	OK(journal_open(x->journal, &options, &j, &fault));
	row_make(&r, 1, "alice", "x.csv");
	walk(j, &r, OUTCOME_DONE);
	assert_non_null(r.sentence);
	assert_string_equal(file_row_record_state(&r), "done");
	OK(journal_commit(j, &fault));
	assert_false(journal_dirty(j));
	OK(outbox_read(j, 0, 0, count_outbox, &n, &fault));
	assert_int_equal(n, 1);
	file_row_init(&back);
	assert_int_equal(journal_by_path(j, "alice", FOLDER_DONE, "x.csv", &back, &fault), 1);
	assert_string_equal(back.arrival, r.arrival);
	assert_int_equal(journal_by_path(j, "bob", FOLDER_DONE, "x.csv", &back, &fault), 0);
	OK(outbox_ack(j, 1, &fault));
	OK(outbox_count(j, &count, &fault));
	assert_int_equal(count, 0);
	file_row_release(&r);
	row_make(&r, 2, "alice", "y.csv");
	walk(j, &r, OUTCOME_HELD);
	assert_string_equal(file_row_record_state(&r), "held");
	n = 0;
	OK(outbox_read(j, 1, 0, count_outbox, &n, &fault));
	assert_int_equal(n, 1);
	file_row_release(&back);
	file_row_release(&r);
	journal_free(&j);
}

static void test_waiting(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r;
	int64_t next = 0;

	row_make(&r, 1, "alice", "x.csv");
	OK(journal_insert(j, &r, &fault));
	OK(journal_set_state(j, &r, FILE_IDENTIFIED, &fault));
	r.until_ms = 5000;
	OK(journal_set_state(j, &r, FILE_WAITING, &fault));
	assert_int_equal(r.resume, FILE_IDENTIFIED);
	assert_string_equal(file_row_record_state(&r), "waiting");
	OK(journal_next_due(j, FILE_WAITING, &next, &fault));
	assert_int_equal(next, 5000);
	OK(journal_next_due(j, FILE_HELD, &next, &fault));
	assert_int_equal(next, 0);
	r.until_ms = 0;
	OK(journal_set_state(j, &r, FILE_IDENTIFIED, &fault));
	OK(journal_next_due(j, FILE_WAITING, &next, &fault));
	assert_int_equal(next, 0);
	file_row_release(&r);
	journal_free(&j);
}

static bool collect(void *ctx, const struct file_row *r)
{
	struct strbuf *sb = ctx;

	strbuf_addf(sb, "%s ", r->file);
	return true;
}

static void test_lists(void **state)
{
	static const struct {
		const char *name;
		struct journal_filter filter;
		const char *want;
	} cases[] = {
		{"all", {0}, "d b c a "},
		{"limit", {.limit = 2}, "d b "},
		{"page", {.before = "01ARZ3NDEKTSV4RRFFQ69G0003"}, "c a "},
		{"tenant", {.tenant = "alice"}, "b c a "},
		{"state", {.state = "queued"}, "d b "},
		{"tenant and state", {.tenant = "alice", .state = "queued"}, "b "},
		{"failed", {.tenant = "alice", .state = "failed"}, "c "},
		{"run", {.run = "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "b "},
		{"run of another", {.run = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .tenant = "bob"}, ""},
		{"job", {.job = "none"}, ""},
	};
	struct journal *j = open_journal(*state);
	struct strbuf got = STRBUF_INIT;
	struct file_row r[4];
	struct tally t;

	row_make(&r[0], 1, "alice", "a");
	row_make(&r[1], 2, "alice", "c");
	row_make(&r[2], 3, "alice", "b");
	row_make(&r[3], 4, "bob", "d");
	snprintf(r[2].run, sizeof(r[2].run), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	walk(j, &r[0], OUTCOME_DONE);
	walk(j, &r[1], OUTCOME_FAILED);
	OK(journal_insert(j, &r[2], &fault));
	OK(journal_insert(j, &r[3], &fault));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		strbuf_reset(&got);
		OK(journal_list(j, &cases[i].filter, collect, &got, &fault));
		if (strcmp(got.p, cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, got.p, cases[i].want);
	}
	strbuf_reset(&got);
	OK(journal_alive(j, collect, &got, &fault));
	assert_string_equal(got.p, "b d ");
	OK(tally(j, "alice", NULL, &t, &fault));
	assert_int_equal(t.files, 3);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.failed, 1);
	assert_int_equal(t.queued, 1);
	assert_int_equal(t.bytes, 8);
	assert_int_equal(t.oldest_ms, 1700000000003);
	OK(tally(j, NULL, NULL, &t, &fault));
	assert_int_equal(t.files, 4);
	OK(tally(j, NULL, "01ARZ3NDEKTSV4RRFFQ69G5FAV", &t, &fault));
	assert_int_equal(t.files, 1);
	assert_int_equal(journal_name_reserved(j, &r[0], FOLDER_DONE, "x", &fault), 0);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		file_row_release(&r[i]);
	strbuf_release(&got);
	journal_free(&j);
}

static void test_forget(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r, back;

	row_make(&r, 1, "alice", "x.csv");
	file_row_init(&back);
	OK(journal_insert(j, &r, &fault));
	OK(journal_commit(j, &fault));
	OK(journal_forget(j, &r, &fault));
	OK(journal_commit(j, &fault));
	assert_int_equal(journal_by_arrival(j, r.arrival, &back, &fault), 0);
	file_row_release(&r);
	journal_free(&j);
}

static void test_deliveries(void **state)
{
	struct journal *j = open_journal(*state);
	struct file_row r, s;
	struct delivery d;

	row_make(&r, 1, "alice", "x.csv");
	snprintf(r.delivery, sizeof(r.delivery), "AAAAAAAAAAAAAAAAAAAA");
	row_make(&s, 2, "alice", "x.csv");
	snprintf(s.delivery, sizeof(s.delivery), "BBBBBBBBBBBBBBBBBBBB");
	assert_int_equal(deliveries_find(j, r.delivery, &d, &fault), 0);
	OK(deliveries_put(j, &r, DELIVERY_LOADING, 1, &fault));
	assert_int_equal(deliveries_find(j, r.delivery, &d, &fault), 1);
	assert_int_equal(d.state, DELIVERY_LOADING);
	assert_string_equal(d.arrival, r.arrival);
	assert_int_equal(deliveries_same_name(j, "alice", "table", "x.csv", r.delivery, &d, &fault),
			 0);
	OK(deliveries_put(j, &r, DELIVERY_LIVE, 2, &fault));
	assert_int_equal(deliveries_same_name(j, "alice", "table", "x.csv", s.delivery, &d, &fault),
			 1);
	assert_int_equal(d.state, DELIVERY_LIVE);
	assert_int_equal(deliveries_same_name(j, "bob", "table", "x.csv", NULL, &d, &fault), 0);
	OK(deliveries_put(j, &r, DELIVERY_UNDONE, 3, &fault));
	assert_int_equal(deliveries_same_name(j, "alice", "table", "x.csv", s.delivery, &d, &fault),
			 0);
	snprintf(s.delivery, sizeof(s.delivery), "%s", r.delivery); /* comes again: takes it over */
	OK(deliveries_put(j, &s, DELIVERY_LOADING, 4, &fault));
	assert_int_equal(deliveries_find(j, r.delivery, &d, &fault), 1);
	assert_string_equal(d.arrival, s.arrival);
	file_row_release(&r);
	file_row_release(&s);
	journal_free(&j);
}

static const char script[] =
	"import sqlite3,sys,json\n"
	"c = sqlite3.connect('file:%s?mode=ro' % sys.argv[1], uri=True)\n"
	"c.row_factory = sqlite3.Row\n"
	"r = c.execute('select * from files').fetchone()\n"
	"assert r['id'].endswith('0007') and r['state'] == 'queued' and r['tenant'] == 'alice', "
	"dict(r)\n"
	"assert r['times_claimed'] == '2023-11-14T22:13:22.066Z', r['times_claimed']\n"
	"assert r['rows_read'] == 15 and r['rows_blank'] == 5 and r['documents'] == 6, dict(r)\n"
	"assert json.loads(r['sinks'])[0]['index'] == 'alice-table'\n"
	"assert json.loads(r['first_error'])['line'] == 12\n"
	"assert json.loads(r['coercions'])[0]['count'] == 1\n"
	"assert r['cpu_seconds'] == 1.5 and r['seconds_queue'] == 0.934, dict(r)\n";

static void test_view(void **state)
{
	struct fixture *x = *state;
	struct journal *j = open_journal(x);
	struct file_row r;
	struct stat st;
	int status = 0;
	pid_t pid;

	row_make(&r, 7, "alice", "x.csv");
	OK(journal_insert(j, &r, &fault));
	file_row_release(&r);
	fill(&r);
	OK(journal_save(j, &r, &fault));
	OK(journal_commit(j, &fault));
	assert_int_equal(stat(x->journal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	pid = fork();
	if (pid == 0) {
		execlp("python3", "python3", "-c", script, x->journal, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	file_row_release(&r);
	journal_free(&j);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_field),
		T(test_placed_and_outbox),
		T(test_waiting),
		T(test_lists),
		T(test_forget),
		T(test_deliveries),
		T(test_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
