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
	assert_null(lane->first);
	assert_null(lane->last);
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
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_front_and_remove),
		cmocka_unit_test(test_drop_keeps_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
