/*
 * filter_date - a text or number to a time
 *
 * The first format that reads it wins.  A field that is not there, or null, is left alone without a tag.  What a time loses is counted:
 * a text without zone where no `timezone` is set, digits below milliseconds, a weekday that is not the date's.
 * Source: logstash-filter-date 3.1.15 (meaning).  English names; another `locale` is refused where a format has names.
 */
#include "watcher/base/base.h"
#include "transforms/date_pattern.h"
#include "transforms/failure.h"
#include "watcher/base/nearest.h"

struct date {
	struct option_list match;
	struct option_item timezone, locale, target;
	struct option_list tags;

	const struct ref *source;
	struct date_pattern **formats;
	size_t format_count;
	struct zones zones;
	const struct zone *zone; /* NULL: the timezone is the event's to say */
	struct failure failure;
};

static const struct option options[] = {
	{"match", OPTION_LIST, ITEM_TEXT, .flags = OPTION_REQUIRED, .offset = offsetof(struct date, match),
	 .says = "a field, then formats: ISO8601, UNIX, UNIX_MS, TAI64N or Joda's letters, as yyyy-MM-dd HH:mm:ss"},
	{"timezone", OPTION_STRING, ITEM_TEMPLATE, .offset = offsetof(struct date, timezone),
	 .says = "the zone of texts that name none, as Europe/Berlin; may be of the event: %{field}"},
	{"locale", OPTION_STRING, ITEM_TEXT, .offset = offsetof(struct date, locale),
	 .says = "the language of names of months and days: en"},
	{"target", OPTION_STRING, ITEM_FIELD, .offset = offsetof(struct date, target), .otherwise = "@timestamp",
	 .says = "the field for the time"},
	{"tag_on_failure", OPTION_LIST, ITEM_TEXT, .offset = offsetof(struct date, tags),
	 .says = "tags of an event whose field no format reads; _dateparsefailure when not set"},
};

static int take_formats(struct date *d, struct compile *c)
{
	static const char *const names[] = {"ISO8601", "UNIX", "UNIX_MS", "TAI64N"};
	int r = 0;

	d->formats = arena_alloc(compile_arena(c), (d->match.count + 1) * sizeof(*d->formats));
	for (size_t i = 1; i < d->match.count; i++) {
		const struct option_item *item = &d->match.items[i];
		const char *why, *near;
		size_t offset;

		if (date_pattern_compile(item->text, compile_arena(c), &d->formats[d->format_count], &why,
					 &offset) == 0) {
			d->format_count++;
			continue;
		}
		near = nearest_name(item->text, names, ARRAY_LEN(names));
		compile_error(c, item->at, "date: format \"%.*s\", character %zu: %s%s%s%s", SPAN_FMT(item->text),
			      offset + 1, near ? "did you mean " : "", near ? near : "", near ? "?" : "",
			      near ? "" : why);
		r = -1;
	}
	return r;
}

static int check_locale(const struct date *d, struct compile *c)
{
	struct span l = d->locale.text;

	if (!d->locale.set || (l.n >= 2 && (l.p[0] | 32) == 'e' && (l.p[1] | 32) == 'n' &&
			       (l.n == 2 || l.p[2] == '-' || l.p[2] == '_')))
		return 0;
	for (size_t i = 0; i < d->format_count; i++)
		if (d->formats[i]->has_names) {
			compile_error(c, d->locale.at,
				      "date: locale \"%.*s\": names of months and days are English (en) in "
				      "this version; format \"%.*s\" has names: put them into English or numbers with "
				      "mutate { gsub ... } in front, and take locale out",
				      SPAN_FMT(l), SPAN_FMT(d->formats[i]->text));
			return -1;
		}
	return 0;
}

static int take_zone(struct date *d, struct compile *c)
{
	if (!d->timezone.set) {
		d->zone = zones_local(&d->zones);
		return 0;
	}
	if (!template_is_plain(d->timezone.template))
		return 0;
	d->zone = zones_get(&d->zones, d->timezone.text);
	if (d->zone)
		return 0;
	compile_error(c, d->timezone.at,
		      "date: timezone \"%.*s\": no such zone; it is a name of the tz database, as "
		      "Europe/Berlin, or an offset, as +02:00",
		      SPAN_FMT(d->timezone.text));
	return -1;
}

