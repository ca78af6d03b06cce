/*
 * test_message - unwrap and key come back as they were; what is ill-formed is refused
 */
#include "watcher/base/base.h"
#include "watcher/model/message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ARRIVAL "01M85P8SAH5NWN36TH784ZGCJ2"

static struct fault fault;

static void write_text(const struct message *m, struct strbuf *text)
{
	strbuf_init(text);
	message_write(m, text);
}

static void stanzas_come_back(void **state UNUSED)
{
	struct message m, back;
	struct strbuf text;

	for (size_t n = 1; n <= MESSAGE_STANZAS; n++) {
		message_init(&m, MESSAGE_UNWRAP);
		memcpy(m.arrival, ARRIVAL, sizeof(m.arrival));
		m.stanza_count = n;
		for (size_t i = 0; i < n * sizeof(*m.stanzas); i++)
			((unsigned char *)m.stanzas)[i] = (unsigned char)(i * 7);
		write_text(&m, &text);
		assert_int_equal(message_parse(strbuf_span(&text), &back, &fault), 0);
		assert_int_equal(back.stanza_count, n);
		assert_memory_equal(back.stanzas, m.stanzas, sizeof(m.stanzas));
		strbuf_release(&text);
		message_release(&back);
	}
}

/* NULs and quotes among them: they stand in no text. */
static void a_file_key_comes_back(void **state UNUSED)
{
	static const unsigned char keys[][AGE_FILE_KEY] = {"", "\"}\0{\"type\":\"load", "0123456789abcde"};
	struct message m, back;
	struct strbuf text;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		message_init(&m, MESSAGE_KEY);
		memcpy(m.arrival, ARRIVAL, sizeof(m.arrival));
		memcpy(m.file_key, keys[i], AGE_FILE_KEY);
		m.has_file_key = true;
		assert_true(message_holds_key(&m));
		write_text(&m, &text);
		assert_int_equal(message_parse(strbuf_span(&text), &back, &fault), 0);
		assert_true(back.has_file_key);
		assert_memory_equal(back.file_key, keys[i], AGE_FILE_KEY);
		strbuf_release(&text);
		message_release(&back);
		assert_int_equal(back.file_key[0], 0);
	}
	message_init(&m, MESSAGE_KEY);
	memcpy(m.arrival, ARRIVAL, sizeof(m.arrival));
	fault_set(&m.fault, FAULT_KEY, "no key");
	write_text(&m, &text);
	assert_int_equal(message_parse(strbuf_span(&text), &back, &fault), 0);
	assert_false(back.has_file_key);
	assert_int_equal(back.fault.kind, FAULT_KEY);
	assert_string_equal(back.fault.text, "no key");
	strbuf_release(&text);
	message_release(&back);
}

/* The text with one part exchanged and something behind it. */
static void refuse(enum message_type type, const char *part, const char *instead, struct span behind)
{
	struct message m, back;
	struct strbuf text, wrong = STRBUF_INIT;
	char *at;

	message_init(&m, type);
	memcpy(m.arrival, ARRIVAL, sizeof(m.arrival));
	m.stanza_count = 1;
	write_text(&m, &text);
	at = strstr(text.p, part);
	assert_non_null(at);
	strbuf_add(&wrong, text.p, (size_t)(at - text.p));
	strbuf_adds(&wrong, instead);
	strbuf_adds(&wrong, at + strlen(part));
	strbuf_addspan(&wrong, behind);
	assert_int_equal(message_parse(strbuf_span(&wrong), &back, &fault), -1);
	assert_int_equal(fault.kind, FAULT_SYSTEM);
	fault_clear(&fault);
	strbuf_release(&wrong);
	strbuf_release(&text);
}

static void ill_formed_ones(void **state UNUSED)
{
	static const struct span none = {NULL, 0}, short_key = {"\0" "0123456789abcde", 16},
				 key = {"\0" "0123456789abcdef", 17}, long_key = {"\0" "0123456789abcdefg", 18};

	refuse(MESSAGE_UNWRAP, "\"stanzas\":\"00", "\"stanzas\":\"", none);
	refuse(MESSAGE_UNWRAP, "\"stanzas\":\"00", "\"stanzas\":\"0g", none);
	refuse(MESSAGE_UNWRAP, "\"stanzas\":\"", "\"stanzas\":\"00", none);
	refuse(MESSAGE_UNWRAP, "\"stanzas\"", "\"stanzaz\"", none);
	refuse(MESSAGE_UNWRAP, "{", "{", key);
	refuse(MESSAGE_LOAD, "{", "{", key);
	refuse(MESSAGE_KEY, "{", "{", short_key);
	refuse(MESSAGE_KEY, "{", "{", long_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stanzas_come_back),
		cmocka_unit_test(a_file_key_comes_back),
		cmocka_unit_test(ill_formed_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
