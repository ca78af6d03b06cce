/*
 * filter_drop - the event ends here
 *
 * `percentage` draws lots: which rows go must not change between the gate and the load, so the lot is drawn from the row's own
 * bytes.  Source: logstash-filter-drop 3.0.5.
 */
#include "watcher/base/base.h"
#include "transforms/filter.h"

struct drop {
	double percentage;
	struct strbuf text; /* kept from row to row */
};

static const struct option options[] = {
	{"percentage", OPTION_NUMBER, .offset = offsetof(struct drop, percentage),
	 .otherwise = "100", .says = "how many of a hundred events are dropped"},
};

static int drop_init(void *self, struct compile *c)
{
	struct drop *d = self;

	strbuf_init(&d->text);
	if (d->percentage >= 0 && d->percentage <= 100)
		return 0;
	compile_error(c, compile_setting(c, "percentage"), "drop: percentage is between 0 and 100");
	return -1;
}

/* FNV-1a over the fields' JSON: the same row has the same lot, today and at a second attempt. */
static double lot_of(struct drop *d, const struct event *ev)
{
	uint64_t hash = 0xcbf29ce484222325;

	strbuf_reset(&d->text);
	event_add_json(&d->text, ev);
	for (size_t i = 0; i < d->text.n; i++)
		hash = (hash ^ (unsigned char)d->text.p[i]) * 0x100000001b3;
	hash ^= hash >> 32;
	return (double)(hash % 1000000) / 10000.0;
}

static enum filter_result drop_run(void *self, struct filter_run *run, struct event *ev)
{
	struct drop *d = self;

	(void)run;
	if (d->percentage >= 100 || lot_of(d, ev) < d->percentage)
		return FILTER_CANCEL;
	return FILTER_LEFT;
}

static void drop_release(void *self)
{
	strbuf_release(&((struct drop *)self)->text);
}

const struct filter_type filter_drop = {
	.name = "drop",
	.says = "ends the event: the row counts as filtered",
	.size = sizeof(struct drop),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = drop_init,
	.run = drop_run,
	.release = drop_release,
};
