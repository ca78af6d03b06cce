/*
 * json_event - a line of JSON as an event; see the header
 *
 * Called by --filter for each line, by --test for a file of cases.  A recursive descent, one function a rule; depth and size are
 * bounded, nothing is owned.
 */
#include "watcher/base/base.h"
#include "watcher/worker/json_event.h"
#include "watcher/base/utf8.h"
#include "transforms/source.h"

struct reader {
	const char *start;
	const char *p;
	const char *end;
	struct arena *arena;
	unsigned depth;
	const char *file; /* or NULL: the text is one line of many */
	struct fault *fault;
};

static int read_value(struct reader *r, struct value *out);

static int refuse(struct reader *r, const char *what)
{
	struct span text = {r->start, (size_t)(r->end - r->start)};
	size_t at = (size_t)(r->p - r->start), line, column;

	if (!r->file)
		return fault_set(r->fault, FAULT_DATA, "%s at byte %zu of the line", what, at + 1);
	source_place(text, at, &line, &column);
	return fault_set(r->fault, FAULT_DATA, "%s:%zu:%zu: %s", r->file, line, column, what);
}

static void skip_blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
		r->p++;
}

/* The next byte, blanks skipped; 0 at the end (a NUL is refused by every rule as well). */
static char next(struct reader *r)
{
	skip_blanks(r);
	return r->p < r->end ? *r->p : '\0';
}

static bool take(struct reader *r, char c)
{
	if (next(r) != c)
		return false;
	r->p++;
	return true;
}

