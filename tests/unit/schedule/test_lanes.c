/*
 * test_lanes - queues and whose turn it is
 */
#include "watcher/base/base.h"
#include "watcher/schedule/lanes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct item {
	struct task_link link; /* first */
	char name;
};

static bool always(void *ctx, const struct lane *lane)
{
	(void)ctx;
	(void)lane;
	return true;
}

static bool not_bob(void *ctx, const struct lane *lane)
{
	(void)ctx;
	return strcmp(lane->tenant, "bob") != 0;
}

/* What is queued ("alice:3" = three tasks), max_workers 9, and the order in which tenants are served. */
static const struct {
	const char *name;
	const char *queued;
	bool (*may)(void *ctx, const struct lane *lane);
	const char *want;
} orders[] = {
	{"one tenant", "a3", always, "aaa"},
	{"in turn", "a3b3", always, "ababab"},
	{"a long queue delays nobody", "a5b1c1", always, "abcaaaa"},
	{"nobody", "", always, ""},
};

static void fill(struct lanes *l, const char *text, struct item *items)
{
	size_t n = 0;

	for (const char *p = text; p[0] && p[1] >= '0' && p[1] <= '9'; p += 2) {
		char tenant[2] = {p[0], '\0'};
		struct lane *lane = lanes_get(l, tenant);

		lane->max_workers = 9;
		for (int i = 0; i < p[1] - '0'; i++) {
			items[n] = (struct item){.name = p[0]};
			lane_push(lane, &items[n++].link, false);
		}
	}
}

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct item items[32];
		char got[33] = "";
		struct lanes l;
		struct lane *lane;

		lanes_init(&l);
		fill(&l, orders[i].queued, items);
		while ((lane = lanes_pick(&l, orders[i].may, NULL)) != NULL) {
			struct item *it = (struct item *)lane_pop(lane);
			size_t n = strlen(got);

			got[n] = it->name;
			got[n + 1] = '\0';
		}
		if (strcmp(got, orders[i].want) != 0)
			fail_msg("%s: got %s, want %s", orders[i].name, got, orders[i].want);
		lanes_release(&l);
	}
}

/* Tenants that always have something waiting: what each was served when `files` were given out, one at a time or several at once. */
static const struct {
	const char *name;
	uint64_t bytes[3]; /* of each one's files */
	size_t files;
	unsigned slots;
} loads[] = {
	{"equal files", {10000, 10000, 10000}, 300, 1},
	{"a thousand to one", {5000, 5000000, 70000}, 5000, 1},
	{"a thousand to one, four workers", {5000, 5000000, 70000}, 5000, 4},
	{"one of one byte counts as a block", {1, LANE_LEAST, 2 * LANE_LEAST}, 5000, 1},
};

static double jain(const double *x, size_t n)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		sum += x[i];
		squares += x[i] * x[i];
	}
	return sum * sum / ((double)n * squares);
}

/* The oldest of `slots` ends before the next begins: who is served is the rule's alone, no clock's. */
static void serve_load(struct lanes *l, size_t files, unsigned slots, const uint64_t *bytes, double *served)
{
	struct lane *busy[8] = {NULL};

	for (size_t i = 0; i < files; i++) {
		struct lane *lane, **slot = &busy[i % slots];

		if (*slot)
			(*slot)->running--;
		lane = lanes_pick(l, always, NULL);
		assert_non_null(lane);
		lane->running++;
		*slot = lane;
		lane_charge(lane, bytes[lane->tenant[0] - 'a']);
		served[lane->tenant[0] - 'a'] += (double)bytes[lane->tenant[0] - 'a'];
	}
}

static void test_equal_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
		struct item items[32];
		double served[3] = {0}, most = 0;
		struct lanes l;

		lanes_init(&l);
		fill(&l, "a1b1c1", items); /* never popped: each has always one waiting */
		serve_load(&l, loads[i].files, loads[i].slots, loads[i].bytes, served);
		for (size_t k = 0; k < 3; k++)
			most = most < (double)loads[i].bytes[k] ? (double)loads[i].bytes[k] : most;
		for (size_t k = 0; k < 3; k++)
			for (size_t m = 0; m < 3 && loads[i].bytes[0] > 1; m++)
				if (served[k] - served[m] > most)
					fail_msg("%s: %.0f and %.0f bytes", loads[i].name, served[k], served[m]);
		if (loads[i].bytes[0] > 1 && jain(served, 3) < 0.95)
			fail_msg("%s: Jain's index %.4f", loads[i].name, jain(served, 3));
		for (size_t k = 0; k < 3; k++)
			while (lanes_at(&l, k)->len)
				lane_pop(lanes_at(&l, k));
		lanes_release(&l);
	}
}

