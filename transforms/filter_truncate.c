/*
 * filter_truncate - texts longer than so many bytes are cut, at a character
 *
 * Texts within objects too, and those that are elements of a list; elements deeper in a list stay.  Decorated only where something was
 * cut.  Source: logstash-filter-truncate 1.0.6 (meaning).
 */
#include "watcher/base/base.h"
#include "transforms/filter.h"

struct truncate {
	struct option_list fields;
	double length_bytes;
	size_t length;
};

static const struct option options[] = {
	{"fields", OPTION_LIST, ITEM_FIELD, .offset = offsetof(struct truncate, fields),
	 .says = "fields to cut; not set: all of the event"},
	{"length_bytes", OPTION_NUMBER, .flags = OPTION_REQUIRED, .offset = offsetof(struct truncate, length_bytes),
	 .says = "bytes that a text may have"},
};

static int truncate_init(void *self, struct compile *c)
{
	struct truncate *t = self;

	t->length = t->length_bytes >= 0 && t->length_bytes < 1e15 ? (size_t)t->length_bytes : 0;
	if ((double)t->length == t->length_bytes)
		return 0;
	compile_error(c, compile_setting(c, "length_bytes"), "truncate: length_bytes is a whole number from 0 on");
	return -1;
}

static bool cut(struct value *v, size_t length)
{
	size_t n = length;

	if (v->u.text.n <= length)
		return false;
	while (n && ((unsigned char)v->u.text.p[n] & 0xc0) == 0x80)
		n--;
	v->u.text.n = n;
	return true;
}

static bool cut_value(struct value *v, size_t length)
{
	bool any = false;

	if (v->type == VALUE_STRING)
		return cut(v, length);
	if (v->type == VALUE_ARRAY)
		for (size_t i = 0; i < v->u.array->len; i++)
			if (v->u.array->items[i].type == VALUE_STRING)
				any |= cut(&v->u.array->items[i], length);
	if (v->type == VALUE_MAP)
		for (size_t i = 0; i < v->u.map->len; i++)
			any |= cut_value(&v->u.map->entries[i].value, length);
	return any;
}

static enum filter_result truncate_run(void *self, struct filter_run *run, struct event *ev)
{
	const struct truncate *t = self;
	bool any = false;

	(void)run;
	for (size_t i = 0; i < t->fields.count; i++) {
		struct value *v = ref_get(t->fields.items[i].ref, ev);

		if (v)
			any |= cut_value(v, t->length);
	}
	for (size_t i = 0; !t->fields.set && i < ev->fields.len; i++)
		any |= cut_value(&ev->fields.entries[i].value, t->length);
	return any ? FILTER_DONE : FILTER_LEFT;
}

const struct filter_type filter_truncate = {
	.name = "truncate",
	.says = "cuts texts to a number of bytes",
	.size = sizeof(struct truncate),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = truncate_init,
	.run = truncate_run,
};
