/*
 * job_records - the jobs in force, as records; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/job_records.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/jobs.h"

/* Members of an object, so that the text says nothing but what it would be another job for. */
void job_records_add(struct ingestd *d, const struct tenant *t, const struct job *j, struct strbuf *sb)
{
	const struct sink_config *sink = tenants_sink(d, j);
	char *index = profile_index_name(t->profile, j);
	struct strbuf text = STRBUF_INIT;
	char hash[VERSION_HASH];

	version_write(t->profile, j, &text, hash);
	json_pair_string(sb, "kind", "batch");
	json_pair_string(sb, "trigger", job_trigger_name(j->trigger));
	json_pair_string(sb, "pattern", j->pattern);
	json_pair_string(sb, "index", index);
	json_pair_string(sb, "sink", sink ? sink->name : NULL);
	json_pair_string(sb, "same_name", same_name_word(j->same_name));
	json_pair_string(sb, "client_id", j->client_id);
	json_pair_bool(sb, "filter", j->filter[0] != '\0');
	json_pair_string(sb, "version", hash);
	strbuf_release(&text);
	free(index);
}

static int put_tenant(struct ingestd *d, const struct tenant *t, struct fault *f)
{
	struct strbuf body = STRBUF_INIT;
	int r = 0;

	for (size_t i = 0; t->profile && i < t->profile->job_count && r == 0; i++) {
		const struct job *j = t->profile->jobs[i];

		strbuf_reset(&body);
		job_records_add(d, t, j, &body);
		r = jobs_put(d->journal, t->name, j->name, body.p, f);
	}
	strbuf_release(&body);
	return r;
}

/* --- those that are gone --- */

struct gone {
	struct ingestd *d;
	char **names; /* tenant, job, tenant, job ... */
	size_t count;
};

static bool is_there(struct ingestd *d, const char *tenant, const char *job)
{
	const struct tenant *t = tenants_find(d, tenant);

	if (t && t->profile)
		return profile_job(t->profile, job) != NULL;
	return t && t->refused;
}

static void collect(void *ctx, const char *tenant, const char *job)
{
	struct gone *g = ctx;

	if (is_there(g->d, tenant, job))
		return;
	g->names = xrealloc(g->names, (g->count + 2) * sizeof(*g->names));
	g->names[g->count++] = xstrdup(tenant);
	g->names[g->count++] = xstrdup(job);
}

static int remove_gone(struct ingestd *d, struct fault *f)
{
	struct gone g = {.d = d};
	int r = jobs_each(d->journal, NULL, collect, &g, f);

	for (size_t i = 0; i < g.count; i += 2) {
		if (r == 0)
			r = jobs_remove(d->journal, g.names[i], g.names[i + 1], f);
		free(g.names[i]);
		free(g.names[i + 1]);
	}
	free(g.names);
	return r;
}

void job_records_look(struct ingestd *d)
{
	struct fault f = FAULT_INIT;
	int r = 0;

	for (size_t i = 0; i < map_len(&d->tenants) && r == 0; i++)
		r = put_tenant(d, map_value(&d->tenants, i), &f);
	if (r == 0)
		r = remove_gone(d, &f);
	if (r < 0)
		ingestd_fatal(d, &f);
}
