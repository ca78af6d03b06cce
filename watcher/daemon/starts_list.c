/*
 * starts_list - the starts that live: made, found, dropped; see starts.h
 */
#include "watcher/base/base.h"
#include "watcher/daemon/starts_own.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/back.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/place.h"
#include "watcher/spool/runs.h"

void start_free_candidates(struct start *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->files[i].name);
	s->len = s->at = 0;
}

void start_free(struct start *s)
{
	start_free_candidates(s);
	free(s->files);
	map_release(&s->asked);
	strbuf_release(&s->left_out);
	run_release(&s->run);
	free(s);
}

void start_drop(struct ingestd *d, struct start *s)
{
	struct start **at = &d->starts.first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	for (size_t i = 0; i < map_len(&d->files); i++) {
		struct file *x = map_value(&d->files, i);

		if (x->start == s)
			x->start = NULL;
	}
	start_free(s);
	ingestd_progress(d);
}

struct start *start_add(struct ingestd *d, struct tenant *t)
{
	struct start *s = xcalloc(1, sizeof(*s)), **end = &d->starts.first;

	run_init(&s->run);
	strbuf_init(&s->left_out);
	map_init(&s->asked);
	s->tenant = t;
	while (*end)
		end = &(*end)->next;
	*end = s;
	return s;
}

const char *starts_job(const struct start *s)
{
	return s->run.job;
}

const char *starts_run(const struct start *s)
{
	return s->run.id;
}

bool starts_any(const struct ingestd *d)
{
	return d->starts.first != NULL;
}

struct start *start_find_job(struct ingestd *d, const char *tenant, const char *job)
{
	for (struct start *s = d->starts.first; s; s = s->next)
		if (strcmp(s->run.tenant, tenant) == 0 && strcmp(s->run.job, job) == 0)
			return s;
	return NULL;
}

const struct run *starts_of_job(struct ingestd *d, const char *tenant, const char *job)
{
	struct start *s = start_find_job(d, tenant, job);

	return s ? &s->run : NULL;
}

const struct run *starts_find(struct ingestd *d, const char *run)
{
	for (struct start *s = d->starts.first; s; s = s->next)
		if (strcmp(s->run.id, run) == 0)
			return &s->run;
	return NULL;
}
