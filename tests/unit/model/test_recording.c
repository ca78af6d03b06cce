/*
 * test_recording - messages between ingestd and ingest-record come back as they were; rows of a batch; ill-formed ones
 */
#include "watcher/base/base.h"
#include "watcher/model/recording.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void comes_back(void **state UNUSED)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct recording m, back;

	recording_init(&m, RECORDING_DONE);
	m.upto = 4711;
	m.refused_count = RECORDING_ROWS;
	for (size_t i = 0; i < RECORDING_ROWS; i++) {
		m.refused[i].seq = (int64_t)i + 1;
		memset(m.refused[i].reason, '"', RECORDING_REASON - 1);
	}
	recording_write(&m, &text);
	assert_true(text.n < 64 * 1024); /* the largest fits into a packet */
	assert_int_equal(recording_parse(strbuf_span(&text), &back, &f), 0);
	assert_memory_equal(&m, &back, sizeof(m));
	strbuf_reset(&text);
	recording_init(&m, RECORDING_TROUBLE);
	m.fault.kind = FAULT_KEY;
	snprintf(m.fault.text, sizeof(m.fault.text), "no \\ \"password\"");
	recording_write(&m, &text);
	assert_int_equal(recording_parse(strbuf_span(&text), &back, &f), 0);
	assert_memory_equal(&m, &back, sizeof(m));
	strbuf_release(&text);
}

static void refuses(void **state UNUSED)
{
	static const char *const cases[] = {
		"",
		"{}",
		"{\"type\":\"what\",\"database\":\"\",\"upto\":0,\"kind\":0,\"text\":\"\",\"refused\":[]}",
		"{\"type\":\"done\",\"database\":\"\",\"upto\":-1,\"kind\":0,\"text\":\"\",\"refused\":[]}",
		"{\"type\":\"done\",\"database\":\"\",\"upto\":1,\"kind\":99,\"text\":\"\",\"refused\":[]}",
		"{\"type\":\"done\",\"database\":\"\",\"upto\":1,\"kind\":0,\"text\":\"\",\"refused\":[{\"seq\":2,\"reason\":\"x\"}]}",
		"{\"type\":\"done\",\"database\":\"\",\"upto\":1,\"kind\":0,\"text\":\"\",\"refused\":[{\"seq\":1}]}",
		"{\"type\":\"done\",\"database\":\"\",\"upto\":1,\"kind\":0,\"text\":\"\",\"refused\":{}}",
		"{\"type\":\"done\",\"database\":\"\",\"upto\":1,\"kind\":0,\"text\":1,\"refused\":[]}",
		"{\"type\":\"setup\",\"database\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"upto\":1,"
		"\"kind\":0,\"text\":\"\",\"refused\":[]}",
	};
	struct recording back;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fault f = FAULT_INIT;

		assert_int_equal(recording_parse(span_of(cases[i]), &back, &f), -1);
		assert_int_equal(f.kind, FAULT_SYSTEM);
	}
}

static void rows(void **state UNUSED)
{
	struct strbuf text = STRBUF_INIT;
	struct span rest, object;
	int64_t seq;

	recording_row_add(&text, 1, "file", "A\"\n", 0, SPAN_LITERAL("{\"a\":1}\n"));
	recording_row_add(&text, 9007199254740993, "job", "a/b", 1795478462003, SPAN_LITERAL("{}"));
	rest = strbuf_span(&text);
	assert_true(recording_row_take(&rest, &seq, &object));
	assert_int_equal(seq, 1);
	assert_true(span_is(object, "{\"kind\":\"file\",\"key\":\"A\\\"\\n\",\"body\":{\"a\":1}}"));
	assert_true(recording_row_take(&rest, &seq, &object));
	assert_int_equal(seq, 9007199254740993);
	assert_true(span_is(object, "{\"kind\":\"job\",\"key\":\"a/b\",\"expires\":\"2026-11-24T00:01:02.003Z\",\"body\":{}}"));
	assert_int_equal(rest.n, 0);
	assert_false(recording_row_take(&rest, &seq, &object));
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = {"x {}\n", "1{}\n", "1 {}", " {}\n"};

		rest = span_of(bad[i]);
		assert_false(recording_row_take(&rest, &seq, &object));
	}
	strbuf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(refuses),
		cmocka_unit_test(rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
