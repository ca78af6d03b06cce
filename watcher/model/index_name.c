/*
 * index_name - a job's index name with the tenant's prefix and the day of the claim
 *
 * Called when a job is checked and when a delivery pins its index.  Rules of the servers: Elasticsearch reference,
 * "Create index", name restrictions.
 */
#include "watcher/base/base.h"
#include "watcher/model/profile.h"
#include "watcher/base/clock.h"

char *profile_index_name(const struct profile *p, const struct job *j)
{
	const char *name = j->index_name ? j->index_name : j->name;

	if (span_starts(span_of(name), span_of(p->index_prefix)))
		return xstrdup(name);
	return xasprintf("%s%s", p->index_prefix, name);
}

static int check_name(const char *name, struct fault *f)
{
	if (!*name || strlen(name) > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fault_set(f, FAULT_CONFIG, "index name \"%.60s\" must have 1 to 255 bytes", name);
	if (strchr("-_+", name[0]))
		return fault_set(f, FAULT_CONFIG, "index name \"%s\" may not begin with - _ +", name);
	for (const char *c = name; *c; c++)
		if ((*c >= 'A' && *c <= 'Z') || strchr("\\/*?\"<>| ,#:%", *c) ||
		    (unsigned char)*c < 0x20)
			return fault_set(f, FAULT_CONFIG,
					 "index name \"%s\" may not hold \"%c\" (lower case, none of "
					 "\\ / * ? \" < > | blank , # : %%)",
					 name, *c);
	return 0;
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

	while (format.n) {
		size_t used = 0;

		for (size_t i = 0; i < ARRAY_LEN(tokens) && !used; i++) {
			char text[16];

			if (!span_starts(format, tokens[i].letters))
				continue;
			clock_strftime(ms, tokens[i].as, text, sizeof(text));
			strbuf_adds(sb, text);
			used = tokens[i].letters.n;
		}
		if (!used && strchr(".-_", format.p[0])) {
			strbuf_addc(sb, format.p[0]);
			used = 1;
		}
		if (!used)
			return fault_set(f, FAULT_CONFIG,
					 "index name: %%{+%.*s}: allowed are yyyy MM dd HH and . - _",
					 SPAN_FMT(format));
		format.p += used;
		format.n -= used;
	}
	return 0;
}

int index_name_at(const char *pattern, int64_t ms, char **out, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;

	while (*pattern) {
		const char *end = strchr(pattern, '}');

		if (strncmp(pattern, "%{+", 3) == 0 && end) {
			struct span format = {pattern + 3, (size_t)(end - pattern - 3)};

			if (add_date(&sb, format, ms, f) < 0)
				goto fail;
			pattern = end + 1;
		} else {
			strbuf_addc(&sb, *pattern++);
		}
	}
	if (check_name(sb.p, f) < 0)
		goto fail;
	*out = strbuf_detach(&sb);
	return 0;
fail:
	strbuf_release(&sb);
	return -1;
}
