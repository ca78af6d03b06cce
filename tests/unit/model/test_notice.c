/*
 * test_notice - messages there and back, ill-formed ones refused; the signature is HMAC-SHA-256 (RFC 4231's second case)
 */
#include "watcher/base/base.h"
#include "watcher/base/digest.h"
#include "watcher/model/notice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct fault fault;

static void there_and_back(void **state UNUSED)
{
	struct notice n = {.seq = 7, .url = "https://h/\"x", .event = "run.failed"}, back;
	struct notice_told t = {.seq = 7, .ok = true, .reason = "it answers 204"}, told;
	struct strbuf sb = STRBUF_INIT;

	notice_write(&n, &sb);
	assert_int_equal(notice_parse(strbuf_span(&sb), &back, &fault), 0);
	assert_int_equal(back.seq, 7);
	assert_string_equal(back.url, n.url);
	assert_string_equal(back.event, n.event);
	strbuf_reset(&sb);
	notice_told_write(&t, &sb);
	assert_int_equal(notice_told_parse(strbuf_span(&sb), &told, &fault), 0);
	assert_true(told.ok);
	assert_string_equal(told.reason, t.reason);
	strbuf_release(&sb);
}

static void ill_formed(void **state UNUSED)
{
	static const char *const cases[] = {"", "x", "[]", "{}", "{\"seq\":0,\"url\":\"u\",\"event\":\"e\"}", "{\"seq\":1,\"url\":1,\"event\":\"e\"}",
					    "{\"seq\":\"1\",\"url\":\"u\",\"event\":\"e\"}", "{\"seq\":1,\"ok\":1,\"reason\":\"\"}",
					    "{\"seq\":1,\"ok\":true}", "{\"seq\":1,\"seq\":2,\"ok\":true,\"reason\":\"\"}"};
	struct notice n;
	struct notice_told t;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(notice_parse(span_of(cases[i]), &n, &fault), -1);
		assert_int_equal(notice_told_parse(span_of(cases[i]), &t, &fault), -1);
	}
}

static void signature(void **state UNUSED)
{
	unsigned char mac[DIGEST_SIZE];
	struct strbuf sb = STRBUF_INIT;
	char hex[DIGEST_HEX];

	digest_hmac(SPAN_LITERAL("Jefe"), SPAN_LITERAL("what do ya want for nothing?"), mac);
	digest_hex(mac, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	notice_sign(SPAN_LITERAL("Jefe"), 12, SPAN_LITERAL("{}"), &sb);
	digest_hmac(SPAN_LITERAL("Jefe"), SPAN_LITERAL("12.{}"), mac);
	digest_hex(mac, hex);
	assert_int_equal(strncmp(sb.p, "t=12,v1=", 8), 0);
	assert_string_equal(sb.p + 8, hex);
	strbuf_release(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(ill_formed),
		cmocka_unit_test(signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
