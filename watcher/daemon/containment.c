/*
 * containment - what a worker may reach, and what status says of it; see the header
 *
 * Called by passes and views.  Owns nothing.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/containment.h"
#include "watcher/base/confine.h"
#include "watcher/base/json_out.h"
#include "watcher/base/landlock.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/privileges.h"
#include "watcher/daemon/stores.h"
#include "watcher/daemon/tenants.h"

static bool uses(const struct ingestd *d, const struct file *x, const struct sink_config *s)
{
	const struct profile *p = x->tenant->profile;

	if (x->row.leg.sink && strcmp(x->row.leg.sink, s->name) == 0)
		return true;
	for (size_t i = 0; p && i < p->job_count; i++)
		if (tenants_sink(d, p->jobs[i]) == s)
			return true;
	return false;
}

static int add_store(const struct ingestd *d, const struct sink_config *s, const char *tenant, struct reach *r,
		     struct fault *f)
{
	char *folder = NULL;
	int result = stores_make(d, s, tenant, &folder, f);

	if (result == 0)
		result = reach_folder(r, folder, f);
	free(folder);
	return result;
}

int containment_reach(struct ingestd *d, const struct file *x, struct reach *r, struct fault *f)
{
	for (size_t i = 0; i < d->config->sink_count; i++) {
		const struct sink_config *s = &d->config->sinks[i];

		if (!uses(d, x, s))
			continue;
		if (s->type == SINK_SQLITE && add_store(d, s, x->tenant->name, r, f) < 0)
			return -1;
		for (size_t u = 0; u < s->url_count; u++)
			reach_port(r, sink_url_port(s->urls[u]));
	}
	return 0;
}

void containment_add_json(const struct ingestd *d, struct strbuf *out)
{
	struct strbuf lacks = STRBUF_INIT;

	confine_lacks(&lacks);
	strbuf_addc(out, '{');
	privileges_add_json(d, out);
	json_pair_i64(out, "landlock", landlock_abi());
	json_pair_string(out, "kernel_lacks", lacks.n ? lacks.p : NULL);
	strbuf_addc(out, '}');
	strbuf_release(&lacks);
}
