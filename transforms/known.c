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

/* Filters of Logstash that this version has not, and what does their work here where something does, or why there is none. */
static const struct {
	const char *name, *instead, *why;
} others[] = {
	{"age", NULL, NULL}, {"aggregate", NULL, "a row here depends on itself alone"},
	{"alter", "mutate { coerce ... } or a condition", NULL}, {"bytes", NULL, NULL}, {"cidr", NULL, NULL},
	{"cipher", NULL, "files are encrypted, not fields"}, {"clone", NULL, NULL},
	{"de_dot", "mutate { rename ... }", NULL},
	{"dns", NULL, "no command, address or query of a tenant is ever asked"},
	{"elapsed", NULL, "a row here depends on itself alone"},
	{"elastic_integration", NULL, "no command, address or query of a tenant is ever asked"},
	{"elasticsearch", NULL, "no command, address or query of a tenant is ever asked"},
	{"environment", "the job's vars and ${NAME}", NULL}, {"extractnumbers", NULL, NULL},
	{"fingerprint", NULL, "a row's _id is made from its file and number anyway"},
	{"geoip", "an ingest pipeline of the server (index.pipeline)", NULL},
	{"grok", "dissect for text of a fixed form, csv for columns", NULL},
	{"http", NULL, "no command, address or query of a tenant is ever asked"}, {"i18n", NULL, NULL},
	{"java_uuid", NULL, "a row's _id is unique anyway"},
	{"jdbc_static", NULL, "no command, address or query of a tenant is ever asked"},
	{"jdbc_streaming", NULL, "no command, address or query of a tenant is ever asked"},
	{"json_encode", NULL, NULL}, {"kv", NULL, NULL},
	{"memcached", NULL, "no command, address or query of a tenant is ever asked"},
	{"metricize", NULL, NULL},
	{"metrics", NULL, "counts are in the receipt, `ingestctl stats` and /metrics"},
	{"range", "a condition: if [n] >= 1 and [n] <= 9", NULL}, {"sleep", NULL, "limits are the profile's"},
	{"syslog_pri", NULL, NULL}, {"threats_classifier", NULL, NULL},
	{"throttle", NULL, "limits are the profile's"}, {"tld", NULL, NULL},
	{"translate", "conditions and mutate { replace ... }", NULL},
	{"useragent", "an ingest pipeline of the server (index.pipeline)", NULL},
	{"uuid", NULL, "a row's _id is unique anyway"}, {"wurfl_device_detection", NULL, NULL},
	{"xml", NULL, NULL},
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
			compile_error(c, at, "%s: not in this version%s%s%s; it has %s", others[i].name,
				      others[i].instead ? "; use " : others[i].why ? ": " : "",
				      others[i].instead ? others[i].instead : "",
				      others[i].why ? others[i].why : "", list.p);
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
