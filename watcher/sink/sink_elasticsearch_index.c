/*
 * sink_elasticsearch_index - is the index there, is it what the job says, and make it when it is not
 *
 * Called before a file's first pass (resolve: nothing is made) and before its first row (open).  An alias is pinned to its write index;
 * a data stream is refused, because its rows could not be taken back by their ids.  Types that differ are FAULT_CONFIG and named;
 * fields that the index does not have yet are added.  Never deletes an index.  Source: Elasticsearch reference, "Get index",
 * "Create index", "Update mapping"; both vendors answer alike.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include "watcher/base/json_out.h"
#include "watcher/sink/sink_elasticsearch_own.h"

#define WHAT "filter_path=*.aliases,*.mappings,*.data_stream,*.settings.index.uuid,*.settings.index.*_pipeline,error"
#define DIFFERENCES 3 /* that are named */

/* What GET says of a name. */
struct found {
	struct http_call call;
	size_t count;
	struct span name; /* the concrete one */
	struct span mappings;
	bool write_index;
	bool no_write; /* an alias of one index that is not to be written */
	bool data_stream;
	bool piped;
};

static struct span text_in(struct span value)
{
	struct json_in in;
	struct span raw = SPAN_NONE;

	json_in_init(&in, value);
	return value.p && json_in_string(&in, &raw) ? raw : SPAN_NONE;
}

static int64_t patience(const struct sink_leg *leg)
{
	return leg->patience_ms ? leg->patience_ms : ES_PATIENCE_MS;
}

static bool has_pipeline(struct span settings, const char *key)
{
	struct span name = text_in(json_in_member(json_in_member(settings, "index"), key));

	return name.n > 0 && !span_is(name, "_none");
}

static void take_one(struct found *found, const char *asked, struct span name, struct span info)
{
	struct span alias = json_in_member(json_in_member(info, "aliases"), asked);
	struct span write = json_in_member(alias, "is_write_index");

	found->data_stream |= json_in_member(info, "data_stream").p != NULL;
	if (found->count++ && !span_is(write, "true"))
		return;
	if (found->write_index)
		return;
	found->name = name;
	found->mappings = json_in_member(info, "mappings");
	info = json_in_member(info, "settings");
	found->piped = has_pipeline(info, "default_pipeline") || has_pipeline(info, "final_pipeline");
	found->write_index = span_is(write, "true");
	found->no_write = span_is(write, "false");
}

/* A page of a proxy is 404 too, and says nothing about the index. */
static bool is_missing(const struct http_call *call)
{
	struct span error = json_in_member(strbuf_span(&call->answer), "error");

	return span_is(text_in(json_in_member(error, "type")), "index_not_found_exception");
}

static int ask_index(struct es *es, const struct sink_leg *leg, struct found *found, struct fault *f)
{
	struct strbuf path = STRBUF_INIT;
	struct json_in in;
	struct span name, info;
	int r;

	memset(found, 0, sizeof(*found));
	strbuf_addc(&path, '/');
	es_add_segment(&path, leg->index);
	strbuf_adds(&path, "?" WHAT);
	r = es_ask(es, "GET", path.p, SPAN_NONE, patience(leg), &found->call, f);
	strbuf_release(&path);
	if (r < 0)
		return r;
	if (found->call.status == 404 && is_missing(&found->call))
		return 0;
	/* 400: of a name that cannot be; all else is no server's */
	if (found->call.status == 400)
		return es_fault_status(es, &found->call, SCOPE_INDEX, f);
	if (found->call.status != 200)
		return es_fault_stranger(es, &found->call, f);
	json_in_init(&in, strbuf_span(&found->call.answer));
	if (json_in_object(&in))
		while (json_in_key(&in, &name)) {
			info = json_in_skip(&in);
			take_one(found, leg->index, name, info);
		}
	if (json_in_end(&in) && found->count)
		return 0;
	return es_fault_stranger(es, &found->call, f);
}

static int refuse_stream(const struct sink_leg *leg, struct fault *f)
{
	return fault_set(f, FAULT_CONFIG,
			 "index %s is a data stream: refused, because its rows cannot be taken back by their ids "
			 "when the file fails; name an index",
			 leg->index);
}

/* --- comparing --- */

struct comparison {
	struct strbuf differences;
	size_t count;
	struct strbuf missing; /* members of a "properties" object */
};

static struct span type_of(struct span definition)
{
	struct span type = text_in(json_in_member(definition, "type"));

	return type.p ? type : SPAN_LITERAL("object");
}

static void differ(struct comparison *c, const char *path, const char *what, struct span there, struct span here)
{
	if (c->count++ >= DIFFERENCES)
		return;
	strbuf_addf(&c->differences, "%sfield \"%s\" has %s %.*s there, %.*s in the job's mappings",
		    c->differences.n ? "; " : "", path, what, SPAN_FMT(there), SPAN_FMT(here));
}

