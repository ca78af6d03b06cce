/*
 * verify - `ingestd -t`; see the header
 *
 * Every error of every file in one go: what a wrong file holds all the same is looked at too, its filter without the rest of
 * its job.  Credentials are not asked for while the configuration is wrong.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/verify.h"
#include "watcher/daemon/check.h"
#include "watcher/daemon/globs.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/profiles.h"
#include "watcher/daemon/tenants.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/model/keyring.h"
#include "watcher/model/sink_access.h"
#include "watcher/model/version.h"
#include "watcher/schedule/spawn.h"
#include <errno.h>
#include <unistd.h>
#include <ev.h>
#include <sys/wait.h>

struct verification {
	const struct config *config;
	struct checks *checks;
	size_t tenants, jobs, errors;
};

/* What the answer to one job's filter is about. */
struct asked {
	struct verification *v;
	char *folder; /* the tenant's */
	char *origin; /* what the filter's errors call it, below the folder */
};

/* Errors and warnings as the child wrote them, their file named from here; how many were errors. */
static size_t print_filter(const struct asked *a, const char *text)
{
	size_t n = strlen(a->origin), errors = 0;

	while (*text) {
		size_t line = strcspn(text, "\n");
		bool heads = strncmp(text, a->origin, n) == 0 && text[n] == ':';

		fprintf(stderr, "%s%s%.*s\n", heads ? a->folder : "", heads ? "/" : "", (int)line, text);
		errors += heads && !memmem(text, line, ": warning: ", 11);
		text += line + (text[line] == '\n');
	}
	return errors;
}

static void on_checked(void *ctx, enum check_answer answer, const char *errors)
{
	struct asked *a = ctx;
	size_t n = print_filter(a, errors);

	if (answer != CHECK_OK) {
		a->v->errors += n ? n : 1;
		if (!*errors)
			fprintf(stderr, "%s/%s: the filter cannot be checked\n", a->folder, a->origin);
	}
	free(a->folder);
	free(a->origin);
	free(a);
}

