/*
 * test_judge - what an error of MongoDB means: a document's own, everybody's, our credentials'
 */
#include "watcher/base/base.h"
#include "watcher/record/judge.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void documents(void **state UNUSED)
{
	static const struct {
		int32_t code;
		enum judgement want;
	} cases[] = {
		{121, JUDGE_REFUSED},	{11000, JUDGE_REFUSED}, {10334, JUDGE_REFUSED}, {2, JUDGE_REFUSED},
		{91, JUDGE_AGAIN},	{10107, JUDGE_AGAIN},	{189, JUDGE_AGAIN},	{13, JUDGE_AGAIN},
		{14031, JUDGE_AGAIN},	{112, JUDGE_AGAIN},	{0, JUDGE_UNSURE},	{999999, JUDGE_UNSURE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(judge_document(cases[i].code), cases[i].want);
}

static void commands(void **state UNUSED)
{
	static const struct {
		uint32_t domain, code;
		const char *text;
		enum fault_kind kind;
		const char *want;
	} cases[] = {
		{MONGOC_ERROR_SERVER, 13, "not authorized on ingest", FAULT_KEY, "MongoDB answers error 13: not authorized on ingest"},
		{MONGOC_ERROR_SERVER, 18, "no", FAULT_KEY, "error 18"},
		{MONGOC_ERROR_SERVER, 91, "in shutdown", FAULT_TEMPORARY, "error 91: in shutdown"},
		{MONGOC_ERROR_SERVER, 2, "bad value", FAULT_TEMPORARY, "error 2"},
		{MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, "x", FAULT_KEY, "does not take our credentials: x"},
		{MONGOC_ERROR_SCRAM, 1, "x", FAULT_KEY, "credentials"},
		{MONGOC_ERROR_STREAM, 4, "Failed to read 4 bytes", FAULT_TEMPORARY, "MongoDB: Failed to read 4 bytes"},
		{MONGOC_ERROR_SERVER_SELECTION, 13053, "No suitable servers", FAULT_TEMPORARY, "No suitable servers"},
		{MONGOC_ERROR_SERVER_SELECTION, 13053, "", FAULT_TEMPORARY, "no reason was given"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bson_error_t e = {.domain = cases[i].domain, .code = cases[i].code};
		struct fault f = FAULT_INIT;

		snprintf(e.message, sizeof(e.message), "%s", cases[i].text);
		judge_command(&e, NULL, &f);
		assert_int_equal(f.kind, cases[i].kind);
		assert_non_null(strstr(f.text, cases[i].want));
	}
}

static void secrets_are_taken_out(void **state UNUSED)
{
	bson_error_t e = {.domain = MONGOC_ERROR_STREAM};
	struct fault f = FAULT_INIT;

	snprintf(e.message, sizeof(e.message), "cannot reach u:geheim@h, geheim is wrong");
	judge_command(&e, "geheim", &f);
	assert_null(strstr(f.text, "geheim"));
	assert_non_null(strstr(f.text, "cannot reach u:******@h"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(commands),
		cmocka_unit_test(secrets_are_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
