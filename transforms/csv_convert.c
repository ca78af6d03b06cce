/*
 * csv_convert - the conversions of the csv filter's columns; see the header
 *
 * Called by filter_csv.c for each column.  What it makes is the arena's; nothing can fail.
 */
#include "watcher/base/base.h"
#include "transforms/csv_convert.h"
#include "transforms/csv_date.h"
#include "transforms/letters.h"
#include "transforms/number.h"

/* Integer(text), or the text as it is: 0x and 0b, and a leading 0 is octal to Ruby. */
static bool ruby_integer(struct span s, struct arena *a, struct number *out)
{
	struct span digits = s;
	char *end;
	long long n;

	if (digits.n && (digits.p[0] == '+' || digits.p[0] == '-')) {
		digits.p++;
		digits.n--;
	}
	if (digits.n < 2 || digits.p[0] != '0' || (digits.p[1] | 32) == 'x') {
		for (size_t i = 0; i < digits.n; i++)
			if (strchr(".eEdD", digits.p[i]) && (digits.n < 2 || (digits.p[1] | 32) != 'x'))
				return false;
		return number_integer(s, a, out);
	}
	for (size_t i = 1; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '7' || digits.n > 20)
			return false;
	n = strtoll(arena_span(a, s).p, &end, 8);
	out->text = arena_printf(a, "%lld", n);
	out->lossy = !span_equal(out->text, s);
	return true;
}

static struct value convert_boolean(struct span s, struct arena *a)
{
	struct span word = letters_lower(letters_strip(s), a);

	if (span_is(word, "true") || span_is(word, "false"))
		return value_bool(word.n == 4);
	return value_string(word);
}

/* A text that is no date stays what it is. */
static struct value convert_date(enum csv_type type, struct span name, struct span text,
				 const struct zone *local, struct filter_run *run)
{
	struct csv_date t;

	if (!(type == CSV_DATE ? csv_date_read(text, local, &t) : csv_date_time_read(text, &t)))
		return value_string(text);
	if (t.assumed)
		filter_lossy(run, name, "time without zone", "time", text);
	if (t.cut)
		filter_lossy(run, name, "time", "milliseconds", text);
	return value_time(t.ms);
}

struct value csv_convert(enum csv_type type, struct span name, struct span text, const struct zone *local,
			 struct filter_run *run, struct arena *a)
{
	struct number n;

	switch (type) {
	case CSV_STRING:
		break;
	case CSV_INTEGER:
		if (!ruby_integer(letters_strip(text), a, &n))
			break;
		if (n.lossy)
			filter_lossy(run, name, "octal", "integer", text);
		return (struct value){.type = VALUE_INT, .u = {.text = n.text}};
	case CSV_FLOAT:
		if (!number_float(letters_strip(text), a, &n))
			break;
		return (struct value){.type = VALUE_FLOAT, .u = {.text = number_float_text(n.text, a)}};
	case CSV_BOOLEAN:
		return convert_boolean(text, a);
	case CSV_DATE:
	case CSV_DATE_TIME:
		return convert_date(type, name, text, local, run);
	}
	return value_string(text);
}
