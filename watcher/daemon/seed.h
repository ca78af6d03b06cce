/*
 * seed - the seed document's own names of the HTTP API, and its bodies and answers
 *
 * A job_id is TENANT/JOB.  Under the operator's token /create_batchingestjob is for the tenant whose profile has the specification's
 * client_id, under a tenant's for that tenant; client_id is then not looked at.  Answers are 200 and the seed's, a run's broken limit too;
 * what is wrong with a request is application/problem+json as everywhere.
 */
#ifndef DAEMON_SEED_H
#define DAEMON_SEED_H

#include "watcher/admin/admin.h"

struct ingestd;

unsigned seed_create(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned seed_create_stream(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned seed_start(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned seed_stop(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);
unsigned seed_status(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f);

#endif
