/*
 * lint_order - fields that a mutate renames before it changes them: its order is its own, not the text's, and the change finds nothing
 *
 * Called by compile_lint for each mutate.  A name that rename or replace of the same mutate makes is there again, and is not told.
 */
#include "watcher/base/base.h"
#include "watcher/base/map.h"
#include "transforms/compile.h"

static const struct {
	const char *name;
	size_t stride; /* of a list: each so manieth element is a field */
} later[] = {{"update", 2}, {"convert", 2}, {"gsub", 3},  {"uppercase", 1}, {"capitalize", 1}, {"lowercase", 1},
	     {"strip", 1},  {"split", 2},   {"join", 2}, {"copy", 2}};

struct names {
	struct compile *c;
	struct map moved; /* to its rename's key */
	const char *setting;
};

/* [name] is name. */
static struct span bare(struct span s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']' && !memchr(s.p + 1, ']', s.n - 2))
		return (struct span){s.p + 1, s.n - 2};
	return s;
}

static void add(struct names *n, const struct syntax_value *v)
{
	map_put(&n->moved, bare(v->text), (void *)(uintptr_t)v);
}

static void take_out(struct names *n, const struct syntax_value *v)
{
	(void)map_remove(&n->moved, bare(v->text));
}

static void look(struct names *n, const struct syntax_value *v)
{
	const struct syntax_value *rename = map_get(&n->moved, bare(v->text));

	if (rename)
		compile_warning(n->c, v->at, "mutate: rename (line %zu) is before %s, whatever the order of the text, and has moved "
				"this field: nothing is done; use its new name, or a mutate of its own before this one",
				compile_line(n->c, rename->at), n->setting);
}

/* Each field of a setting: keys of a hash, or the elements 0, stride, 2 * stride ... behind `from`. */
static void each(struct names *n, const struct syntax_value *v, size_t from, size_t stride,
		 void (*use)(struct names *n, const struct syntax_value *v))
{
	size_t i = 0;

	if (v->kind == SYNTAX_STRING || v->kind == SYNTAX_WORD)
		use(n, v);
	for (const struct syntax_value *e = v->kind == SYNTAX_ARRAY ? v->items : NULL; e; e = e->next, i++)
		if (i % stride == from)
			use(n, e);
	for (const struct syntax_pair *p = v->kind == SYNTAX_HASH ? v->pairs : NULL; p; p = p->next)
		use(n, from ? &p->value : &p->key);
}

static void each_of(struct names *n, const char *setting, size_t from, size_t stride,
		    void (*use)(struct names *n, const struct syntax_value *v))
{
	n->setting = setting;
	for (const struct syntax_attribute *a = n->c->node->attributes; a; a = a->next)
		if (span_is(a->name, setting))
			each(n, &a->value, from, stride, use);
}

void compile_lint_order(struct compile *c)
{
	struct names n = {.c = c};

	map_init(&n.moved);
	each_of(&n, "rename", 0, 2, add);
	each_of(&n, "rename", 1, 2, take_out);
	each_of(&n, "replace", 0, 2, take_out);
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		each_of(&n, later[i].name, 0, later[i].stride, look);
	map_release(&n.moved);
}
