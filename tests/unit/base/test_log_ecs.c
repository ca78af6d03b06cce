/* log_ecs: what becomes of pairs, hostile ones too; the result read by a JSON checker of the test's own */
#include "watcher/base/log_ecs.h"
#include "watcher/base/log.h"
#include <setjmp.h>
#include <cmocka.h>

/* Behind the JSON value at p, or NULL. */
static const char *json_value(const char *p, int depth);

static const char *json_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u') {
			if (strspn(p + 1, "0123456789abcdefABCDEF") < 4)
				return NULL;
			p += 4;
		} else if (!*p || !strchr("\"\\/bfnrt", *p)) {
			return NULL;
		}
	}
	return p + 1;
}

static const char *json_object(const char *p, int depth)
{
	if (*p == '}')
		return p + 1;
	for (;; p++) {
		p = json_string(p);
		if (!p || *p != ':')
			return NULL;
		p = json_value(p + 1, depth + 1);
		if (!p || (*p != ',' && *p != '}'))
			return NULL;
		if (*p == '}')
			return p + 1;
	}
}

static const char *json_value(const char *p, int depth)
{
	if (depth > 2)
		return NULL;
	return *p == '{' ? json_object(p + 1, depth) : json_string(p);
}

static bool is_json(const char *p)
{
	p = json_value(p, 0);
	return p && !*p;
}

static void make(struct strbuf *sb, const char *context, const char *pairs)
{
	struct log_ecs_line in = {"T", "info", "ev", span_of(context), span_of(pairs), false};

	strbuf_reset(sb);
	log_ecs_add(sb, &in);
}

static void test_lines(void **state)
{
	static const struct {
		const char *name, *context, *pairs, *message, *labels;
	} rows[] = {
		{"nothing", "", "", "ev", ""},
		{"a pair", "", "k=v", "ev k=v", "\"k\":\"v\""},
		{"context first", "t=a", "k=v", "ev k=v", "\"t\":\"a\",\"k\":\"v\""},
		{"the last of two counts", "k=a", "x=1 k=b", "ev x=1 k=b", "\"k\":\"b\",\"x\":\"1\""},
		{"empty value", "", "k= l=v", "ev k= l=v", "\"k\":\"\",\"l\":\"v\""},
		{"a string", "", "k=\"a b\" l=v", "ev k=\\\"a b\\\" l=v", "\"k\":\"a b\",\"l\":\"v\""},
		{"escapes pass through", "", "k=\"a\\\"b\\u000a\"", "ev k=\\\"a\\\\\\\"b\\\\u000a\\\"",
		 "\"k\":\"a\\\"b\\u000a\""},
		{"a string that is none of JSON's", "", "k=\"\\x0a\"", "ev k=\\\"\\\\x0a\\\"",
		 "\"k\":\"\\\"\\\\x0a\\\"\""},
		{"no end of the string", "", "k=\"abc l=v", "ev k=\\\"abc l=v",
		 "\"k\":\"\\\"abc\",\"l\":\"v\""},
		{"letters behind the string", "", "k=\"a\"b l=v", "ev k=\\\"a\\\"b l=v",
		 "\"k\":\"\\\"a\\\"b\",\"l\":\"v\""},
		{"a value with =", "", "k=a=b", "ev k=a=b", "\"k\":\"a=b\""},
		{"words without =", "", "some words k=v more", "ev some words k=v more", "\"k\":\"v\""},
		{"no key", "", "=v k=w", "ev =v k=w", "\"k\":\"w\""},
		{"blanks", "", "  k=v   l=w  ", "ev   k=v   l=w  ", "\"k\":\"v\",\"l\":\"w\""},
		{"a key with a quote", "", "k\"=v", "ev k\\\"=v", "\"k\\\"\":\"v\""},
		{"one quote", "", "k=\"", "ev k=\\\"", "\"k\":\"\\\"\""},
		{"a backslash at the end", "", "k=\"\\", "ev k=\\\"\\\\", "\"k\":\"\\\"\\\\\""},
	};
	struct strbuf sb = STRBUF_INIT, want = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		make(&sb, rows[i].context, rows[i].pairs);
		strbuf_reset(&want);
		strbuf_addf(&want,
			    "{\"@timestamp\":\"T\",\"log.level\":\"info\",\"ecs.version\":\"8.11.0\",\"event.action\":\"ev\","
			    "\"message\":\"%s\",\"labels\":{%s}}",
			    rows[i].message, rows[i].labels);
		if (strcmp(sb.p, want.p) != 0)
			fail_msg("%s:\n%s\n%s", rows[i].name, sb.p, want.p);
		assert_true(is_json(sb.p));
	}
	strbuf_release(&sb);
	strbuf_release(&want);
}

static unsigned long long rng = 3;

static size_t random_below(size_t n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(rng >> 33) % n;
}

/* Whatever the pairs are, one JSON object of bounded length. */
static void test_any_text(void **state)
{
	static const char letters[] = "kv=\"\\ u0x";
	struct strbuf sb = STRBUF_INIT, pairs = STRBUF_INIT;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = round % 100 ? random_below(30) : random_below(LOG_LINE_MAX);

		strbuf_reset(&pairs);
		while (n--)
			strbuf_addc(&pairs, letters[random_below(sizeof(letters) - 1)]);
		make(&sb, "t=a", pairs.p);
		if (!is_json(sb.p))
			fail_msg("%s\n%s", pairs.p, sb.p);
		assert_true(sb.n < LOG_LINE_MAX);
	}
	strbuf_release(&sb);
	strbuf_release(&pairs);
}

static void test_bounds(void **state)
{
	static const struct {
		const char *name, *unit;
		size_t count;
	} rows[] = {
		{"one long value", "x", 16000},
		{"quotes, doubled in JSON", "\"", 16000},
		{"three bytes a character", "\xe2\x82\xac", 5000},
		{"many labels", " k%zu=v", 500},
		{"many long labels", " k%zu=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", 200},
	};
	struct strbuf sb = STRBUF_INIT, pairs = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		strbuf_reset(&pairs);
		strbuf_adds(&pairs, "k=");
		for (size_t k = 0; k < rows[i].count; k++) {
			const char *number = strstr(rows[i].unit, "%zu");

			if (!number) {
				strbuf_adds(&pairs, rows[i].unit);
				continue;
			}
			strbuf_add(&pairs, rows[i].unit, (size_t)(number - rows[i].unit));
			strbuf_addf(&pairs, "%zu%s", k, number + 3);
		}
		make(&sb, "tenant=alice", pairs.p);
		if (!is_json(sb.p) || sb.n >= LOG_LINE_MAX)
			fail_msg("%s: %zu bytes", rows[i].name, sb.n);
		assert_non_null(strstr(sb.p, "\"truncated\":\"true\"}}"));
		assert_non_null(strstr(sb.p, "\"tenant\":\"alice\""));
	}
	strbuf_release(&sb);
	strbuf_release(&pairs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_any_text),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
