/*
 * reference - the filters and their settings as lines; see the header
 *
 * Called by `ingest-worker --filters`.  Everything in it comes from the tables that the compiler works with.
 */
#include "watcher/base/base.h"
#include "transforms/reference.h"
#include "transforms/compile.h"

static void add_type(struct strbuf *sb, const struct option *o)
{
	strbuf_adds(sb, option_type_name(o));
	for (size_t i = 0; o->words && o->words[i]; i++)
		strbuf_addf(sb, "%s%s", i ? "|" : " of ", o->words[i]);
	if (o->flags & OPTION_REQUIRED)
		strbuf_adds(sb, ", required");
	if (o->flags & OPTION_NOT_BUILT)
		strbuf_adds(sb, ", not in this version");
	if (o->flags & OPTION_IGNORED)
		strbuf_adds(sb, ", ignored");
}

/* A default as the text would write it: a line end is `\\n`. */
static void add_default(struct strbuf *sb, const char *s)
{
	for (; s && *s; s++) {
		if (*s == '\n')
			strbuf_adds(sb, "\\n");
		else
			strbuf_addc(sb, *s);
	}
}

static void add_options(struct strbuf *sb, const char *filter, const struct option *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		strbuf_addf(sb, "%s\t%s\t", filter, table[i].name);
		add_type(sb, &table[i]);
		strbuf_addc(sb, '\t');
		add_default(sb, table[i].otherwise);
		strbuf_addf(sb, "\t%s\n", table[i].says);
	}
}

void reference_print(struct strbuf *sb)
{
	static const struct filter_type *const all[] = {
#define FILTER(name) &filter_##name,
#include "transforms/filters.def"
#undef FILTER
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		strbuf_addf(sb, "%s\t\t\t\t%s\n", all[i]->name, all[i]->says);
		add_options(sb, all[i]->name, all[i]->options, all[i]->option_count);
	}
	add_options(sb, "*", common_options, common_option_count);
}
