/*
 * index_name - a job's index name with the tenant's prefix and the day of the claim
 *
 * Called when a job is checked and when a delivery pins its index.  Rules of the servers: Elasticsearch reference,
 * "Create index", name restrictions.  Date letters are Joda's, as Logstash takes them.
 */
#include "watcher/base/base.h"
#include "watcher/model/profile.h"
#include "watcher/base/clock.h"
#include "watcher/base/utf8.h"

#define INDEX_NAME_MAX 255
#define FORBIDDEN "\\/*?\"<>| ,#:"

char *profile_index_name(const struct profile *p, const struct job *j)
{
	const char *name = j->index_name ? j->index_name : j->name;

	if (span_starts(span_of(name), span_of(p->index_prefix)))
		return xstrdup(name);
	return xasprintf("%s%s", p->index_prefix, name);
}

/* Upper case of ASCII, Latin-1, Greek and Cyrillic; the servers know the rest. */
static bool is_upper(const unsigned char *c)
{
	unsigned code;

	if (c[0] < 0x80)
		return c[0] >= 'A' && c[0] <= 'Z';
	if (c[0] < 0xc2 || c[0] > 0xdf)
		return false;
	code = (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
	return (code >= 0xc0 && code <= 0xde && code != 0xd7) || (code >= 0x391 && code <= 0x3ab) ||
	       (code >= 0x400 && code <= 0x42f);
}

static int check_name(const char *name, struct fault *f)
{
	struct span rest = span_of(name);
	unsigned code;

	if (!rest.n || rest.n > INDEX_NAME_MAX)
		return fault_set(f, FAULT_CONFIG, "index name \"%.60s\" has %zu bytes; allowed: 1 to %d",
				 name, rest.n, INDEX_NAME_MAX);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fault_set(f, FAULT_CONFIG, "index name \"%s\" is not allowed", name);
	if (!utf8_valid(rest))
		return fault_set(f, FAULT_CONFIG, "index name \"%s\" is not valid UTF-8", name);
	if (strchr("-_+", name[0]))
		return fault_set(f, FAULT_CONFIG, "index name \"%s\" may not begin with - _ or +", name);
	for (; rest.n; rest.p++, rest.n--) {
		if (is_upper((const unsigned char *)rest.p))
			return fault_set(f, FAULT_CONFIG, "index name \"%s\" must be lower case", name);
		if (strchr(FORBIDDEN, rest.p[0]))
			return fault_set(f, FAULT_CONFIG,
					 "index name \"%s\" may not hold \"%c\" (none of \\ / * ? \" < > | "
					 "blank , # :)",
					 name, rest.p[0]);
		if (utf8_hidden(rest, &code))
			return fault_set(f, FAULT_CONFIG, "index name \"%s\" holds a control character",
					 name);
	}
	return 0;
}

static size_t run_length(struct span s)
{
	size_t n = 1;

	while (n < s.n && s.p[n] == s.p[0])
		n++;
	return n;
}

static bool is_literal(char c)
{
	return c > ' ' && c < 0x7f && c != '\'' && !(c >= '0' && c <= '9') &&
	       !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
}

/* yyyy MM dd HH and punctuation between them */
static int add_date(struct strbuf *sb, struct span format, int64_t ms, struct fault *f)
{
	static const struct {
		struct span letters;
		const char *as;
	} tokens[] = {
		{SPAN_LITERAL("yyyy"), "%Y"}, {SPAN_LITERAL("YYYY"), "%Y"}, {SPAN_LITERAL("MM"), "%m"},
		{SPAN_LITERAL("dd"), "%d"},   {SPAN_LITERAL("HH"), "%H"},
	};
	const struct span whole = format;

	while (format.n) {
		size_t used = run_length(format);
		const char *as = NULL;
		char text[16];

		for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
			if (span_equal(tokens[i].letters, (struct span){format.p, used}))
				as = tokens[i].as;
		if (as) {
			clock_strftime(ms, as, text, sizeof(text));
			strbuf_adds(sb, text);
		} else if (is_literal(format.p[0])) {
			strbuf_add(sb, format.p, used);
		} else {
			return fault_set(f, FAULT_CONFIG,
					 "index name: \"%.*s\" in %%{+%.*s}; allowed: yyyy MM dd HH and "
					 "punctuation",
					 SPAN_FMT(((struct span){format.p, used})), SPAN_FMT(whole));
		}
		format.p += used;
		format.n -= used;
	}
	return 0;
}

bool index_name_valid(const char *name, struct fault *f)
{
	return check_name(name, f) == 0;
}

int index_name_at(const char *pattern, int64_t ms, char **out, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int r = 0;

	while (*pattern && r == 0) {
		const char *end = strchr(pattern, '}');

		if (strncmp(pattern, "%{", 2) != 0) {
			strbuf_addc(&sb, *pattern++);
		} else if (pattern[2] != '+' || !end || end == pattern + 3) {
			r = fault_set(f, FAULT_CONFIG,
				      "index name: \"%.60s\": only the claim time, like %%{+yyyy.MM.dd}, can "
				      "stand in it, not a field",
				      pattern);
		} else {
			r = add_date(&sb, (struct span){pattern + 3, (size_t)(end - pattern - 3)}, ms, f);
			pattern = end + 1;
		}
	}
	if (r == 0)
		r = check_name(sb.p, f);
	if (r == 0)
		*out = strbuf_detach(&sb);
	strbuf_release(&sb);
	return r;
}
