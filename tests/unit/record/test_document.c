/*
 * test_document - records to documents: every type, order, dates, and what is no record
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "watcher/record/document.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* libbson's own canonical text is the second opinion. */
static void makes(void **state UNUSED)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{"{}", "{ \"_id\" : \"K\" }"},
		{"{\"n\":3}", "{ \"_id\" : \"K\", \"n\" : { \"$numberLong\" : \"3\" } }"},
		{"{\"n\":-9223372036854775808}", "{ \"_id\" : \"K\", \"n\" : { \"$numberLong\" : \"-9223372036854775808\" } }"},
		{"{\"x\":1.5,\"y\":1.000}",
		 "{ \"_id\" : \"K\", \"x\" : { \"$numberDouble\" : \"1.5\" }, \"y\" : { \"$numberDouble\" : \"1.0\" } }"},
		{"{\"b\":true,\"a\":null}", "{ \"_id\" : \"K\", \"b\" : true, \"a\" : null }"},
		{"{\"l\":[1,{\"m\":\"\\u00e4\"}]}",
		 "{ \"_id\" : \"K\", \"l\" : [ { \"$numberLong\" : \"1\" }, { \"m\" : \"\xc3\xa4\" } ] }"},
		{"{\"times\":{\"a\":\"2026-11-24T00:01:02.003Z\",\"b\":null,\"c\":\"x\"}}",
		 "{ \"_id\" : \"K\", \"times\" : { \"a\" : { \"$date\" : { \"$numberLong\" : \"1795478462003\" } }, \"b\" : null, "
		 "\"c\" : \"x\" } }"},
		{"{\"file\":\"2026-11-24T00:01:02.003Z\"}", "{ \"_id\" : \"K\", \"file\" : \"2026-11-24T00:01:02.003Z\" }"},
		/* what stands behind the body in the row */
		{"{},\"expires\":\"2026-11-24T00:01:02.003Z\"",
		 "{ \"_id\" : \"K\", \"expires\" : { \"$date\" : { \"$numberLong\" : \"1795478462003\" } } }"},
		{"{\"s\":\"a\\u0000b\"}", "{ \"_id\" : \"K\", \"s\" : \"a\\u0000b\" }"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = xasprintf("{\"kind\":\"run\",\"key\":\"K\",\"body\":%s}", cases[i].body);
		struct fault f = FAULT_INIT;
		struct document d;
		char *got;

		assert_int_equal(document_make(span_of(text), &d, &f), 0);
		assert_int_equal(d.kind, DOCUMENT_RUN);
		got = bson_as_canonical_extended_json(d.bson, NULL);
		assert_string_equal(got, cases[i].want);
		bson_free(got);
		document_release(&d);
		free(text);
	}
}

static void kinds(void **state UNUSED)
{
	assert_string_equal(document_collection(DOCUMENT_FILE), "files");
	assert_string_equal(document_collection(DOCUMENT_RUN), "runs");
	assert_string_equal(document_collection(DOCUMENT_JOB), "jobs");
}

static void refuses(void **state UNUSED)
{
	static const char *const cases[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"kind\":\"file\",\"key\":\"K\"}",
		"{\"kind\":\"file\",\"key\":\"\",\"body\":{}}",
		"{\"kind\":\"file\",\"body\":{}}",
		"{\"kind\":\"other\",\"key\":\"K\",\"body\":{}}",
		"{\"kind\":\"file\",\"key\":\"K\",\"body\":[]}",
		"{\"kind\":\"file\",\"key\":\"K\",\"body\":{\"a\":1,\"a\":2}}",
		"{\"kind\":\"file\",\"key\":\"K\",\"expires\":1795478462003,\"body\":{}}",
		"{\"kind\":\"file\",\"key\":\"K\",\"expires\":\"tomorrow\",\"body\":{}}",
	};
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct document d;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(document_make(span_of(cases[i]), &d, &f), -1);
		assert_int_equal(f.kind, FAULT_DATA);
	}
	/* too deep, and too large */
	strbuf_adds(&sb, "{\"kind\":\"file\",\"key\":\"K\",\"body\":{\"a\":");
	for (int i = 0; i < 40; i++)
		strbuf_addc(&sb, '[');
	for (int i = 0; i < 40; i++)
		strbuf_addc(&sb, ']');
	strbuf_adds(&sb, "}}");
	assert_int_equal(document_make(strbuf_span(&sb), &d, &f), -1);
	strbuf_reset(&sb);
	strbuf_adds(&sb, "{\"kind\":\"file\",\"key\":\"K\",\"body\":{\"a\":\"");
	for (size_t i = 0; i < DOCUMENT_MAX; i++)
		strbuf_addc(&sb, 'x');
	strbuf_adds(&sb, "\"}}");
	assert_int_equal(document_make(strbuf_span(&sb), &d, &f), -1);
	assert_non_null(strstr(f.text, "a document at most"));
	strbuf_release(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes),
		cmocka_unit_test(kinds),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
