/*
 * views_pauses - pause, resume and drain of the admin API; see views.h
 *
 * Called by views.c.  Which things are paused stands in status (pauses_add_json).
 */
#include "watcher/base/base.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/schedule/schedule.h"

#define REASON_MAX 200

static unsigned answer(const char *what, const char *name, const char *state, struct strbuf *out)
{
	strbuf_addc(out, '{');
	json_pair_string(out, "what", what);
	json_pair_string(out, "name", name[0] ? name : NULL);
	json_pair_string(out, "state", state);
	strbuf_addc(out, '}');
	return 200;
}

static unsigned reason_of(const struct admin_args *args, const char **out, struct fault *f)
{
	const char *reason = args->query(args, "reason");

	*out = reason ? reason : "";
	if (strlen(*out) > REASON_MAX)
		return refusal(f, 400, "reason has %zu bytes, at most %d", strlen(*out), REASON_MAX);
	for (const char *p = *out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return refusal(f, 400, "reason holds a control byte");
	if (!utf8_valid(span_of(*out)))
		return refusal(f, 400, "reason is no UTF-8");
	return 0;
}

static unsigned begin_pause(struct ingestd *d, enum pause_kind kind, const char *what, const char *name,
			    const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	unsigned status = refusal_not_now(d, f);
	const char *reason;

	if (!status)
		status = reason_of(args, &reason, f);
	if (status)
		return status;
	if (pauses_set(d, kind, name, reason, f) < 0)
		return 503;
	return answer(what, name, kind == PAUSE_ALL ? (pauses_drained(d) ? "drained" : "draining") : "paused", out);
}

static unsigned end_pause(struct ingestd *d, enum pause_kind kind, const char *what, const char *name, struct strbuf *out,
			  struct fault *f)
{
	unsigned status = refusal_not_now(d, f);
	int r;

	if (status)
		return status;
	r = pauses_end(d, kind, name, f);
	if (r < 0)
		return 503;
	if (r == 0)
		return refusal(f, 409, "%s%s%s is not %s", what, name[0] ? " " : "", name, kind == PAUSE_ALL ? "drained" : "paused");
	return answer(what, name, "resumed", out);
}

/* --- of whom: who is gone may be resumed all the same --- */

unsigned views_pause_tenant(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const struct tenant *t = tenants_find(d, args->tenant);

	if (!t || !tenant_known(t))
		return refusal_no_such(f, "tenant", args->tenant);
	return begin_pause(d, PAUSE_TENANT, "tenant", args->tenant, args, out, f);
}

static unsigned known_tenant(struct ingestd *d, enum pause_kind kind, const char *name, const char *tenant, struct fault *f)
{
	const struct tenant *t = tenants_find(d, tenant);

	return pauses_of(d, kind, name) || (t && tenant_known(t)) ? 0 : refusal_no_such(f, "tenant", tenant);
}

unsigned views_resume_tenant(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	unsigned status = known_tenant(d, PAUSE_TENANT, args->tenant, args->tenant, f);

	return status ? status : end_pause(d, PAUSE_TENANT, "tenant", args->tenant, out, f);
}

unsigned views_pause_job(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const struct tenant *t = tenants_find(d, args->tenant);
	char *name;
	unsigned status;

	if (!t || !tenant_known(t))
		return refusal_no_such(f, "tenant", args->tenant);
	if (!t->profile || !profile_job(t->profile, args->job))
		return refusal_no_such(f, "job", args->job);
	name = xasprintf("%s/%s", args->tenant, args->job);
	status = begin_pause(d, PAUSE_JOB, "job", name, args, out, f);
	free(name);
	return status;
}

unsigned views_resume_job(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	char *name = xasprintf("%s/%s", args->tenant, args->job);
	unsigned status = known_tenant(d, PAUSE_JOB, name, args->tenant, f);

	if (!status)
		status = end_pause(d, PAUSE_JOB, "job", name, out, f);
	free(name);
	return status;
}

unsigned views_pause_sink(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	if (!config_sink(d->config, args->id))
		return refusal_no_such(f, "sink", args->id);
	return begin_pause(d, PAUSE_SINK, "sink", args->id, args, out, f);
}

unsigned views_resume_sink(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	if (!config_sink(d->config, args->id) && !pauses_of(d, PAUSE_SINK, args->id))
		return refusal_no_such(f, "sink", args->id);
	return end_pause(d, PAUSE_SINK, "sink", args->id, out, f);
}

unsigned views_drain(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	return begin_pause(d, PAUSE_ALL, "ingestd", "", args, out, f);
}

unsigned views_drain_end(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	(void)args;
	return end_pause(d, PAUSE_ALL, "ingestd", "", out, f);
}
