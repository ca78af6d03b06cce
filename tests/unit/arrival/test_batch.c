/*
 * batch: what is durable is let go, what is not is offered again with growing pauses, under the
 * same id
 */
#include "tests/unit/arrival/place.h"
#include "watcher/arrival/batch.h"

static struct place place;
static struct batch batch;
static size_t offers, commits;
static int refuse_from = -1; /* the n-th offer on is refused */
static bool refuse_commit;

static int claimed(void *ctx, const struct claimed *c, struct fault *f)
{
	(void)ctx;
	assert_string_equal(c->tenant, "t");
	assert_string_equal(c->name, c->original);
	if (refuse_from >= 0 && (int)offers++ >= refuse_from)
		return fault_set(f, FAULT_SYSTEM, "no room");
	return 0;
}

static int commit(void *ctx, struct fault *f)
{
	(void)ctx;
	commits++;
	return refuse_commit ? fault_set(f, FAULT_SYSTEM, "disk is full") : 0;
}

static bool current_place(void *ctx, const char *tenant, struct claim_place *out)
{
	(void)ctx;
	assert_string_equal(tenant, "t");
	*out = (struct claim_place){.in_fd = place.in_fd, .work_fd = place.work_fd};
	return true;
}

static const struct arrival_ops ops = {.claimed = claimed, .commit = commit};
static const struct batch_hooks hooks = {&ops, NULL, current_place, NULL};

static int set_up(void **state)
{
	(void)state;
	place_make(&place);
	batch_init(&batch);
	offers = commits = 0;
	refuse_from = -1;
	refuse_commit = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	batch_release(&batch);
	place_drop(&place);
	return 0;
}

static void add(const char *name)
{
	struct claim_place folders = {.in_fd = place.in_fd, .work_fd = place.work_fd};
	struct batch_facts facts = {.tenant = "t", .job = "j"};
	struct fault f = FAULT_INIT;
	struct claim c;

	place_file(&place, name, "1\n");
	assert_int_equal(claim_take(&folders, name, NULL, &c, &f), CLAIM_TAKEN);
	batch_add(&batch, &c, &facts, &hooks);
}

static void test_good(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	assert_int_equal(batch_next(&batch), INT64_MAX);
	assert_int_equal(batch_end(&batch, &hooks, 0, &f), 0);
	add("a");
	add("b");
	assert_true(batch_is_full(&batch, 2));
	assert_int_equal(batch_next(&batch), 0);
	assert_int_equal(batch_end(&batch, &hooks, 0, &f), 0);
	assert_int_equal(commits, 1);
	assert_int_equal(batch.len, 0);
	assert_int_equal(batch.claims, 2);
}

static void test_one_refused(void **state)
{
	struct fault f = FAULT_INIT;
	char id[ULID_TEXT];

	(void)state;
	refuse_from = 1;
	add("a");
	add("b");
	assert_true(batch.failing);
	assert_false(batch_is_full(&batch, 2));
	assert_int_equal(batch_end(&batch, &hooks, 1000, &f), -1);
	assert_non_null(strstr(f.text, "no room"));
	assert_int_equal(batch.len, 1);
	assert_int_equal(batch.claims, 1);
	memcpy(id, batch.items[0].claim.id, sizeof(id));
	assert_int_equal(batch_next(&batch), 1100);
	batch_retry(&batch, &hooks, 1099);
	assert_int_equal(offers, 2);
	batch_retry(&batch, &hooks, 1100);
	assert_int_equal(offers, 3);
	assert_int_equal(batch_next(&batch), 1300);
	assert_string_equal(batch.items[0].claim.id, id);
	refuse_from = -1;
	batch_retry(&batch, &hooks, 1300);
	assert_int_equal(batch.len, 0);
	assert_false(batch.failing);
	assert_int_equal(batch.claims, 2);
}

static void test_commit_refused(void **state)
{
	struct fault f = FAULT_INIT;
	int64_t now = 0;

	(void)state;
	refuse_commit = true;
	add("a");
	add("b");
	assert_int_equal(batch_end(&batch, &hooks, now, &f), -1);
	assert_int_equal(batch.len, 2);
	/* the pauses grow, but not for ever */
	for (int i = 0; i < 12; i++) {
		now = batch_next(&batch);
		batch_retry(&batch, &hooks, now);
	}
	assert_int_equal(batch_next(&batch) - now, 5000);
	assert_int_equal(commits, 13);
	refuse_commit = false;
	batch_retry(&batch, &hooks, batch_next(&batch));
	assert_int_equal(batch.len, 0);
}

/* A wrong claim that could not be put back: tried again until it is. */
static void test_stuck(void **state)
{
	struct claim_place folders = {.in_fd = place.in_fd, .work_fd = place.work_fd};
	struct fault f = FAULT_INIT;
	struct claim c;

	(void)state;
	place_file(&place, "a", "1\n");
	assert_int_equal(claim_begin(&c, &folders, "a", NULL, &f), CLAIM_TAKEN);
	assert_int_equal(claim_move(&c, &f), CLAIM_TAKEN);
	c.place.in_fd = -1;
	batch_stick(&batch, &c, "t", 0);
	assert_false(place_has(&place, "a"));
	assert_int_equal(batch_next(&batch), 1000);
	batch_retry(&batch, &hooks, 1000);
	assert_true(place_has(&place, "a"));
	assert_int_equal(batch.stuck_len, 0);
	assert_int_equal(batch_next(&batch), INT64_MAX);
}

static void test_forget(void **state)
{
	struct fault f = FAULT_INIT;

	(void)state;
	refuse_commit = true;
	add("a");
	assert_int_equal(batch_end(&batch, &hooks, 0, &f), -1);
	batch_forget(&batch, "u");
	assert_int_equal(batch.len, 1);
	batch_forget(&batch, "t");
	assert_int_equal(batch.len, 0);
	assert_false(batch.failing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),  TEST(test_one_refused), TEST(test_commit_refused),
		TEST(test_stuck), TEST(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