/* 100,000 files of one, large or small: another's first is next, and so is that of a third. */
static void test_first_file_is_next(void **state)
{
	static struct item many[100000];
	struct item b = {.name = 'b'}, c = {.name = 'c'};
	struct lanes l;

	(void)state;
	for (uint64_t bytes = 0; bytes <= 1000000000; bytes += 500000000) {
		lanes_init(&l);
		fill(&l, "a0b0c0", NULL);
		for (size_t i = 0; i < ARRAY_LEN(many); i++) {
			many[i] = (struct item){.name = 'a'};
			lane_push(lanes_find(&l, "a"), &many[i].link, false);
		}
		for (size_t i = 0; i < 10; i++) {
			assert_string_equal(lanes_pick(&l, always, NULL)->tenant, "a");
			lane_charge(lanes_find(&l, "a"), bytes);
			lane_pop(lanes_find(&l, "a"));
		}
		lane_push(lanes_find(&l, "c"), &c.link, false);
		lane_push(lanes_find(&l, "b"), &b.link, false);
		for (const char *want = "bc"; *want; want++) {
			struct lane *lane = lanes_pick(&l, always, NULL);

			assert_int_equal(lane->tenant[0], *want);
			lane_charge(lane, 1000000000);
			lane_pop(lane);
		}
		/* and as long as it owes more than the other has had, it waits */
		lane_push(lanes_find(&l, "b"), &b.link, false);
		assert_string_equal(lanes_pick(&l, always, NULL)->tenant, "a");
		lane_pop(lanes_find(&l, "b"));
		while (lanes_find(&l, "a")->len)
			lane_pop(lanes_find(&l, "a"));
		/* until nobody has anything left */
		assert_null(lanes_pick(&l, always, NULL));
		assert_int_equal(lanes_find(&l, "b")->deficit, 0);
		lanes_release(&l);
	}
}

static void test_limits(void **state)
{
	struct item a = {.name = 'a'}, b = {.name = 'b'};
	struct lanes l;

	(void)state;
	lanes_init(&l);
	lane_push(lanes_get(&l, "alice"), &a.link, false);
	lane_push(lanes_get(&l, "bob"), &b.link, false);
	lanes_get(&l, "alice")->running = 1; /* max_workers is 1 */
	assert_string_equal(lanes_pick(&l, always, NULL)->tenant, "bob");
	assert_null(lanes_pick(&l, not_bob, NULL));
	lanes_get(&l, "alice")->max_workers = 2;
	assert_string_equal(lanes_pick(&l, not_bob, NULL)->tenant, "alice");
	lane_remove(&a.link);
	lane_remove(&b.link);
	lanes_release(&l);
}

/* A small task has the only worker of its class: those behind it of other classes go before the next small one, in their order. */
static void test_classes(void **state)
{
	static const enum resources classes[] = {RESOURCES_SMALL, RESOURCES_SMALL, RESOURCES_LARGE, RESOURCES_MEDIUM, RESOURCES_SMALL};
	struct item x[ARRAY_LEN(classes)] = {{.name = '0'}};
	struct lanes l;
	struct lane *lane;

	(void)state;
	lanes_init(&l);
	lane = lanes_get(&l, "alice");
	lane->max_workers = 9;
	for (size_t i = 0; i < ARRAY_LEN(x); i++) {
		x[i].link.resources = classes[i];
		lane_push(lane, &x[i].link, false);
	}
	assert_ptr_equal(lane_pop(lane), &x[0]);
	lane_began(lane, RESOURCES_SMALL);
	assert_ptr_equal(lane_pop(lane), &x[2]);
	lane_began(lane, RESOURCES_LARGE);
	assert_ptr_equal(lane_pop(lane), &x[3]);
	lane_began(lane, RESOURCES_MEDIUM);
	assert_null(lane_first(lane));
	assert_null(lanes_pick(&l, always, NULL));
	lane_ended(lane, RESOURCES_SMALL);
	assert_ptr_equal(lanes_pick(&l, always, NULL), lane);
	assert_ptr_equal(lane_pop(lane), &x[1]);
	lane_began(lane, RESOURCES_SMALL);
	assert_null(lane_first(lane));
	assert_ptr_equal(lane_pop_any(lane), &x[4]);
	assert_int_equal(lane->running, 3);
	lanes_release(&l);
}

static void test_front_and_remove(void **state)
{
	struct item x[3] = {{.name = '0'}, {.name = '1'}, {.name = '2'}};
	struct lanes l;
	struct lane *lane;

	(void)state;
	lanes_init(&l);
	lane = lanes_get(&l, "alice");
	lane_push(lane, &x[0].link, false);
	lane_push(lane, &x[1].link, true);
	lane_push(lane, &x[2].link, false);
	lane_remove(&x[0].link); /* the middle one */
	assert_int_equal(lane->len, 2);
	assert_ptr_equal(lane_pop(lane), &x[1]);
	assert_ptr_equal(lane_pop(lane), &x[2]);
	assert_int_equal(lane->len, 0);
	assert_null(lane_first(lane));
	assert_true(lanes_drop(&l, "alice"));
	assert_false(lanes_drop(&l, "alice"));
	lanes_release(&l);
}

static void test_drop_keeps_busy(void **state)
{
	struct lanes l;

	(void)state;
	lanes_init(&l);
	lanes_get(&l, "alice")->running = 1;
	assert_false(lanes_drop(&l, "alice"));
	assert_non_null(lanes_find(&l, "alice"));
	lanes_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_equal_bytes),
		cmocka_unit_test(test_first_file_is_next),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_front_and_remove),
		cmocka_unit_test(test_drop_keeps_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
