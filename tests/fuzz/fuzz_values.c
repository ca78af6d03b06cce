/*
 * fuzz_values - hostile formats and texts through the parts of filters that read them: dates, dissect, numbers, JSON
 *
 * The first byte chooses, the bytes up to the first NUL are the format or mapping, the rest is the text.  Checked: no crash, no leak;
 * a date is one that a timestamp can print and reads the same twice; dissect's values are within the text, in order, and put together
 * with the delimiters they are the text again where nothing may repeat; a number is JSON's; JSON that was read is written and read the same.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include "transforms/date_pattern.h"
#include "transforms/dissect_pattern.h"
#include "transforms/json_value.h"
#include "transforms/number.h"

#define NOW INT64_C(1700000000123)
#define LATEST INT64_C(253402300800000)	 /* the year 10000 */
#define EARLIEST INT64_C(-62167219200001) /* ahead of the year 0 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zones zones; /* kept from run to run: reading them is most of the time */

static void try_date(struct span format, struct span text, struct arena *a)
{
	struct date_context c = {.now_ms = NOW, .zones = &zones, .zone = zones_get(&zones, SPAN_LITERAL("Europe/Berlin"))};
	struct date_pattern *p;
	const char *why = NULL;
	int64_t ms = 0, again = 0;
	size_t offset = 0;
	bool ok;

	if (date_pattern_compile(format, a, &p, &why, &offset) < 0) {
		CHECK(why && offset <= format.n);
		return;
	}
	for (int number = 0; number < 2; number++) {
		bool epoch = p->kind != DATE_JODA && p->kind != DATE_ISO8601;

		ok = epoch ? date_epoch_parse(p->kind, text, number, &c, &ms, &why)
			   : date_pattern_parse(p, text, &c, &ms, &why);
		CHECK(ok || why);
		CHECK(!ok || (ms < LATEST && ms > EARLIEST));
		if (!epoch)
			CHECK(date_pattern_parse(p, text, &c, &again, &why) == ok && (!ok || again == ms));
	}
}

static void try_dissect(struct span mapping, struct span text, struct arena *a)
{
	struct dissect_pattern *d;
	struct strbuf whole = STRBUF_INIT;
	const char *why = NULL, *last = text.p;
	bool packed = false;
	size_t offset = 0;

	if (dissect_compile(mapping, a, &d, &why, &offset) < 0) {
		CHECK(why && offset <= mapping.n);
		return;
	}
	if (!dissect_match(d, text))
		return;
	for (size_t i = 0; i < d->count; i++) {
		struct span v = d->parts[i].value;

		CHECK(v.p >= last && v.p + v.n <= text.p + text.n);
		last = v.p + v.n;
		packed = packed || d->parts[i].packed || (i && v.p == text.p);
		strbuf_addspan(&whole, d->parts[i].before);
		strbuf_addspan(&whole, v);
		(void)dissect_other(d, &d->parts[i]);
	}
	CHECK(packed || span_equal(strbuf_span(&whole), text));
	strbuf_release(&whole);
}

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
	struct span format = {(const char *)data + 1, size - 1}, text = SPAN_NONE;
	const char *end;
	struct arena a;

	if (!size)
		return 0;
	end = memchr(format.p, '\0', format.n);
	if (end) {
		format.n = (size_t)(end - format.p);
		text = (struct span){end + 1, size - 2 - format.n};
	}
	if (!zones.folder)
		zones_init(&zones, NULL);
	arena_init(&a, 4096);
	switch (data[0] % 4) {
	case 0:
		try_date(format, text, &a);
		break;
	case 1:
		try_dissect(format, text, &a);
		break;
	case 2:
		try_number(format, &a);
		break;
	case 3:
		try_json(format, &a);
		break;
	}
	arena_release(&a);
	return 0;
}
