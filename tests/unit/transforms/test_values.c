/*
 * test_values - order and equality of values, their texts, tags
 */
#include "watcher/base/base.h"
#include "transforms/values.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct arena arena;

static struct value number(const char *text)
{
	bool whole = !strpbrk(text, ".eE");

	return (struct value){.type = whole ? VALUE_INT : VALUE_FLOAT, .u = {.text = span_of(text)}};
}

static const struct {
	const char *a, *b;
	int order;
} numbers[] = {
	{"1", "2", -1},         {"10", "9", 1},          {"-10", "-9", -1},
	{"-1", "1", -1},        {"5", "5", 0},           {"1", "1.0", 0},
	{"1.5", "1", 1},        {"1e3", "1000", 0},      {"-0.5", "0", -1},
	{"123456789012345678901234567890", "123456789012345678901234567891", -1},
	{"-123456789012345678901234567890", "5", -1},
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct value a = number(numbers[i].a), b = number(numbers[i].b);
		int order = 99;

		assert_true(value_compare(&a, &b, &order));
		assert_int_equal(order, numbers[i].order);
		assert_true(value_compare(&b, &a, &order));
		assert_int_equal(order, -numbers[i].order);
		assert_int_equal(value_equal(&a, &b), numbers[i].order == 0);
	}
}

/* A text of digits near another one, as files have them: measured values, rounded or not. */
static void random_number(char out[40])
{
	static const double near[] = {0, 90, 99.5, 0.1, 1e15, 123456789.123456};
	double d = near[(size_t)random() % ARRAY_LEN(near)] + (double)(random() % 7 - 3) * (random() % 2 ? 1e-14 : 1);

	if (random() % 2)
		snprintf(out, 40, "%.17g", d);
	else
		snprintf(out, 40, "%.*f", random() % 2 ? 3 : 20, d);
	if (random() % 8 == 0)
		snprintf(out, 40, "%s%ld", random() % 2 ? "-" : "", random() % 1000);
}

static void test_order_is_that_of_doubles(void **state)
{
	size_t orders[3] = {0, 0, 0};

	(void)state;
	srandom(1);
	for (size_t i = 0; i < 200000; i++) {
		char x[40], y[40];
		struct value a, b;
		int order;

		random_number(x);
		random_number(y);
		a = number(x);
		b = number(y);
		if (a.type == VALUE_INT && b.type == VALUE_INT)
			continue;
		assert_true(value_compare(&a, &b, &order));
		if (order != (strtod(x, NULL) > strtod(y, NULL)) - (strtod(x, NULL) < strtod(y, NULL)))
			fail_msg("%s and %s: %d", x, y, order);
		orders[order + 1]++;
	}
	assert_true(orders[0] > 1000 && orders[1] > 1000 && orders[2] > 1000);
}

static void test_no_order(void **state)
{
	struct value values[] = {
		value_null(), value_bool(true), number("1"), value_string(SPAN_LITERAL("1")),
		value_time(5), value_array(&arena), value_map(&arena),
	};
	int order;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			bool ordered = i == k && values[i].type != VALUE_NULL && values[i].type != VALUE_BOOL &&
				       values[i].type < VALUE_ARRAY;

			assert_int_equal(value_compare(&values[i], &values[k], &order), ordered);
			assert_int_equal(value_equal(&values[i], &values[k]), i == k);
		}
}

static void check_text(struct value v, const char *want)
{
	struct span s = value_text(&v, &arena);

	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void test_texts(void **state)
{
	struct value list = value_array(&arena), map = value_map(&arena);

	(void)state;
	value_array_add(list.u.array, &arena, number("1.50"));
	value_array_add(list.u.array, &arena, value_null());
	value_array_add(list.u.array, &arena, value_string(SPAN_LITERAL("x")));
	value_map_append(map.u.map, &arena, SPAN_LITERAL("k"), list);
	check_text(value_null(), "");
	check_text(value_bool(false), "false");
	check_text(number("007"), "007");
	check_text(value_time(1), "1970-01-01T00:00:00.001Z");
	check_text(list, "1.50,,x");
	check_text(map, "{\"k\":[1.50,null,\"x\"]}");
	check_text(value_array(&arena), "");
}

/* A copy is its own, whatever happens to the original. */
static void test_copies(void **state)
{
	struct value list = value_array(&arena), copy;
	struct event ev, *other;

	(void)state;
	event_init(&ev, &arena);
	value_array_add(list.u.array, &arena, number("1"));
	event_set(&ev, SPAN_LITERAL("l"), list);
	copy = value_copy(&list, &arena);
	other = event_copy(&ev);
	value_array_add(list.u.array, &arena, number("2"));
	assert_int_equal(copy.u.array->len, 1);
	assert_int_equal(event_get(other, SPAN_LITERAL("l"))->u.array->len, 1);
	assert_int_equal(event_get(&ev, SPAN_LITERAL("l"))->u.array->len, 2);
}

static void test_tags(void **state)
{
	struct event ev;

	(void)state;
	event_init(&ev, &arena);
	event_tag(&ev, SPAN_LITERAL("a"));
	event_tag(&ev, SPAN_LITERAL("a"));
	event_tag(&ev, SPAN_LITERAL("b"));
	check_text(*event_get(&ev, SPAN_LITERAL("tags")), "a,b");
	assert_true(event_has_tag(&ev, SPAN_LITERAL("b")));
	event_set(&ev, SPAN_LITERAL("tags"), value_string(SPAN_LITERAL("a")));
	event_tag(&ev, SPAN_LITERAL("a"));
	check_text(*event_get(&ev, SPAN_LITERAL("tags")), "a");
	event_tag(&ev, SPAN_LITERAL("c"));
	check_text(*event_get(&ev, SPAN_LITERAL("tags")), "a,c");
}

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_order_is_that_of_doubles), cmocka_unit_test(test_no_order),
		cmocka_unit_test(test_texts),   cmocka_unit_test(test_copies),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