static int read_hex4(struct reader *r, unsigned *out)
{
	unsigned code = 0;

	if (r->end - r->p < 4)
		return refuse(r, "four hexadecimal digits are missing");
	for (int i = 0; i < 4; i++, r->p++) {
		char c = *r->p;

		if (c >= '0' && c <= '9')
			code = code * 16 + (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code * 16 + (unsigned)((c | 0x20) - 'a') + 10;
		else
			return refuse(r, "no hexadecimal digit");
	}
	*out = code;
	return 0;
}

/* Behind \u; a pair of surrogates is one character. */
static int read_code(struct reader *r, unsigned *out)
{
	unsigned high, low;

	if (read_hex4(r, &high) < 0)
		return -1;
	if (high < 0xd800 || high > 0xdfff) {
		*out = high;
		return 0;
	}
	if (high > 0xdbff || r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u')
		return refuse(r, "half of a surrogate pair");
	r->p += 2;
	if (read_hex4(r, &low) < 0)
		return -1;
	if (low < 0xdc00 || low > 0xdfff)
		return refuse(r, "half of a surrogate pair");
	*out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

static char *put_code(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* Behind a backslash. */
static int read_escape(struct reader *r, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at = r->p < r->end && *r->p ? strchr(from, *r->p) : NULL;
	unsigned code = 0;

	if (at) {
		r->p++;
		*(*to)++ = into[at - from];
		return 0;
	}
	if (r->p == r->end || *r->p != 'u')
		return refuse(r, "an unknown escape");
	r->p++;
	if (read_code(r, &code) < 0)
		return -1;
	*to = put_code(*to, code);
	return 0;
}

/* Where the string ends that holds p: its quote, or the end of the line. */
static const char *string_end(const struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && *p != '"')
		p += *p == '\\' && p + 1 < r->end ? 2 : 1;
	return p;
}

/* From the first backslash on the text is built anew; it never becomes longer. */
static int read_escaped(struct reader *r, const char *from, struct span *out)
{
	char *text = arena_alloc(r->arena, (size_t)(string_end(r) - from) + 1), *to = text;

	memcpy(to, from, (size_t)(r->p - from));
	to += r->p - from;
	while (r->p < r->end && *r->p != '"') {
		if ((unsigned char)*r->p < 0x20)
			return refuse(r, "a control byte within a string");
		if (*r->p != '\\') {
			*to++ = *r->p++;
			continue;
		}
		r->p++;
		if (read_escape(r, &to) < 0)
			return -1;
	}
	*out = (struct span){text, (size_t)(to - text)};
	return 0;
}

static int read_string(struct reader *r, struct span *out)
{
	const char *from;

	if (!take(r, '"'))
		return refuse(r, "a string is missing");
	from = r->p;
	while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
		r->p++;
	*out = (struct span){from, (size_t)(r->p - from)};
	if (r->p < r->end && *r->p != '"' && read_escaped(r, from, out) < 0)
		return -1;
	if (r->p == r->end)
		return refuse(r, "a string that does not end");
	r->p++;
	return 0;
}

static size_t digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return (size_t)(r->p - from);
}

static int read_number(struct reader *r, struct value *out)
{
	const char *from = r->p;
	size_t whole;

	out->type = VALUE_INT;
	if (*r->p == '-')
		r->p++;
	whole = digits(r);
	if (whole == 0 || (whole > 1 && r->p[-(ptrdiff_t)whole] == '0'))
		return refuse(r, "no number");
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		out->type = VALUE_FLOAT;
		if (digits(r) == 0)
			return refuse(r, "no number");
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		out->type = VALUE_FLOAT;
		if (r->p < r->end && (*r->p == '-' || *r->p == '+'))
			r->p++;
		if (digits(r) == 0)
			return refuse(r, "no number");
	}
	out->u.text = (struct span){from, (size_t)(r->p - from)};
	return 0;
}

static int read_array(struct reader *r, struct value *out)
{
	struct value_array *array = arena_zalloc(r->arena, sizeof(*array));
	struct value item;

	out->type = VALUE_ARRAY;
	out->u.array = array;
	r->p++;
	if (take(r, ']'))
		return 0;
	do {
		if (read_value(r, &item) < 0)
			return -1;
		value_array_add(array, r->arena, item);
	} while (take(r, ','));
	return take(r, ']') ? 0 : refuse(r, "a comma or the end of an array is missing");
}

static int read_object(struct reader *r, struct value *out)
{
	struct value_map *map = arena_zalloc(r->arena, sizeof(*map));
	struct value item;
	struct span name;

	out->type = VALUE_MAP;
	out->u.map = map;
	r->p++;
	if (take(r, '}'))
		return 0;
	do {
		if (read_string(r, &name) < 0)
			return -1;
		if (!take(r, ':'))
			return refuse(r, "a colon is missing");
		if (read_value(r, &item) < 0)
			return -1;
		value_map_set(map, r->arena, name, item);
	} while (take(r, ','));
	return take(r, '}') ? 0 : refuse(r, "a comma or the end of an object is missing");
}

static int read_word(struct reader *r, struct value *out)
{
	struct span rest = {r->p, (size_t)(r->end - r->p)};

	if (span_starts(rest, SPAN_LITERAL("null"))) {
		r->p += 4;
		out->type = VALUE_NULL;
		return 0;
	}
	out->type = VALUE_BOOL;
	out->u.boolean = span_starts(rest, SPAN_LITERAL("true"));
	if (!out->u.boolean && !span_starts(rest, SPAN_LITERAL("false")))
		return refuse(r, "no JSON value");
	r->p += out->u.boolean ? 4 : 5;
	return 0;
}

static int read_nested(struct reader *r, struct value *out)
{
	int ret;

	if (r->depth == JSON_EVENT_DEPTH)
		return refuse(r, "nested too deep");
	r->depth++;
	ret = *r->p == '[' ? read_array(r, out) : read_object(r, out);
	r->depth--;
	return ret;
}

static int read_value(struct reader *r, struct value *out)
{
	char c = next(r);

	if (c == '"') {
		out->type = VALUE_STRING;
		return read_string(r, &out->u.text);
	}
	if (c == '[' || c == '{')
		return read_nested(r, out);
	if (c == '-' || (c >= '0' && c <= '9'))
		return read_number(r, out);
	return read_word(r, out);
}

/* The two names that mean something in an event. */
static void take_special(struct event *ev)
{
	struct value *time = event_get(ev, SPAN_LITERAL("@timestamp"));
	struct value *metadata = event_get(ev, SPAN_LITERAL("@metadata"));
	int64_t ms;

	if (time && time->type == VALUE_STRING && json_event_time(time->u.text, &ms))
		*time = (struct value){.type = VALUE_TIME, .u = {.time_ms = ms}};
	if (metadata && metadata->type == VALUE_MAP) {
		ev->metadata = *metadata->u.map;
		event_remove(ev, SPAN_LITERAL("@metadata"));
	}
}

int json_event_read(struct span line, struct event *ev, struct fault *f)
{
	return json_event_read_file(line, NULL, ev, f);
}

int json_event_read_file(struct span line, const char *file, struct event *ev, struct fault *f)
{
	struct reader r = {line.p, line.p, line.p + line.n, ev->arena, 0, file, f};
	struct value root;

	r.p += utf8_valid_prefix(line);
	if (r.p < r.end)
		return refuse(&r, "invalid UTF-8");
	r.p = line.p;
	if (next(&r) != '{')
		return refuse(&r, file ? "the file is one JSON object: { is missing"
				       : "an event is an object: { is missing");
	if (read_value(&r, &root) < 0)
		return -1;
	if (next(&r) != '\0' || r.p < r.end)
		return refuse(&r, "more behind the object");
	ev->fields = *root.u.map;
	take_special(ev);
	return 0;
}
