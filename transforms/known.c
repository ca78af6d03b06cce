/*
 * known - the filters that are built, and what is said of those that are not
 *
 * Called by the compiler for each name.  One list of the filters that Logstash ships or documents, so that a name that is right there
 * is never called a slip of the pen.
 */
#include "watcher/base/base.h"
#include "watcher/base/nearest.h"
#include "transforms/compile.h"

static const struct filter_type *const built[] = {
#define FILTER(name) &filter_##name,
#include "transforms/filters.def"
#undef FILTER
};

/* Filters of Logstash that this version has not, and what does their work here where something does. */
static const struct {
	const char *name, *instead;
} others[] = {
	{"age", NULL}, {"aggregate", NULL}, {"alter", "mutate { coerce ... } or a condition"},
	{"bytes", NULL}, {"cidr", NULL}, {"cipher", NULL}, {"clone", NULL}, {"csv", NULL}, {"date", NULL},
	{"de_dot", "mutate { rename ... }"}, {"dissect", NULL}, {"dns", NULL},
	{"elapsed", NULL}, {"elastic_integration", NULL}, {"elasticsearch", NULL}, {"environment", "the job's vars and ${NAME}"},
	{"extractnumbers", NULL}, {"fingerprint", NULL}, {"geoip", NULL}, {"grok", NULL}, {"http", NULL},
	{"i18n", NULL}, {"java_uuid", NULL}, {"jdbc_static", NULL}, {"jdbc_streaming", NULL}, {"json", NULL},
	{"json_encode", NULL}, {"kv", NULL}, {"memcached", NULL}, {"metricize", NULL}, {"metrics", NULL},
	{"mutate", NULL}, {"prune", NULL}, {"range", "a condition: if [n] >= 1 and [n] <= 9"}, {"sleep", NULL},
	{"split", NULL}, {"syslog_pri", NULL}, {"threats_classifier", NULL}, {"throttle", NULL}, {"tld", NULL},
	{"translate", "conditions and mutate { replace ... }"}, {"truncate", NULL}, {"urldecode", NULL},
	{"useragent", NULL}, {"uuid", NULL}, {"wurfl_device_detection", NULL}, {"xml", NULL},
};

const struct filter_type *filter_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(built); i++)
		if (span_is(name, built[i]->name))
			return built[i];
	return NULL;
}

static void refuse_ruby(struct compile *c, size_t at)
{
	compile_error(c, at,
		      "ruby: a job is data, not code; event.set is mutate { replace or copy }, event.remove is "
		      "mutate { remove_field }, to_i and to_f are mutate { convert }, gsub, split, join, upcase "
		      "and strip are mutate's, Time.parse is date, event.cancel is drop, if stands as a condition");
}

void filter_refuse(struct compile *c, struct span name, size_t at)
{
	const char *names[ARRAY_LEN(built)], *near;
	const char *elsewhere[ARRAY_LEN(others)];
	struct strbuf list = STRBUF_INIT;
	bool later = false;

	for (size_t i = 0; i < ARRAY_LEN(built); i++) {
		names[i] = built[i]->name;
		strbuf_addf(&list, "%s%s", i ? ", " : "", names[i]);
	}
	near = nearest_name(name, names, ARRAY_LEN(names));
	if (span_is(name, "ruby")) {
		refuse_ruby(c, at);
		strbuf_release(&list);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (span_is(name, others[i].name)) {
			compile_error(c, at, "%s: not in this version%s%s; it has %s", others[i].name,
				      others[i].instead ? "; write " : "",
				      others[i].instead ? others[i].instead : "", list.p);
			strbuf_release(&list);
			return;
		}
	if (!near) {
		for (size_t i = 0; i < ARRAY_LEN(others); i++)
			elsewhere[i] = others[i].name;
		near = nearest_name(name, elsewhere, ARRAY_LEN(others));
		later = near != NULL;
	}
	compile_error(c, at, "there is no filter \"%.*s\"%s%s%s; there are %s", SPAN_FMT(name),
		      near ? "; did you mean " : "", near ? near : "",
		      later ? "? It is not in this version" : near ? "?" : "", list.p);
	strbuf_release(&list);
}
