/*
 * names - which names are never data, and which must be encoded; see the header
 *
 * Suffixes are compared without regard to case: an upload client on another system writes X.PART
 * as well, and a half file that is taken costs more than a file that waits with its reason.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/names.h"
#include "watcher/base/digest.h"
#include "watcher/base/utf8.h"
#include <strings.h>

static const struct {
	struct span suffix;
	const char *why;
	enum rule rule;
} never[] = {
	{SPAN_LITERAL("~"), "its name ends in ~ (a backup copy)", RULE_NAME},
	{SPAN_LITERAL(".part"), "its name ends in .part (an upload under way)", RULE_NAME},
	{SPAN_LITERAL(".filepart"), "its name ends in .filepart (an upload under way)", RULE_NAME},
	{SPAN_LITERAL(".partial"), "its name ends in .partial (an upload under way)", RULE_NAME},
	{SPAN_LITERAL(".tmp"), "its name ends in .tmp (a temporary file)", RULE_NAME},
	{SPAN_LITERAL(".temp"), "its name ends in .temp (a temporary file)", RULE_NAME},
	{SPAN_LITERAL(".crdownload"), "its name ends in .crdownload (a download under way)", RULE_NAME},
	{SPAN_LITERAL(".swp"), "its name ends in .swp (an editor's file)", RULE_NAME},
	{SPAN_LITERAL(".sha256"), "its name ends in .sha256 (a checksum beside a file)", RULE_SIDECAR},
	{SPAN_LITERAL(".manifest.json"), "its name ends in .manifest.json (a manifest)", RULE_SIDECAR},
	{SPAN_LITERAL(".receipt.json"), "its name ends in .receipt.json (a receipt)", RULE_SIDECAR},
};

static bool ends_in(struct span name, struct span suffix)
{
	return name.n >= suffix.n &&
	       strncasecmp(name.p + name.n - suffix.n, suffix.p, suffix.n) == 0;
}

static enum rule never_rule(struct span name, const char **why)
{
	if (name.n && (name.p[0] == '.' || name.p[0] == '#')) {
		*why = name.p[0] == '.' ? "its name begins with a dot (a hidden file)" :
					  "its name begins with # (an editor's file)";
		return RULE_NAME;
	}
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (ends_in(name, never[i].suffix)) {
			*why = never[i].why;
			return never[i].rule;
		}
	*why = NULL;
	return RULE_NONE;
}

enum rule names_rule(struct span name)
{
	const char *why;

	return never_rule(name, &why);
}

/* Length of the character at p if it may stand in a name, 0 if its first byte must be encoded. */
static size_t good_character(struct span s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x20 || c == 0x7f || c == '/' || n > s.n)
		return 0;
	if (!utf8_valid((struct span){s.p, n}))
		return 0;
	/* U+0080..U+009F are control characters too */
	if (c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
		return 0;
	return n;
}

static const char *encode_rule(struct span name)
{
	size_t step;

	if (name.n > NAMES_MAX)
		return "its name is longer than 200 bytes";
	if (!utf8_valid(name))
		return "its name is not valid UTF-8";
	for (size_t i = 0; i < name.n; i += step) {
		step = good_character((struct span){name.p + i, name.n - i});
		if (!step)
			return "its name has control characters";
	}
	return NULL;
}

enum names_class names_classify(struct span name, const char **rule)
{
	if (never_rule(name, rule) != RULE_NONE)
		return NAMES_NEVER;
	*rule = encode_rule(name);
	return *rule ? NAMES_ENCODE : NAMES_DATA;
}

bool names_may_start_run(struct span name)
{
	static const struct span suffix = SPAN_LITERAL(".manifest.json");

	return name.n > suffix.n && ends_in(name, suffix) && name.p[0] != '.' && name.p[0] != '#' && !encode_rule(name);
}

/* Appends what of name fits whole into max bytes of out; returns the bytes of out. */
static size_t encode_some(struct span name, char *out, size_t max)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0, step;

	for (size_t i = 0; i < name.n; i += step) {
		struct span rest = {name.p + i, name.n - i};
		unsigned char c = (unsigned char)name.p[i];

		step = c == '%' ? 0 : good_character(rest);
		if (n + (step ? step : 3) > max)
			break;
		if (step) {
			memcpy(out + n, rest.p, step);
			n += step;
			continue;
		}
		step = 1;
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return n;
}

/* ".csv" of "a.csv", when short and plain; it keeps the format of a name that is cut. */
static struct span extension(struct span name)
{
	const char *dot = memrchr(name.p, '.', name.n);
	struct span ext;

	if (!dot || dot == name.p)
		return SPAN_NONE;
	ext = (struct span){dot, (size_t)(name.p + name.n - dot)};
	if (ext.n > 16)
		return SPAN_NONE;
	for (size_t i = 1; i < ext.n; i++)
		if (!((ext.p[i] >= '0' && ext.p[i] <= '9') || (ext.p[i] >= 'a' && ext.p[i] <= 'z') ||
		      (ext.p[i] >= 'A' && ext.p[i] <= 'Z')))
			return SPAN_NONE;
	return ext;
}

static void hash_text(struct span name, char out[DIGEST_HEX])
{
	unsigned char sum[DIGEST_SIZE];
	struct digest d;

	digest_init(&d);
	digest_add(&d, name.p, name.n);
	digest_end(&d, sum);
	digest_release(&d);
	digest_hex(sum, out);
}

void names_encode(struct span name, char out[NAMES_ENCODED])
{
	char whole[256 * 3 + 1], hash[DIGEST_HEX];
	size_t n = encode_some(name, whole, sizeof(whole) - 1);
	struct span ext;

	CHECK(name.n > 0 && name.n < 256);
	if (n < NAMES_ENCODED) {
		memcpy(out, whole, n);
		out[n] = '\0';
		return;
	}
	ext = extension(name);
	hash_text(name, hash);
	n = encode_some((struct span){name.p, name.n - ext.n}, out, NAMES_ENCODED - 1 - 11 - ext.n);
	/* "%~" cannot come from encoding: names that are cut never meet names that are not */
	n += (size_t)snprintf(out + n, NAMES_ENCODED - n, "%%~%.8s", hash);
	if (ext.n)
		memcpy(out + n, ext.p, ext.n);
	out[n + ext.n] = '\0';
}
