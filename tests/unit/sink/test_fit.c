/*
 * test_fit - values against the types of a mapping, through the embedded store
 */
#include "tests/unit/sink/fixture.h"

static const struct {
	const char *type, *value;
	bool fits;
} fit_cases[] = {
	{"integer", "12", true},
	{"integer", "2147483648", false},
	{"integer", ">24", false},
	{"integer", "12.7", true},
	{"integer", "", true},
	{"integer", "007", true},
	{"integer", "1e400", false},
	{"integer", "0x10", false},
	{"integer", " 1", false},
	{"byte", "-128", true},
	{"byte", "128", false},
	{"short", "32768", false},
	{"long", "9223372036854775808", false},
	{"long", "-9223372036854775808", true},
	{"long", "9223372036854775808.0", false},
	{"long", "9223372036854774000.5", true},
	{"unsigned_long", "-1", false},
	{"unsigned_long", "18446744073709551616", false},
	{"unsigned_long", "00018446744073709551615", true},
	{"unsigned_long", "-0", true},
	{"double", "1e308", true},
	{"double", "1e309", false},
	{"double", "NaN", false},
	{"double", "Infinity", false},
	{"double", ".5", true},
	{"double", "5.", true},
	{"double", ".", false},
	{"float", "1e39", false},
	{"half_float", "65520", false},
	{"double", "1e", false},
	{"boolean", "true", true},
	{"boolean", "yes", false},
	{"boolean", "", true},
	{"keyword", "anything", true},
	{"date", "2020-02-29", true},
	{"date", "2020-02-30", false},
	{"date", "today", false},
	{"date_nanos", "1969-12-31", false},
	{"ip", "::1", true},
	{"ip", "1.2.3.256", false},
};

static void what_does_not_fit_is_rejected(void **state UNUSED)
{
	struct arena a;

	arena_init(&a, 4096);
	for (size_t i = 0; i < ARRAY_LEN(fit_cases); i++) {
		struct sink_pool *pool = sink_pool_new();
		char *properties = xasprintf("\"f\":{\"type\":\"%s\"}", fit_cases[i].type);
		char *index = xasprintf("i%zu", i);
		struct answers got = {0};
		struct mapping m;
		struct sink *s;
		struct event ev;

		parse(&m, properties);
		open_leg(pool, index, &m, D, &got, &s);
		event_init(&ev, &a);
		add(&ev, VALUE_STRING, "f", fit_cases[i].value);
		put(s, 5, &ev);
		flush(s);
		if (got.indexed != fit_cases[i].fits || got.rejected != !fit_cases[i].fits)
			fail_msg("%s '%s'", fit_cases[i].type, fit_cases[i].value);
		if (!fit_cases[i].fits) {
			assert_string_equal(got.column, "f");
			assert_non_null(strstr(got.text, fit_cases[i].type));
		}
		sink_close(&s);
		sink_pool_free(&pool);
		mapping_release(&m);
		free(properties);
		free(index);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_does_not_fit_is_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
