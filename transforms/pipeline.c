/*
 * pipeline - a whole Logstash pipeline: its filter sections are taken, inputs and outputs refused with what stands for them here
 *
 * Called by syntax_parse.  An input or output is refused setting by setting, since each has its own place here.
 */
#include "watcher/base/base.h"
#include "transforms/syntax_own.h"

static const struct {
	const char *section, *plugin, *setting, *instead; /* NULL: any */
} places[] = {
	{"input", "file", "path", "files arrive in the tenant's in/ folder; which are this job's says the job's key pattern"},
	{"input", "file", "sincedb_path", "the journal remembers what was loaded; leave it out"},
	{"input", "file", "start_position", "a file is read from its first row, once; leave it out"},
	{"input", "file", "mode", "a file is read whole; leave it out"},
	{"input", "file", "exclude", "the job's key pattern"},
	{"input", "file", "delimiter", "the job's key input.format"},
	{"input", "file", "file_completed_action", "a file goes to done/ or failed/ by itself; leave it out"},
	{"input", "stdin", NULL, "ingestctl filter run reads rows from standard input"},
	{"input", "generator", NULL, "ingestctl filter test has the test cases of a filter"},
	{"input", NULL, "codec", "the job's keys input.format and input.encoding"},
	{"input", NULL, "type", "mutate { add_field => { \"type\" => \"...\" } } in the filter"},
	{"input", NULL, "tags", "mutate { add_tag => [\"...\"] } in the filter"},
	{"input", NULL, "add_field", "mutate { add_field => { ... } } in the filter"},
	{"input", NULL, NULL, "files arrive in the tenant's in/ folder (job keys pattern and input)"},
	{"output", "elasticsearch", "hosts", "urls of a sink of ingestd.json; the job's key sinks names it"},
	{"output", "elasticsearch", "index", "the job's key index.name"},
	{"output", "elasticsearch", "user", "username of the sink in ingestd.json"},
	{"output", "elasticsearch", "password", "password_file of the sink in ingestd.json"},
	{"output", "elasticsearch", "api_key", "api_key_file of the sink in ingestd.json"},
	{"output", "elasticsearch", "cacert", "ca_file of the sink in ingestd.json"},
	{"output", "elasticsearch", "ssl_certificate_authorities", "ca_file of the sink in ingestd.json"},
	{"output", "elasticsearch", "template", "the job's keys index.mappings and index.settings"},
	{"output", "elasticsearch", "pipeline", "the job's key index.pipeline"},
	{"output", "elasticsearch", "document_id", "a row's id is made from its delivery and number; leave it out"},
	{"output", "elasticsearch", "action", "rows are created, never updated; leave it out"},
	{"output", "file", "path", "a sink of type ndjson in ingestd.json"},
	{"output", "kafka", "topic_id", "a sink of type kafka in ingestd.json"},
	{"output", "stdout", NULL, "ingestctl filter run prints the events that come out"},
	{"output", NULL, NULL, "sinks of ingestd.json, named by the job's key sinks"},
};

static bool fits(const char *pattern, struct span s)
{
	return !pattern || span_is(s, pattern);
}

static const char *instead_of(const char *section, struct span plugin, struct span setting)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (strcmp(places[i].section, section) == 0 && fits(places[i].plugin, plugin) &&
		    fits(places[i].setting, setting))
			return places[i].instead;
	CHECK(!"a section");
	return NULL;
}

static void refuse(struct syntax *s, const char *section, const struct syntax_node *nodes)
{
	for (const struct syntax_node *n = nodes; n; n = n->next) {
		if (n->is_branch) {
			for (const struct syntax_arm *a = n->arms; a; a = a->next)
				refuse(s, section, a->body);
			continue;
		}
		if (!n->attributes)
			syntax_error(s, n->at, "%s %.*s: a job takes the filter alone; here: %s", section,
				     SPAN_FMT(n->name), instead_of(section, n->name, SPAN_NONE));
		for (const struct syntax_attribute *a = n->attributes; a; a = a->next)
			syntax_error(s, a->at, "%s %.*s %.*s: a job takes the filter alone; here: %s",
				     section, SPAN_FMT(n->name), SPAN_FMT(a->name),
				     instead_of(section, n->name, a->name));
	}
}

static const char *section_at(struct syntax *s)
{
	static const char *const names[] = {"filter", "input", "output"};
	struct span name;

	syntax_skip(s);
	name = syntax_name(s);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(name, names[i]) && syntax_take(s, "{"))
			return names[i];
	return NULL;
}

bool syntax_is_pipeline(struct syntax *s)
{
	size_t at = s->at;
	bool is = section_at(s) != NULL;

	s->at = at;
	return is;
}

struct syntax_node *syntax_pipeline(struct syntax *s)
{
	struct syntax_node *all = NULL, **last = &all, *nodes;
	const char *section;
	size_t at;

	while (!s->lost) {
		syntax_skip(s);
		at = s->at;
		if (syntax_peek(s) == -1)
			break;
		section = section_at(s);
		if (!section) {
			syntax_error(s, at, "expected input, filter or output, and {");
			break;
		}
		nodes = syntax_nodes(s, true);
		if (strcmp(section, "filter") != 0) {
			refuse(s, section, nodes);
			continue;
		}
		*last = nodes;
		while (*last)
			last = &(*last)->next;
	}
	return all;
}
