/*
 * chosen - the filter that a verb of the command line works with: of a file, or of a tenant's job
 *
 *	struct chosen c = {0};
 *	if (chosen_file(&c, "vmtable.conf", &said) < 0) ...          or chosen_job(&c, config, tenant, job, &said)
 *	plan = chosen_plan(&c);                                      NULL: the job has no filter text
 *	chosen_explain(&c, &out);                                    the plan in words
 *	chosen_release(&c);
 *
 * said gets every error and warning, as the filter language says them.
 */
#ifndef WORKER_CHOSEN_H
#define WORKER_CHOSEN_H

#include "watcher/worker/compiled.h"

struct chosen {
	struct plan *plan;         /* of a file */
	char *text;                /* and its text */
	struct compiled *compiled; /* of a job */
};

int chosen_file(struct chosen *c, const char *file, struct strbuf *said) MUST_CHECK;
int chosen_job(struct chosen *c, const char *config, const char *tenant, const char *job,
	       struct strbuf *said) MUST_CHECK;
struct plan *chosen_plan(const struct chosen *c);
void chosen_explain(const struct chosen *c, struct strbuf *out);
void chosen_release(struct chosen *c);

#endif