static int date_init(void *self, struct compile *c)
{
	struct date *d = self;
	int r = 0;

	zones_init(&d->zones, NULL);
	failure_init(&d->failure, c, &d->tags, "_dateparsefailure");
	if (d->match.set && d->match.count < 2) {
		compile_error(c, d->match.count ? d->match.items[0].at : 0,
			      "date: match is a field and at least one format: [\"when\", \"ISO8601\"]");
		r = -1;
	}
	if (d->match.count)
		d->source = compile_ref(c, d->match.items[0].text, d->match.items[0].at);
	if (!d->source || take_formats(d, c) < 0 || check_locale(d, c) < 0)
		r = -1;
	if (take_zone(d, c) < 0)
		r = -1;
	return r;
}

static void date_release(void *self)
{
	zones_release(&((struct date *)self)->zones);
}

/* --- run --- */

static bool try_format(const struct date_pattern *p, const struct value *v, struct date_context *c,
		       int64_t *ms, const char **why)
{
	bool number = v->type == VALUE_INT || v->type == VALUE_FLOAT;

	if (!number && v->type != VALUE_STRING) {
		*why = "it is neither text nor number";
		return false;
	}
	if (p->kind != DATE_JODA && p->kind != DATE_ISO8601)
		return date_epoch_parse(p->kind, v->u.text, number, c, ms, why);
	if (!number)
		return date_pattern_parse(p, v->u.text, c, ms, why);
	*why = "it is a number, and the format is for text";
	return false;
}

static void note_losses(const struct date *d, struct filter_run *run, const struct date_context *c,
			struct span text)
{
	if (c->assumed && !d->timezone.set)
		filter_lossy(run, d->source->shown, "time without zone", "time", text);
	if (c->cut)
		filter_lossy(run, d->source->shown, "time", "milliseconds", text);
	if (c->moved)
		filter_lossy(run, d->source->shown, "date", "date of the weekday", text);
}

static enum filter_result fail(const struct date *d, struct filter_run *run, struct event *ev,
			       const struct value *v, const char *why)
{
	char formats[160] = "";
	size_t n = 0;

	for (size_t i = 0; i < d->format_count && n < sizeof(formats) - 1; i++) {
		int added = snprintf(formats + n, sizeof(formats) - n, "%s\"%.*s\"", i ? ", " : "",
				     SPAN_FMT(d->formats[i]->text));

		n += (size_t)added;
	}
	return failure_of(&d->failure, run, ev, d->source->shown, v, "%s (%s)", why, formats);
}

static enum filter_result date_run(void *self, struct filter_run *run, struct event *ev)
{
	struct date *d = self;
	const struct value *v = ref_get(d->source, ev);
	struct date_context c = {.now_ms = filter_now(run), .zone = d->zone, .zones = &d->zones};
	const char *why = "it matches no format";
	int64_t ms;

	if (!v || v->type == VALUE_NULL)
		return FILTER_LEFT;
	if (!c.zone)
		c.zone = zones_get(&d->zones,
				   template_render(d->timezone.template, ev, c.now_ms));
	if (!c.zone)
		return fail(d, run, ev, v, "the event's timezone is no zone");
	for (size_t i = 0; i < d->format_count; i++) {
		if (!try_format(d->formats[i], v, &c, &ms, &why))
			continue;
		note_losses(d, run, &c, v->u.text);
		if (ref_set(d->target.ref, ev, value_time(ms), &why) < 0)
			return fail(d, run, ev, v, why);
		return FILTER_DONE;
	}
	return fail(d, run, ev, v, why);
}

const struct filter_type filter_date = {
	.name = "date",
	.says = "reads a time from a text or number",
	.size = sizeof(struct date),
	.options = options,
	.option_count = ARRAY_LEN(options),
	.init = date_init,
	.run = date_run,
	.release = date_release,
};
