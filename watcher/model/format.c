/*
 * format - what a file is, by its name; see the header
 *
 * Called by the profile's reader, by the daemon when it routes a file and by the worker.
 */
#include "watcher/base/base.h"
#include "watcher/model/format.h"

static const struct {
	enum format_bit bit;
	const char *word;
} formats[] = {
	{FORMAT_CSV, "csv"}, {FORMAT_TXT, "txt"}, {FORMAT_GZ, "gz"},
	{FORMAT_ZST, "zst"}, {FORMAT_XZ, "xz"},	  {FORMAT_AGE, "age"},
};

const char *format_name(enum format_bit b)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].bit == b)
			return formats[i].word;
	CHECK(!"a format");
	return "";
}

unsigned format_bits_of(struct span word)
{
	if (span_is(word, "compressed"))
		return FORMAT_COMPRESSED;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (span_is(word, formats[i].word))
			return formats[i].bit;
	return 0;
}

/* The bit of the last extension, if it is one of `allowed`: *n becomes the length before it. */
static unsigned take_extension(const char *name, size_t *n, unsigned allowed)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		size_t w = strlen(formats[i].word);

		if ((formats[i].bit & allowed) && *n > w + 1 && name[*n - w - 1] == '.' &&
		    strncasecmp(name + *n - w, formats[i].word, w) == 0) {
			*n -= w + 1;
			return formats[i].bit;
		}
	}
	return 0;
}

struct name_format format_of_name(const char *name)
{
	struct name_format out = {0, 0, strlen(name)};
	size_t stem;

	out.layers = take_extension(name, &out.bare, FORMAT_AGE);
	out.layers |= take_extension(name, &out.bare, FORMAT_COMPRESSED);
	stem = out.bare;
	out.format = take_extension(name, &stem, FORMAT_RECORDS);
	return out;
}

void format_list(struct strbuf *sb, unsigned bits)
{
	size_t left = (size_t)__builtin_popcount(bits);

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (!(formats[i].bit & bits))
			continue;
		left--;
		strbuf_addf(sb, "%s%s", formats[i].word, left > 1 ? ", " : left ? " and " : "");
	}
}