/* A wrong job's filter is checked by itself, lest another error of the job is told twice. */
static void ask(struct verification *v, const struct profile *p, const struct job *j, const char *folder)
{
	char any[] = "*", any_index[] = "x", none[] = "{}";
	struct strbuf text = STRBUF_INIT;
	char hash[VERSION_HASH];
	struct asked *a;

	struct job bare = {.name = j->name, .pattern = any, .filter = j->filter, .filter_origin = j->filter_origin,
			   .vars_json = j->vars_json, .lenient = j->lenient, .index_name = any_index,
			   .mappings_json = none, .settings_json = none};

	v->jobs++;
	if (!j->filter || !j->filter[0])
		return;
	a = xcalloc(1, sizeof(*a));
	a->v = v;
	a->folder = xstrdup(folder);
	a->origin = xstrdup(j->filter_origin);
	version_write(p, j->wrong ? &bare : j, &text, hash);
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

/* The files of a credential must be there and be secret; the server is not asked. */
static void verify_access(struct verification *v, const struct sink_config *s, const struct sink_credential *c,
			  const char *folder)
{
	struct sink_access a = {0};
	struct fault f = FAULT_INIT;
	int dir = -1;

	if (s->type == SINK_SQLITE)
		return;
	if ((folder && fs_open_dir(folder, &dir, &f) < 0) || sink_access_read(s, c, dir, &a, &f) < 0) {
		v->errors++;
		fprintf(stderr, "%s: $.sinks.%s: %s\n", folder ? folder : v->config->file, s->name, f.text);
	}
	sink_access_release(&a);
	fs_close(&dir);
}

/* libmongoc's judgement of the connection string, in a process of its own; the server is not asked. */
static int check_uri(const char *uri, struct fault *f)
{
	char name[] = "ingest-record", option[] = "--check";
	char *argv[] = {name, option, NULL};
	char *program = NULL;
	int fd = -1, status, r;
	pid_t pid;

	if (spawn_beside(name, &program, f) < 0)
		return -1;
	r = ipc_sealed("mongodb", span_of(uri), &fd, f);
	if (r == 0)
		r = spawn_start(program, argv, fd, -1, 2, 0, &pid, f);
	fs_close(&fd);
	free(program);
	if (r < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return fault_set(f, FAULT_CONFIG, "the connection string is wrong, see above");
}

static void verify_mongodb(struct verification *v)
{
	struct fault f = FAULT_INIT;
	char *uri = NULL;

	if (!mongodb_on(&v->config->mongodb))
		return;
	if (mongodb_uri(&v->config->mongodb, &uri, &f) < 0 || check_uri(uri, &f) < 0) {
		v->errors++;
		fprintf(stderr, "%s: $.mongodb: %s\n", v->config->file, f.text);
	}
	if (uri)
		explicit_bzero(uri, strlen(uri));
	free(uri);
}

static void verify_credentials(struct verification *v, const struct profile *p, const char *folder)
{
	for (size_t i = 0; i < p->sink_count; i++) {
		const struct sink_config *s = config_sink(v->config, p->sinks[i]);
		const struct sink_credential *c = profile_credential(p, p->sinks[i]);

		if (s && c)
			verify_access(v, s, c, folder);
	}
}

/* Keys that cannot be used hold every encrypted file. */
static void verify_keys(struct verification *v, const struct profile *p, const char *folder)
{
	struct keyring *ring = NULL;
	struct fault f = FAULT_INIT;

	if (!(p->formats & FORMAT_AGE))
		return;
	if (keyring_open(v->config->profiles, p->tenant, &ring, &f) < 0) {
		v->errors++;
		fprintf(stderr, "%s\n", f.text);
	} else if (!keyring_active(ring)) {
		fprintf(stderr, "%s: warning: formats has age, but there is no key, and encrypted files will be held; `ingestctl "
				"keygen %s` makes one\n", folder, p->tenant);
	}
	keyring_free(&ring);
}

static void verify_tenant(void *ctx, const char *name)
{
	struct verification *v = ctx;
	struct strbuf errors = STRBUF_INIT;
	struct profile *p = profile_read(v->config->profiles, name, &errors);
	char *folder = xasprintf("%s/%s", v->config->profiles, name);

	v->tenants++;
	if (p) {
		tenants_check_sinks(v->config, p, folder, &errors);
		for (size_t i = 0; i < p->job_count; i++)
			ask(v, p, p->jobs[i], folder);
		if (!v->config->wrong)
			verify_credentials(v, p, folder);
		verify_keys(v, p, folder);
		warn_overlaps(p, folder);
	}
	for (size_t i = 0; i < errors.n; i++)
		v->errors += errors.p[i] == '\n';
	fputs(errors.p, stderr);
	profile_unref(&p);
	strbuf_release(&errors);
	free(folder);
}

/* Its jobs would never run, and nobody would be told. */
static void verify_no_tenant(void *ctx, const char *name)
{
	struct verification *v = ctx;
	char *jobs = xasprintf("%s/%s/jobs", v->config->profiles, name);
	bool there = access(jobs, F_OK) == 0;

	free(jobs);
	if (!there)
		return;
	v->errors++;
	fprintf(stderr, "%s/%s: jobs/ but no profile.json; write one (\"{}\" will do), or take the folder away\n",
		v->config->profiles, name);
}

static void verify_servers(struct verification *v)
{
	for (size_t i = 0; i < v->config->sink_count; i++)
		verify_access(v, &v->config->sinks[i], &v->config->sinks[i].credential, NULL);
	verify_mongodb(v);
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
	v.checks = checks_new(loop, program, NULL);
	if (!c->wrong)
		verify_servers(&v);
	/* not yet: a start makes it */
	if (access(c->profiles, F_OK) < 0 && errno == ENOENT)
		fprintf(stderr, "ingestd: %s is not there; it is made at the start\n", c->profiles);
	else if (profiles_names(c->profiles, verify_tenant, verify_no_tenant, &v, &f) < 0) {
		fprintf(stderr, "ingestd: %s\n", f.text);
		v.errors++;
	}
	while (checks_pending(v.checks))
		ev_run(loop, EVRUN_ONCE);
	checks_free(&v.checks);
	ev_loop_destroy(loop);
	free(program);
	fprintf(stderr, "ingestd: %s: %zu tenants, %zu jobs, %zu errors%s\n", c->file, v.tenants, v.jobs,
		v.errors, c->wrong ? " beside those of ingestd.json" : "");
	return v.errors || c->wrong ? EXIT_CONFIG : EXIT_WORKED;
}
