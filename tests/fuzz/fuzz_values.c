/*
 * fuzz_values - hostile texts through the parts of filters that read numbers and JSON
 *
 * The first byte chooses, the rest is the text.  Checked: no crash, no leak; a number is JSON's; JSON that was read is written and read
 * the same.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include "transforms/json_value.h"
#include "transforms/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_number(struct span text, struct arena *a)
{
	struct number n;
	bool integer;

	if (number_integer(text, a, &n))
		CHECK(json_is_number(n.text, &integer) && integer);
	if (number_float(text, a, &n))
		CHECK(json_is_number(n.text, NULL));
	number_integer_prefix(text, a, &n);
	CHECK(json_is_number(n.text, &integer) && integer);
	number_float_prefix(text, a, &n);
	CHECK(json_is_number(n.text, NULL));
}

static void try_json(struct span text, struct arena *a)
{
	struct strbuf once = STRBUF_INIT, again = STRBUF_INIT;
	const char *why = NULL;
	struct value v;
	size_t at = 0;

	if (json_value_read(text, a, &v, &why, &at)) {
		value_add_json(&once, &v);
		CHECK(utf8_valid(strbuf_span(&once)));
		CHECK(json_value_read(strbuf_span(&once), a, &v, &why, &at));
		value_add_json(&again, &v);
		CHECK(span_equal(strbuf_span(&once), strbuf_span(&again)));
	} else {
		CHECK(why && at <= text.n);
	}
	strbuf_release(&once);
	strbuf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data + 1, size - 1};
	struct arena a;

	if (!size)
		return 0;
	arena_init(&a, 4096);
	if (data[0] % 2)
		try_json(text, &a);
	else
		try_number(text, &a);
	arena_release(&a);
	return 0;
}
