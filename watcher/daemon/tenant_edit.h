/*
 * tenant_edit - PUT and DELETE of a tenant over the HTTP API: `ingestctl tenant add|remove T`
 *
 *	tenant_edit_put(d, args, out, f)       args.tenant; body: its profile, or nothing
 *	tenant_edit_delete(d, args, out, f)
 *
 * put: the profile is judged as the profiles' own files are and put in place as one atomic replacement; then the folders, with the
 * owners and modes of delivery.md (Arrival 4), are made; the answer waits until the profile is in force.
 * delete: nothing more is taken; when the last file that is on its way has come to its end, profiles/T and staging/T are renamed to
 * profiles/.removed/T.TIME and staging/.removed/T.TIME.  Rows, records and stores stay.  A file that does not come to its end within
 * the time of the request: 409, and the tenant is served on.
 * Failure: 404, 409, 422 with every error, 503.
 */
#ifndef DAEMON_TENANT_EDIT_H
#define DAEMON_TENANT_EDIT_H

#include "watcher/admin/admin.h"

struct ingestd;

unsigned tenant_edit_put(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned tenant_edit_delete(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

#endif
