/*
 * verify - `ingestd -t`; see the header
 *
 * A profile that cannot be read names every error of its files; its filters are looked at when the rest of it is right.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/verify.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/globs.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/version.h"
#include "watcher/schedule/spawn.h"
#include <ev.h>

struct verification {
	const struct config *config;
	struct checks *checks;
	size_t tenants, jobs, errors;
};

/* What the answer to one job's filter is about. */
struct asked {
	struct verification *v;
	char *file;
};

static void on_checked(void *ctx, enum check_answer answer, const char *errors)
{
	struct asked *a = ctx;

	if (answer != CHECK_OK) {
		a->v->errors++;
		fprintf(stderr, "%s: filter: %s%s", a->file, *errors ? errors : "cannot be checked",
			*errors && errors[strlen(errors) - 1] == '\n' ? "" : "\n");
	}
	free(a->file);
	free(a);
}

static void ask(struct verification *v, const struct profile *p, const struct job *j, const char *folder)
{
	struct strbuf text = STRBUF_INIT;
	char hash[VERSION_HASH];
	struct asked *a;

	v->jobs++;
	if (!j->filter[0])
		return;
	a = xcalloc(1, sizeof(*a));
	a->v = v;
	a->file = xasprintf("%s/jobs/%s.json", folder, j->name);
	version_write(p, j, &text, hash);
	checks_ask(v->checks, hash, strbuf_span(&text), on_checked, a);
	strbuf_release(&text);
}

static void warn_overlaps(const struct profile *p, const char *folder)
{
	for (size_t i = 0; i < p->job_count; i++) {
		for (size_t k = i + 1; k < p->job_count; k++) {
			const struct job *a = p->jobs[i], *b = p->jobs[k];

			if (!globs_overlap(a->pattern, b->pattern))
				continue;
			if (a->trigger == TRIGGER_ARRIVAL && b->trigger == TRIGGER_ARRIVAL)
				fprintf(stderr,
					"%s: warning: a name can match job %s (%s) and job %s (%s); such files "
					"will be held\n",
					folder, a->name, a->pattern, b->name, b->pattern);
			else if (a->trigger != b->trigger)
				fprintf(stderr,
					"%s: warning: a name can match job %s (%s) and job %s (%s); such files "
					"wait for the manual one\n",
					folder, a->name, a->pattern, b->name, b->pattern);
		}
	}
}

static void verify_tenant(void *ctx, const char *name)
{
	struct verification *v = ctx;
	struct strbuf errors = STRBUF_INIT;
	struct profile *p = NULL;
	char *folder = xasprintf("%s/%s", v->config->profiles, name);

	v->tenants++;
	if (profile_load(v->config->profiles, name, &p, &errors) == 0) {
		tenants_check_sinks(v->config, p, folder, &errors);
		for (size_t i = 0; i < p->job_count; i++)
			ask(v, p, p->jobs[i], folder);
		warn_overlaps(p, folder);
	}
	for (size_t i = 0; i < errors.n; i++)
		v->errors += errors.p[i] == '\n';
	fputs(errors.p, stderr);
	profile_unref(&p);
	strbuf_release(&errors);
	free(folder);
}

int verify(const struct config *c)
{
	struct verification v = {.config = c};
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct fault f = FAULT_INIT;
	char *program = NULL;

	if (!loop || spawn_beside("ingest-worker", &program, &f) < 0) {
		fprintf(stderr, "ingestd: %s\n", loop ? f.text : "no event loop");
		return EXIT_CONFIG;
	}
	v.checks = checks_new(loop, program);
	if (profiles_names(c->profiles, verify_tenant, &v, &f) < 0) {
		fprintf(stderr, "ingestd: %s\n", f.text);
		v.errors++;
	}
	while (checks_pending(v.checks))
		ev_run(loop, EVRUN_ONCE);
	checks_free(&v.checks);
	ev_loop_destroy(loop);
	free(program);
	fprintf(stderr, "ingestd: %s: %zu tenants, %zu jobs, %zu errors\n", c->file, v.tenants, v.jobs,
		v.errors);
	return v.errors ? EXIT_CONFIG : EXIT_WORKED;
}
