/*
 * tenant - ingestctl's verbs about tenants: tenant list, add, remove
 *
 * Each is one request to the daemon.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"

int command_tenants(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count > 1)
		return ctl_usage(o);
	strbuf_adds(&path, "/v1/tenants");
	if (o->arg_count == 1) {
		strbuf_addc(&path, '/');
		api_add_escaped(&path, o->args[0]);
	}
	rc = ctl_ask_and_print(o, "GET", path.p, "tenant state jobs formats reason");
	strbuf_release(&path);
	return rc;
}

static void add_path(const char *tenant, struct strbuf *path)
{
	strbuf_adds(path, "/v1/tenants/");
	api_add_escaped(path, tenant);
}

/* Without a file the daemon makes a profile to begin with. */
int command_tenant_add(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 1 && o->arg_count != 2)
		return ctl_usage(o);
	add_path(o->args[0], &path);
	rc = ctl_put_file(o, path.p, o->arg_count == 2 ? o->args[1] : NULL);
	strbuf_release(&path);
	return rc;
}

int command_tenant_remove(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	int rc;

	if (o->arg_count != 1)
		return ctl_usage(o);
	add_path(o->args[0], &path);
	rc = ctl_ask_and_print(o, "DELETE", path.p, "");
	strbuf_release(&path);
	return rc;
}
