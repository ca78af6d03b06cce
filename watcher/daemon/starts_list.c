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
#include "watcher/model/keys.h"
#include "watcher/spool/place.h"
#include "watcher/spool/runs.h"

void start_free_candidates(struct start *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->files[i].name);
	s->len = s->at = 0;
}

void start_free_names(struct start *s)
{
	strings_free(s->names, s->name_count);
	s->names = NULL;
	s->name_count = s->at = 0;
}

void start_free(struct start *s)
{
	start_free_candidates(s);
	free(s->files);
	start_free_names(s);
	map_release(&s->asked);
	map_release(&s->taken);
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
	map_init(&s->taken);
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
	for (const struct start *s = d->starts.first; s; s = s->next)
		if (s->tenant->folders)
			return true;
	return false;
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

struct start *start_find_run(const struct ingestd *d, const char *run)
{
	for (struct start *s = d->starts.first; s; s = s->next)
		if (strcmp(s->run.id, run) == 0)
			return s;
	return NULL;
}

bool starts_begun(const struct ingestd *d, const char *run)
{
	const struct start *s = start_find_run(d, run);

	return s && s->run.state == RUN_RUNNING;
}

const struct run *starts_find(struct ingestd *d, const char *run)
{
	struct start *s = start_find_run(d, run);

	return s ? &s->run : NULL;
}

/* --- how far --- */

/* Between 0 and 1. */
static double part_of(const struct file *x)
{
	const struct file_row *r = &x->row;
	double bytes = r->bytes ? (double)r->bytes : 1., part;

	switch (r->state) {
	case FILE_CLAIMED:
	case FILE_IDENTIFIED:
		/* what is packed decodes to more */
		part = (double)x->gate_offset / bytes;
		return part < 1. ? part / 2. : 0.5;
	case FILE_GATED:
	case FILE_WAITING:
		return 0.5;
	case FILE_LOADING:
		part = x->gate_rows ? (double)r->leg.checkpoint.counters.read / (double)x->gate_rows : 0.;
		/* the gate's own counters stand there until the first checkpoint */
		if (!r->leg.checkpoint.next_row)
			part = 0.;
		return part < 1. ? 0.5 + part / 2. : 1.;
	case FILE_INDEXED:
	case FILE_PLACING:
	case FILE_PLACED:
	case FILE_HELD:
	case FILE_UNDOING:
	case FILE_RETAKING:
	case FILE_REPLACING:
		break;
	}
	return 1.;
}

bool starts_progress(struct ingestd *d, const char *run, struct run_progress *out)
{
	const struct start *s = start_find_run(d, run);
	double done;

	if (!s)
		return false;
	*out = (struct run_progress){.bytes = s->run.bytes, .rows = s->rows_over};
	done = (double)s->bytes_over;
	for (size_t i = 0; i < map_len(&d->files); i++) {
		const struct file *x = map_value(&d->files, i);

		if (x->start != s)
			continue;
		done += (double)x->row.bytes * part_of(x);
		if (x->row.state != FILE_LOADING || x->row.leg.checkpoint.next_row)
			out->rows += x->row.state == FILE_CLAIMED || x->row.state == FILE_GATED ?
					     0 :
					     x->row.leg.checkpoint.counters.read;
	}
	out->bytes_done = (uint64_t)done;
	return true;
}

bool starts_of_tenant(const struct ingestd *d, const struct tenant *t)
{
	for (const struct start *s = d->starts.first; s; s = s->next)
		if (s->tenant == t)
			return true;
	return false;
}
