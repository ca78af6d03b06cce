/*
 * tenants - who is served; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/tenants.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/nearest.h"
#include "watcher/daemon/descriptors.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/sessions.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/versions.h"

bool tenant_known(const struct tenant *t)
{
	return t->profile || t->refused || t->files;
}

struct tenant *tenants_find(struct ingestd *d, const char *name)
{
	return map_get(&d->tenants, span_of(name));
}

static struct log *open_log(struct ingestd *d, const char *name)
{
	char *file = xasprintf("%s/%s.log", d->config->logs, name);
	char *context = xasprintf("tenant=%s", name);
	struct fault f = FAULT_INIT;
	struct log *log = NULL;

	if (log_open(file, d->config->log_format, &log, &f) == 0) {
		log_keep_in(log, &d->logs);
		log_fold_repeats(log);
		log_set_context(log, context);
	} else {
		/* its lines go to ingestd.log */
		event(d, EV_FOLDER_HEALTH, "tenant=%s reason=\"no log: %s\"", name, f.text);
	}
	free(context);
	free(file);
	return log;
}

struct tenant *tenants_get(struct ingestd *d, const char *name)
{
	struct tenant *t = tenants_find(d, name);
	struct fault f = FAULT_INIT;

	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->name = xstrdup(name);
	t->has_room = descriptors_enough(&f) == 0;
	if (t->has_room)
		t->log = open_log(d, name);
	else
		event_text(d, EV_FOLDER_HEALTH, "reason", f.text);
	map_put(&d->tenants, span_of(name), t);
	return t;
}

static void free_tenant(struct tenant *t)
{
	sessions_free(&t->sessions);
	profile_unref(&t->profile);
	folders_free(&t->folders);
	log_free(&t->log);
	free(t->refused);
	free(t->name);
	free(t);
}

void tenants_free(struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++)
		free_tenant(map_value(&d->tenants, i));
	map_release(&d->tenants);
}

int tenants_open(struct ingestd *d, struct tenant *t, struct fault *f)
{
	if (t->folders)
		return folders_refresh(t->folders, f);
	if (!t->has_room)
		return descriptors_enough(f);
	return folders_open(d->config->staging, t->name, &t->folders, f);
}

unsigned tenants_max_workers(const struct ingestd *d, const struct tenant *t)
{
	int64_t n = t->profile ? t->profile->max_workers : -1;

	if (n < 0 || n > (int64_t)d->config->workers)
		return d->config->workers;
	return n ? (unsigned)n : 1;
}

static struct arrival_options options_of(const struct profile *p)
{
	bool other = p->level != LEVEL_PLAIN;

	return (struct arrival_options){.settle_ms = p->settle_ms, .unproven = other || p->unproven, .other_proof = other};
}

static int watch_folder(struct ingestd *d, struct tenant *t, struct fault *f)
{
	struct arrival_options options = options_of(t->profile);

	if (t->watched)
		return arrival_change_tenant(d->arrival, t->name, &options, f);
	if (arrival_add_tenant(d->arrival, t->name, t->folders->path, &options, f) < 0)
		return -1;
	t->watched = true;
	return 0;
}

int tenants_enforce(struct ingestd *d, struct tenant *t, struct profile *p, struct fault *f)
{
	struct profile *old = t->profile;

	if (tenants_open(d, t, f) < 0)
		return -1;
	t->profile = profile_ref(p);
	if (sessions_tenant(d, t, f) < 0 || watch_folder(d, t, f) < 0) {
		profile_unref(&t->profile);
		t->profile = old;
		return -1;
	}
	profile_unref(&old);
	t->loaded_ms = clock_now_ms();
	schedule_tenant(d->schedule, t->name, tenants_max_workers(d, t));
	file_requeue_tenant(d, t);
	staged_tenant(d, t);
	quota_soon(d, t);
	file_wake_tenant(d, t, false);
	ingestd_progress(d);
	return 0;
}

void tenants_retire(struct ingestd *d, struct tenant *t)
{
	if (t->watched)
		arrival_remove_tenant(d->arrival, t->name);
	sessions_free(&t->sessions);
	t->watched = false;
	t->full = false;
	if (t->profile)
		profile_unref(&t->profile);
	schedule_forget(d->schedule, t->name);
	free(t->refused);
	t->refused = NULL;
	t->fingerprint = 0;
}

void tenants_flush_logs(struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		struct tenant *t = map_value(&d->tenants, i);

		if (t->log)
			log_flush(t->log);
	}
}

void tenants_reopen_logs(struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		struct tenant *t = map_value(&d->tenants, i);
		struct fault f = FAULT_INIT;

		if (!t->log && t->has_room)
			t->log = open_log(d, t->name);
		else if (t->log && log_reopen(t->log, &f) < 0)
			event_text(d, EV_FOLDER_HEALTH, "reason", f.text);
	}
}

void tenants_look_again(struct ingestd *d, struct tenant *t)
{
	struct arrival_options options;
	struct fault f = FAULT_INIT;

	if (!t->profile || !t->watched)
		return;
	options = options_of(t->profile);
	if (arrival_change_tenant(d->arrival, t->name, &options, &f) < 0)
		event_text(d, EV_FOLDER_HEALTH, "reason", f.text);
}

/* Half are through: what waits in in/ may come again. */
void tenants_file_gone(struct ingestd *d, struct tenant *t)
{
	if (!t->full || t->files > TENANT_FILES_MAX / 2 || !t->profile || !t->watched)
		return;
	t->full = false;
	tenants_look_again(d, t);
}

