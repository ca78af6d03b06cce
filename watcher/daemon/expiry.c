/*
 * expiry - when a record may go from MongoDB; see the header
 *
 * Called by the recorder for each row of a batch.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/expiry.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include <jansson.h>

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int days_of_file(const struct profile *p, const char *state)
{
	if (strcmp(state, "done") == 0 || strcmp(state, "duplicate") == 0)
		return p->done_days;
	if (strcmp(state, "failed") == 0 || strcmp(state, "undone") == 0)
		return p->failed_days;
	return -1;
}

/* Its files may be in either folder. */
static int days_of_run(const struct profile *p)
{
	if (p->done_days < 0 || p->failed_days < 0)
		return -1;
	return p->done_days > p->failed_days ? p->done_days : p->failed_days;
}

static int64_t of_record(const struct ingestd *d, bool file, const json_t *record)
{
	const struct tenant *t = map_get(&d->tenants, span_of(text(record, "tenant")));
	int64_t ended;
	int days;

	if (!t || !t->profile)
		return 0;
	days = file ? days_of_file(t->profile, text(record, "state")) : days_of_run(t->profile);
	if (days < 0 || !clock_parse(text(json_object_get(record, "times"), file ? "placed" : "finished"), &ended))
		return 0;
	return ended + (days + (int64_t)d->config->journal_days) * CLOCK_DAY_MS;
}

int64_t expiry_of(const struct ingestd *d, const char *kind, struct span body)
{
	bool file = strcmp(kind, "file") == 0;
	json_error_t e;
	json_t *record;
	int64_t ms = 0;

	if ((!file && strcmp(kind, "run") != 0) || d->config->journal_days < 0)
		return 0;
	record = json_loadb(body.p, body.n, JSON_ALLOW_NUL, &e);
	if (record)
		ms = of_record(d, file, record);
	json_decref(record);
	return ms;
}
