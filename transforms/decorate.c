/*
 * decorate - what a filter's common options do to an event on its success
 *
 * Called by plan.c for each event of a filter that succeeded, in Logstash's order: add_field, remove_field, add_tag, remove_tag.  Source:
 * logstash-core's Decorators and Filters::Base, meaning only.  The first that cannot be done ends them: an exception there.
 */
#include "watcher/base/base.h"
#include "transforms/run.h"

#define TAGS SPAN_LITERAL("tags")

/* One more value of a field: the first stands alone, a second makes an array of it. */
static int add_value(struct event *ev, const struct ref *ref, struct span text, const char **why)
{
	struct value *old = ref_get(ref, ev), list;

	if (!old)
		return ref_set(ref, ev, value_string(text), why);
	if (old->type == VALUE_ARRAY) {
		value_array_add(old->u.array, ev->arena, value_string(text));
		return 0;
	}
	list = value_array(ev->arena);
	value_array_add(list.u.array, ev->arena, *old);
	value_array_add(list.u.array, ev->arena, value_string(text));
	return ref_set(ref, ev, list, why);
}

#define NO_REFERENCE "what the name's %{} gave is no field reference"

/* A decoration failed: the filter's to say, else the row is refused; -1. */
static int fail(struct filter_run *r, struct event *ev, const char *setting, struct span field, const char *why)
{
	const struct step *s = r->step;
	struct span text = arena_printf(r->arena, "%s: %s", setting, why);

	if (s->type->undecorated)
		r->result = s->type->undecorated(s->self, r, ev, field, text.p);
	else
		run_refuse(r, field, "%s", text.p);
	return -1;
}

static int add_fields(struct filter_run *r, const struct option_hash *h, struct event *ev)
{
	const char *why = NO_REFERENCE;

	for (size_t i = 0; i < h->count; i++) {
		const struct option_pair *p = &h->pairs[i];
		const struct ref *ref = option_place(&p->key, ev, r->now_ms);

		for (size_t k = 0; k < p->values.count; k++) {
			const struct template *t = p->values.items[k].template;

			if (filter_spent(r))
				return 0;
			if (!ref || add_value(ev, ref, template_render(t, ev, r->now_ms), &why) < 0)
				return fail(r, ev, "add_field", p->key.text, why);
		}
	}
	return 0;
}

static int remove_fields(struct filter_run *r, const struct option_list *l, struct event *ev)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct ref *ref = option_place(&l->items[i], ev, r->now_ms);

		if (!ref)
			return fail(r, ev, "remove_field", l->items[i].text, NO_REFERENCE);
		ref_remove(ref, ev, NULL);
	}
	return 0;
}

/* The event's tags as an array of its own, made when there is none. */
static struct value_array *tags_of(struct event *ev)
{
	struct value *tags = event_get(ev, TAGS), list;

	if (tags && tags->type == VALUE_ARRAY)
		return tags->u.array;
	list = value_array(ev->arena);
	if (tags && tags->type != VALUE_NULL)
		value_array_add(list.u.array, ev->arena, *tags);
	event_set(ev, TAGS, list);
	return list.u.array;
}

static void add_tags(struct filter_run *r, const struct option_list *l, struct event *ev)
{
	for (size_t i = 0; i < l->count; i++)
		value_array_add(tags_of(ev), ev->arena,
				value_string(template_render(l->items[i].template, ev, r->now_ms)));
}

static void remove_tag(struct filter_run *r, struct event *ev, struct span tag)
{
	struct value_array *tags = tags_of(ev);
	size_t kept = 0;

	for (size_t i = 0; i < tags->len; i++)
		if (tags->items[i].type != VALUE_STRING || !span_equal(tags->items[i].u.text, tag))
			tags->items[kept++] = tags->items[i];
	tags->len = kept;
	run_forget(r, ev, &tag);
}

static void remove_tags(struct filter_run *r, const struct option_list *l, struct event *ev)
{
	for (size_t i = 0; i < l->count && event_get(ev, TAGS); i++)
		remove_tag(r, ev, template_render(l->items[i].template, ev, r->now_ms));
}

void run_decorate(struct filter_run *r, const struct common *c, struct event *ev)
{
	if (c->add_field.count && add_fields(r, &c->add_field, ev) < 0)
		return;
	if (c->remove_field.count && remove_fields(r, &c->remove_field, ev) < 0)
		return;
	if (c->add_tag.count)
		add_tags(r, &c->add_tag, ev);
	if (c->remove_tag.count)
		remove_tags(r, &c->remove_tag, ev);
}
