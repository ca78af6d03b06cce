/*
 * fields - commas and quotes
 *
 * Called by parser.c for each record when the input names the fields.  Owns the array and the
 * memory for unquoted text; both grow to the largest record seen and stay.  Nothing can fail but
 * the record itself.
 */
#include "watcher/base/base.h"
#include "watcher/parse/fields.h"

#define FIELDS_FIRST 32

void fields_init(struct fields *fs, size_t max_columns)
{
	CHECK(max_columns > 0);
	*fs = (struct fields){.max = max_columns};
	strbuf_init(&fs->unquoted);
}

void fields_reserve(struct fields *fs, size_t count)
{
	fs->cap = count < fs->max ? count : fs->max;
	fs->items = xrealloc(fs->items, fs->cap * sizeof(*fs->items));
}

void fields_release(struct fields *fs)
{
	free(fs->items);
	strbuf_release(&fs->unquoted);
	*fs = (struct fields){0};
}

static bool add_field(struct fields *fs, struct span text, bool quoted)
{
	if (fs->count == fs->max)
		return false;
	if (fs->count == fs->cap) {
		fs->cap = fs->cap ? fs->cap * 2 : FIELDS_FIRST;
		if (fs->cap > fs->max)
			fs->cap = fs->max;
		fs->items = xrealloc(fs->items, fs->cap * sizeof(*fs->items));
	}
	fs->items[fs->count++] = (struct field){text, quoted, false};
	return true;
}

/*
 * The text between quotes with each doubled quote made one.  Room was reserved: earlier spans stay
 * where they are.
 */
static struct span undouble(struct fields *fs, const char *p, const char *end)
{
	size_t begin = fs->unquoted.n;

	while (p < end) {
		const char *quote = memchr(p, '"', (size_t)(end - p));

		if (!quote) {
			strbuf_add(&fs->unquoted, p, (size_t)(end - p));
			break;
		}
		strbuf_add(&fs->unquoted, p, (size_t)(quote + 1 - p));
		p = quote + 2;
	}
	return (struct span){fs->unquoted.p + begin, fs->unquoted.n - begin};
}

/* p stands behind the opening quote; returns the closing one. */
static const char *closing_quote(const char *p, const char *end, bool *doubled)
{
	*doubled = false;
	for (;;) {
		p = memchr(p, '"', (size_t)(end - p));
		CHECK(p);
		if (p + 1 == end || p[1] != '"')
			return p;
		*doubled = true;
		p += 2;
	}
}

/*
 * One quoted field from its opening quote on; returns the byte behind its closing quote, NULL when
 * there is no room.
 */
static const char *split_quoted(struct fields *fs, struct span raw, const char *p)
{
	const char *end = raw.p + raw.n;
	bool doubled;
	const char *close = closing_quote(p + 1, end, &doubled);
	struct span text = {p + 1, (size_t)(close - p - 1)};

	if (doubled) {
		if (fs->unquoted.n == 0)
			strbuf_reserve(&fs->unquoted, raw.n + RECORD_SLACK);
		text = undouble(fs, p + 1, close);
	}
	return add_field(fs, text, true) ? close + 1 : NULL;
}

enum fields_result fields_split(struct fields *fs, struct span raw, size_t *at)
{
	const char *p = raw.p, *end = raw.p + raw.n;

	fs->count = 0;
	strbuf_reset(&fs->unquoted);
	for (;;) {
		const char *stop;

		if (p < end && *p == '"') {
			stop = split_quoted(fs, raw, p);
			if (!stop)
				return FIELDS_TOO_MANY;
			if (stop < end && *stop != ',') {
				*at = (size_t)(stop - raw.p);
				return FIELDS_AFTER_QUOTE;
			}
		} else {
			stop = p < end ? memchr(p, ',', (size_t)(end - p)) : NULL;
			if (!stop)
				stop = end;
			if (!add_field(fs, (struct span){p, (size_t)(stop - p)}, false))
				return FIELDS_TOO_MANY;
		}
		if (stop == end)
			return FIELDS_OK;
		p = stop + 1;
	}
}

size_t fields_locate(struct span raw, size_t at, bool *in_quotes)
{
	size_t field = 0;
	bool begins = true, quoted = false;

	for (size_t i = 0; i < raw.n && i < at; i++) {
		if (quoted) {
			if (raw.p[i] != '"')
				continue;
			if (i + 1 < raw.n && raw.p[i + 1] == '"')
				i++;
			else
				quoted = false;
			continue;
		}
		if (raw.p[i] == '"' && begins)
			quoted = true;
		begins = raw.p[i] == ',';
		field += begins;
	}
	*in_quotes = quoted;
	return field;
}