int tenants_version(struct ingestd *d, struct tenant *t, const struct job *j, char hash[VERSION_HASH],
		    struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int r;

	version_write(t->profile, j, &text, hash);
	r = versions_keep(d->versions, hash, strbuf_span(&text), f);
	strbuf_release(&text);
	return r;
}

const struct sink_config *tenants_sink(const struct ingestd *d, const struct job *j)
{
	const char *name = j->sink_count ? j->sinks[0] : d->config->default_sinks[0];

	return config_sink(d->config, name);
}

/* Of a tenant that has no profile in force the usual one: its indices may be there from before. */
static bool begins_with_prefix_of(const char *name, const struct tenant *t, size_t *n)
{
	char *usual = t->profile ? NULL : xasprintf("%s-", t->name);
	const char *prefix = t->profile ? t->profile->index_prefix : usual;
	bool begins = span_starts(span_of(name), span_of(prefix));

	*n = strlen(prefix);
	free(usual);
	return begins;
}

int tenants_check_index(const struct ingestd *d, const struct tenant *t, const struct sink_config *sink, const char *pattern,
			int64_t ms, struct fault *f)
{
	size_t own = strlen(t->profile->index_prefix), n;
	char *name = NULL;
	int r = 0;

	if (sink->type == SINK_SQLITE)
		return 0;
	if (index_name_at(pattern, ms, &name, f) < 0)
		return -1;
	for (size_t i = 0; i < map_len(&d->tenants) && r == 0; i++) {
		const struct tenant *other = map_value(&d->tenants, i);

		if (other != t && begins_with_prefix_of(name, other, &n) && n > own)
			r = fault_set(f, FAULT_CONFIG,
				      "index \"%s\" is in the name space of another tenant; give the job another index.name", name);
	}
	free(name);
	return r;
}

static void check_sink(const struct config *c, const char *folder, const struct job *j,
		       const char *name, struct strbuf *errors)
{
	const char **names;
	const char *near;

	if (config_sink(c, name))
		return;
	names = xcalloc(c->sink_count + 1, sizeof(*names));
	for (size_t i = 0; i < c->sink_count; i++)
		names[i] = c->sinks[i].name;
	near = nearest_name(span_of(name), names, c->sink_count);
	strbuf_addf(errors, "%s/jobs/%s.json: $.sinks: no sink \"%s\" in %s%s%s%s\n", folder, j->name, name,
		    c->file, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	free(names);
}

static void check_server_keys(const struct config *c, const char *folder, const struct job *j,
			      struct strbuf *errors)
{
	const struct sink_config *s = config_sink(c, j->sink_count ? j->sinks[0] : c->default_sinks[0]);

	if (j->pipeline && s && s->type == SINK_SQLITE)
		strbuf_addf(errors, "%s/jobs/%s.json: $.index.pipeline: sink \"%s\" is of type sqlite and has no pipelines\n",
			    folder, j->name, s->name);
}

static void check_webhook(const struct config *c, const char *folder, const struct job *j, struct strbuf *errors)
{
	const char **names, *near;

	if (!j->webhook || config_webhook(c, j->webhook))
		return;
	names = xcalloc(c->webhook_count + 1, sizeof(*names));
	for (size_t i = 0; i < c->webhook_count; i++)
		names[i] = c->webhooks[i].name;
	near = nearest_name(span_of(j->webhook), names, c->webhook_count);
	strbuf_addf(errors, "%s/jobs/%s.json: $.notify.webhook: no webhook \"%.64s\" in ingestd.json%s%s%s\n", folder, j->name,
		    j->webhook, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	free(names);
}

static void check_credentials(const struct config *c, const struct profile *p, const char *folder,
			      struct strbuf *errors)
{
	for (size_t i = 0; i < p->sink_count; i++) {
		const struct sink_config *s = config_sink(c, p->sinks[i]);

		if (!s)
			strbuf_addf(errors, "%s/profile.json: $.sinks: no sink \"%s\" in %s\n", folder,
				    p->sinks[i], c->file);
		else if (s->type == SINK_SQLITE && sink_credential_given(&p->credentials[i]))
			strbuf_addf(errors,
				    "%s/profile.json: $.sinks.%s: a sink of type sqlite takes no credentials; "
				    "allowed: {}\n",
				    folder, s->name);
	}
}

static bool allowed(const struct profile *p, const char *sink)
{
	for (size_t i = 0; i < p->sink_count; i++)
		if (strcmp(p->sinks[i], sink) == 0)
			return true;
	return !p->sinks_given;
}

void tenants_check_sinks(const struct config *c, const struct profile *p, const char *folder,
			 struct strbuf *errors)
{
	check_credentials(c, p, folder, errors);
	for (size_t i = 0; i < p->job_count; i++) {
		const struct job *j = p->jobs[i];

		check_server_keys(c, folder, j, errors);
		check_webhook(c, folder, j, errors);
		for (size_t k = 0; k < j->sink_count; k++)
			check_sink(c, folder, j, j->sinks[k], errors);
		if (!j->sink_count && !allowed(p, c->default_sinks[0]))
			strbuf_addf(errors,
				    "%s/jobs/%s.json: $.sinks: absent, and the default sink \"%s\" is not "
				    "among the sinks of the tenant's profile\n",
				    folder, j->name, c->default_sinks[0]);
	}
}
