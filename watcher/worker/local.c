/*
 * local - a job version from the files of the configuration; see the header
 *
 * Called by --convert, --filter and --why.  Reads ingestd.json, the tenant's profile and its jobs; owns nothing afterwards.
 */
#include "watcher/base/base.h"
#include "watcher/worker/local.h"
#include "watcher/model/config.h"
#include "watcher/model/version.h"

static int from_profile(const struct profile *p, const char *job, struct strbuf *text,
			struct strbuf *errors)
{
	const struct job *j = profile_job(p, job);
	char hash[VERSION_HASH];

	if (j) {
		version_write(p, j, text, hash);
		return 0;
	}
	strbuf_addf(errors, "tenant %s has no job \"%s\"%s", p->tenant, job, p->job_count ? "; it has" : "");
	for (size_t i = 0; i < p->job_count; i++)
		strbuf_addf(errors, "%s %s", i ? "," : "", p->jobs[i]->name);
	strbuf_addc(errors, '\n');
	return -1;
}

static int from_config(const struct config *c, const char *tenant, const char *job,
		       struct strbuf *text, struct strbuf *errors)
{
	struct profile *p = NULL;
	int r;

	if (!tenant_name_valid(span_of(tenant))) {
		strbuf_addf(errors, "\"%s\" is no tenant's name: [a-z0-9][a-z0-9-]{0,38}\n", tenant);
		return -1;
	}
	if (profile_load(c->profiles, tenant, &p, errors) < 0)
		return -1;
	r = from_profile(p, job, text, errors);
	profile_unref(&p);
	return r;
}

int local_version(const char *config, const char *tenant, const char *job, struct strbuf *text,
		  struct strbuf *errors)
{
	struct fault f = FAULT_INIT;
	struct config *c = NULL;
	char *path = NULL;
	int r;

	if (config_find(config, &path, &f) < 0) {
		strbuf_addf(errors, "%s\n", f.text);
		return -1;
	}
	r = config_load(path, &c, errors);
	if (r == 0)
		r = from_config(c, tenant, job, text, errors);
	config_free(&c);
	free(path);
	return r;
}

int local_profiles(const char *config, char **out, struct fault *f)
{
	struct strbuf errors = STRBUF_INIT;
	struct config *c = NULL;
	char *path = NULL;
	int r = config_find(config, &path, f);

	if (r == 0 && config_load(path, &c, &errors) < 0)
		r = fault_set(f, FAULT_CONFIG, "%s", errors.p);
	if (r == 0)
		*out = xstrdup(c->profiles);
	config_free(&c);
	free(path);
	strbuf_release(&errors);
	return r;
}
