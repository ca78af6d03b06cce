/*
 * test_retain - which placed files are due, what is removed of them, which rows are pruned
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/retain.h"

#define DAY ((int64_t)24 * 3600 * 1000)

/* Placed at `placed`, with receipt and rejects beside it. */
static void place(struct journal *j, const struct folders *t, unsigned n, const char *name, int64_t placed,
		  struct file_row *r)
{
	static const char *const suffixes[] = {"", ".receipt.json", ".rejects.csv"};

	row_make(r, n, t->tenant, name);
	r->has_outcome = r->has_folder = true;
	r->outcome = OUTCOME_FAILED;
	r->folder = FOLDER_FAILED;
	file_row_set(&r->target, name);
	r->rejects = xasprintf("%s.rejects.csv", name);
	snprintf(r->delivery, sizeof(r->delivery), "DDDDDDDDDDDDDDDD%04u", n);
	OK(journal_insert(j, r, &fault));
	OK(deliveries_put(j, r, DELIVERY_LIVE, placed, &fault));
	OK(journal_set_state(j, r, FILE_PLACING, &fault));
	r->times.placed = placed;
	OK(journal_set_state(j, r, FILE_PLACED, &fault));
	OK(journal_commit(j, &fault));
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char *path = xasprintf("%s%s", name, suffixes[i]);

		write_at(folders_fd(t, FOLDER_FAILED), path, CONTENT);
		free(path);
	}
}

struct seen {
	char names[256];
};

static bool note(void *ctx, const struct file_row *r)
{
	struct seen *s = ctx;

	strncat(s->names, r->file, sizeof(s->names) - strlen(s->names) - 2);
	strncat(s->names, " ", 2);
	return true;
}

static const char *due(struct journal *j, const char *tenant, enum folder folder, int64_t before, size_t limit,
		       struct seen *s)
{
	s->names[0] = '\0';
	OK(retain_due(j, tenant, folder, before, limit, note, s, &fault));
	return s->names;
}

static void test_due(void **state)
{
	struct fixture *x = *state;
	struct journal *j = open_journal(x);
	struct folders *t = NULL;
	struct file_row r[3];
	struct seen s;

	OK(folders_open(x->staging, "alice", &t, &fault));
	place(j, t, 1, "b.csv", 2 * DAY, &r[0]);
	place(j, t, 2, "a.csv", DAY, &r[1]);
	place(j, t, 3, "c.csv", 3 * DAY, &r[2]);
	assert_string_equal(due(j, "alice", FOLDER_FAILED, 3 * DAY, 10, &s), "a.csv b.csv ");
	assert_string_equal(due(j, "alice", FOLDER_FAILED, 4 * DAY, 2, &s), "a.csv b.csv ");
	assert_string_equal(due(j, "alice", FOLDER_FAILED, DAY, 10, &s), "");
	assert_string_equal(due(j, "alice", FOLDER_DONE, 4 * DAY, 10, &s), "");
	assert_string_equal(due(j, "bob", FOLDER_FAILED, 4 * DAY, 10, &s), "");
	r[1].times.removed = 9 * DAY;
	OK(journal_save(j, &r[1], &fault));
	assert_string_equal(due(j, "alice", FOLDER_FAILED, 4 * DAY, 10, &s), "b.csv c.csv ");
	for (size_t i = 0; i < 3; i++)
		file_row_release(&r[i]);
	folders_free(&t);
	journal_free(&j);
}

static void test_remove(void **state)
{
	struct fixture *x = *state;
	struct journal *j = open_journal(x);
	struct folders *t = NULL;
	struct file_row r;

	OK(folders_open(x->staging, "alice", &t, &fault));
	place(j, t, 1, "a.csv", DAY, &r);
	write_at(folders_fd(t, FOLDER_FAILED), "a.csv.other", CONTENT);
	assert_int_equal(retain_remove(t, &r, &fault), 1);
	OK(retain_sync(t, FOLDER_FAILED, &fault));
	assert_false(is_there(t, FOLDER_FAILED, "a.csv"));
	assert_false(is_there(t, FOLDER_FAILED, "a.csv.receipt.json"));
	assert_false(is_there(t, FOLDER_FAILED, "a.csv.rejects.csv"));
	assert_true(is_there(t, FOLDER_FAILED, "a.csv.other"));
	assert_int_equal(retain_remove(t, &r, &fault), 1); /* gone before: the same */
	write_at(folders_fd(t, FOLDER_FAILED), "a.csv", "somebody's own");
	assert_int_equal(retain_remove(t, &r, &fault), 0);
	assert_true(is_there(t, FOLDER_FAILED, "a.csv"));
	file_row_release(&r);
	folders_free(&t);
	journal_free(&j);
}

static void test_prune(void **state)
{
	struct fixture *x = *state;
	struct journal *j = open_journal(x);
	struct folders *t = NULL;
	struct file_row r[4], back;
	struct delivery d;
	size_t n = 9;

	OK(folders_open(x->staging, "alice", &t, &fault));
	file_row_init(&back);
	for (unsigned i = 0; i < 4; i++) {
		char name[] = "x.csv";

		name[0] = (char)('a' + (int)i);
		place(j, t, i, name, DAY, &r[i]);
		r[i].times.removed = i < 3 ? (int64_t)(10 + i) * DAY : 0; /* d.csv is still there */
		OK(journal_save(j, &r[i], &fault));
	}
	OK(retain_prune(j, 10 * DAY, 10, &n, &fault));
	assert_int_equal(n, 0);
	OK(retain_prune(j, 30 * DAY, 2, &n, &fault));
	assert_int_equal(n, 2);
	OK(retain_prune(j, 30 * DAY, 2, &n, &fault));
	assert_int_equal(n, 1);
	OK(retain_prune(j, 30 * DAY, 2, &n, &fault));
	assert_int_equal(n, 0);
	OK(journal_commit(j, &fault));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(journal_by_arrival(j, r[i].arrival, &back, &fault), i == 3);
		assert_int_equal(deliveries_find(j, r[i].delivery, &d, &fault), 1);
		assert_string_equal(d.arrival, r[i].arrival);
		file_row_release(&r[i]);
	}
	file_row_release(&back);
	folders_free(&t);
	journal_free(&j);
}

/* One that was pruned is told by its delivery. */
static void test_tell(void **state)
{
	struct fixture *x = *state;
	struct journal *j = open_journal(x);
	struct strbuf sb = STRBUF_INIT;
	struct file_row r;

	row_make(&r, 1, "alice", "x.csv");
	snprintf(r.delivery, sizeof(r.delivery), "AAAAAAAAAAAAAAAAAAAA");
	OK(deliveries_put(j, &r, DELIVERY_LIVE, 1700000000000, &fault));
	assert_int_equal(deliveries_tell(j, "BBBBBBBBBBBBBBBBBBBB", &sb, &fault), 0);
	assert_int_equal(deliveries_tell(j, r.delivery, &sb, &fault), 1);
	assert_string_equal(sb.p, "x.csv of tenant alice, job table, arrival 01ARZ3NDEKTSV4RRFFQ69G0001, live since "
				  "2023-11-14T22:13:20.000Z");
	strbuf_release(&sb);
	file_row_release(&r);
	journal_free(&j);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(test_due),
		T(test_remove),
		T(test_prune),
		T(test_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