static bool compare_properties(struct comparison *c, const char *prefix, struct span job, struct span index);

/* The servers do not give a format back that is the type's own; Elasticsearch has one for date_nanos. */
static bool is_default_format(struct span type, struct span format)
{
	struct span text = text_in(format);

	return span_is(text, "strict_date_optional_time||epoch_millis") ||
	       (span_is(type, "date_nanos") && span_is(text, "strict_date_optional_time_nanos||epoch_millis"));
}

/* false: the index lacks something below it. */
static bool compare_field(struct comparison *c, const char *path, struct span job, struct span index)
{
	struct span here = type_of(job), there = type_of(index);
	struct span format = json_in_member(job, "format");
	struct span other = json_in_member(index, "format");
	struct span inner = json_in_member(job, "properties");

	if (!span_equal(here, there))
		differ(c, path, "type", there, here);
	else if (format.p && (other.p ? !span_equal(format, other) : !is_default_format(here, format)))
		differ(c, path, "format", other.p ? other : SPAN_LITERAL("the default"), format);
	return !inner.p || compare_properties(c, path, inner, json_in_member(index, "properties"));
}

/*
 * The server gives "host.name" back as name below host (and as it stands where it has no sub-objects).  path ends with name.  None: not
 * there; an object that is none is a difference.
 */
static struct span find_field(struct comparison *c, const char *path, const char *name, struct span index)
{
	struct span found = json_in_member(index, name);
	const char *dot;

	while (!found.p && (dot = strchr(name, '.')) != NULL) {
		char *head = xstrndup(name, (size_t)(dot - name));
		struct span object = json_in_member(index, head);
		struct span type = type_of(object);

		if (object.p && !span_is(type, "object") && !span_is(type, "nested")) {
			char *whole = xstrndup(path, strlen(path) - strlen(dot));

			differ(c, whole, "type", type, SPAN_LITERAL("object"));
			free(whole);
		}
		free(head);
		index = json_in_member(object, "properties");
		name = dot + 1;
		found = json_in_member(index, name);
	}
	return found;
}

static bool compare_properties(struct comparison *c, const char *prefix, struct span job, struct span index)
{
	bool whole = true;
	struct json_in in;
	struct span name;

	json_in_init(&in, job);
	if (!json_in_object(&in))
		return true;
	while (json_in_key(&in, &name)) {
		struct span mine = json_in_skip(&in);
		char *key = xstrndup(name.p, name.n);
		char *path = xasprintf("%s%s%s", prefix, *prefix ? "." : "", key);
		struct span theirs = find_field(c, path, key, index);
		bool there = theirs.p && compare_field(c, path, mine, theirs);

		whole &= there;
		if (!there && !*prefix) {
			json_add_comma(&c->missing);
			strbuf_addf(&c->missing, "\"%.*s\":%.*s", SPAN_FMT(name), SPAN_FMT(mine));
		}
		free(path);
		free(key);
	}
	return whole;
}

static void release(struct comparison *c)
{
	strbuf_release(&c->differences);
	strbuf_release(&c->missing);
}

static int compare(const struct sink_leg *leg, const struct found *found, struct comparison *c, struct fault *f)
{
	strbuf_init(&c->differences);
	strbuf_init(&c->missing);
	c->count = 0;
	(void)compare_properties(c, "", json_in_member(span_of(leg->mappings_json), "properties"),
				 json_in_member(found->mappings, "properties"));
	if (!c->count)
		return 0;
	return fault_set(f, FAULT_CONFIG,
			 "index %.*s is not what the job's mappings say: %s%s; mend index.mappings, or name another "
			 "index",
			 SPAN_FMT(found->name), c->differences.p, c->count > DIFFERENCES ? "; and more" : "");
}

/* --- resolve --- */

static int check_pipeline(struct es *es, const struct sink_leg *leg, struct fault *f)
{
	struct strbuf path = STRBUF_INIT;
	struct fault ignored = FAULT_INIT;
	struct http_call call;
	int r;

	if (!leg->pipeline)
		return 0;
	strbuf_adds(&path, "/_ingest/pipeline/");
	es_add_segment(&path, leg->pipeline);
	r = es_ask(es, "GET", path.p, SPAN_NONE, patience(leg), &call, &ignored);
	/* without the privilege to look, the first bulk tells */
	if (r < 0 && ignored.kind != FAULT_KEY)
		*f = ignored;
	else if (r == 0 && call.status == 404)
		r = fault_set(f, FAULT_CONFIG, "sink %s has no ingest pipeline \"%s\"", es->name, leg->pipeline);
	else
		r = 0;
	http_call_release(&call);
	strbuf_release(&path);
	return r;
}

