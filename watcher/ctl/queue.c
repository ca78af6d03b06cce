/*
 * queue - what waits for a worker, in its order; --trace: the turns that were
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"

int command_queue(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count || (o->trace && (o->tenant || o->limit)))
		return ctl_usage(o);
	strbuf_adds(&path, o->trace ? "/v1/queue/trace" : "/v1/queue");
	ctl_add_query(&path, "tenant", o->tenant);
	ctl_add_query(&path, "limit", o->limit);
	rc = ctl_ask_and_print(o, "GET", path.p,
			       o->trace ? "turn at tenant id bytes turns_waited owed rivals least_owed" :
					  "position tenant job file bytes state wait_seconds reason id");
	strbuf_release(&path);
	return rc;
}
