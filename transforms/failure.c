/*
 * failure - the tags of a filter's tag_on_failure; see the header
 */
#include "watcher/base/base.h"
#include "transforms/failure.h"

#define WHY_MAX 256

void failure_init(struct failure *f, struct compile *c, const struct option_list *tags,
		  const char *otherwise)
{
	struct arena *a = compile_arena(c);

	f->count = tags->set ? tags->count : 1;
	f->tags = arena_alloc(a, (f->count + 1) * sizeof(*f->tags));
	f->tags[0] = otherwise;
	for (size_t i = 0; tags->set && i < tags->count; i++)
		f->tags[i] = arena_span(a, tags->items[i].text).p;
}

enum filter_result failure_of(const struct failure *f, struct filter_run *run, struct event *ev,
			      struct span field, const struct value *value, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	if (!f->count)
		return FILTER_LEFT;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i + 1 < f->count; i++)
		event_tag(ev, span_of(f->tags[i]));
	return filter_fail(run, ev, f->tags[f->count - 1], field, value, "%s", why);
}

void failure_warn(const struct failure *f, struct filter_run *run, struct event *ev,
		  struct span field, const struct value *value, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < f->count; i++)
		filter_warn_tag(run, ev, f->tags[i], field, value, "%s", why);
}