static int choose(const struct sink_leg *leg, const struct found *found, struct fault *f)
{
	if (found->data_stream)
		return refuse_stream(leg, f);
	if ((found->count > 1 && !found->write_index) || found->no_write)
		return fault_set(f, FAULT_CONFIG, "index %s is an alias of %zu indices without a write index",
				 leg->index, found->count);
	return 0;
}

int es_index_resolve(struct es *es, const struct sink_leg *leg, char **concrete, struct fault *f)
{
	struct comparison c;
	struct found found;
	char *name = NULL;
	int r = ask_index(es, leg, &found, f);

	if (r == 0)
		r = choose(leg, &found, f);
	if (r == 0 && found.count) {
		r = compare(leg, &found, &c, f);
		release(&c);
	}
	if (r == 0)
		r = check_pipeline(es, leg, f);
	if (r == 0)
		name = found.count ? xstrndup(found.name.p, found.name.n) : xstrdup(leg->index);
	http_call_release(&found.call);
	if (r == 0)
		*concrete = name;
	return r;
}

int es_index_exists(struct es *es, const struct sink_leg *leg, bool *exists, struct fault *f)
{
	struct found found;
	int r = ask_index(es, leg, &found, f);

	*exists = r == 0 && found.count > 0;
	http_call_release(&found.call);
	return r;
}

/* --- open --- */

/* A PUT that must not fail; *there: somebody else made the index in the meantime. */
static int put(struct es *es, const struct sink_leg *leg, const char *path, struct strbuf *body, bool *there,
	       struct fault *f)
{
	struct strbuf reason = STRBUF_INIT;
	struct http_call call;
	int r = es_ask(es, "PUT", path, strbuf_span(body), patience(leg), &call, f);

	if (r == 0 && call.status >= 300) {
		es_add_reason(&reason, json_in_member(strbuf_span(&call.answer), "error"));
		*there = strstr(reason.p, "resource_already_exists_exception") != NULL;
		f->scope = SCOPE_FILE;
		if (strstr(reason.p, "data streams only")) {
			r = refuse_stream(leg, f);
		} else if (strstr(reason.p, "shards open")) {
			/* the cluster is full: that is not the job's fault */
			f->scope = SCOPE_INDEX;
			r = fault_set(f, FAULT_TEMPORARY, "sink %s: index %s cannot be made: %s", es->name,
				      leg->index, reason.p);
		} else if (!reason.n) {
			r = es_fault_stranger(es, &call, f);
		} else if (!*there) {
			r = fault_set(f, FAULT_CONFIG, "sink %s does not take index %s as the job has it: %s",
				      es->name, leg->index, reason.p);
		}
	}
	strbuf_release(&reason);
	http_call_release(&call);
	return r;
}

static int make_index(struct es *es, const struct sink_leg *leg, struct fault *f)
{
	struct strbuf path = STRBUF_INIT, body = STRBUF_INIT;
	bool there = false;
	int r;

	strbuf_addc(&path, '/');
	es_add_segment(&path, leg->index);
	strbuf_addf(&body, "{\"mappings\":%s,\"settings\":%s}", leg->mappings_json, leg->settings_json);
	r = put(es, leg, path.p, &body, &there, f);
	strbuf_release(&path);
	strbuf_release(&body);
	return r;
}

static int add_fields(struct es *es, const struct sink_leg *leg, const struct comparison *c, struct fault *f)
{
	struct strbuf path = STRBUF_INIT, body = STRBUF_INIT;
	bool there;
	int r;

	if (!c->missing.n)
		return 0;
	strbuf_addc(&path, '/');
	es_add_segment(&path, leg->index);
	strbuf_adds(&path, "/_mapping");
	strbuf_addf(&body, "{\"properties\":{%s}}", c->missing.p);
	r = put(es, leg, path.p, &body, &there, f);
	strbuf_release(&path);
	strbuf_release(&body);
	return r;
}

static int look(struct es *es, const struct sink_leg *leg, bool *exists, struct fault *f)
{
	struct comparison c;
	struct found found;
	int r = ask_index(es, leg, &found, f);

	*exists = found.count > 0;
	es->piped = found.piped;
	if (r == 0)
		r = choose(leg, &found, f);
	if (r == 0 && *exists) {
		r = compare(leg, &found, &c, f);
		if (r == 0)
			r = add_fields(es, leg, &c, f);
		release(&c);
	}
	http_call_release(&found.call);
	return r;
}

int es_index_open(struct es *es, const struct sink_leg *leg, struct fault *f)
{
	bool exists = false;

	if (look(es, leg, &exists, f) < 0)
		return -1;
	if (exists)
		return 0;
	if (make_index(es, leg, f) < 0)
		return -1;
	/* a template may have had its say, or another worker was first */
	return look(es, leg, &exists, f);
}
