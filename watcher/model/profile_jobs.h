/*
 * profile_jobs - the jobs of a tenant, read from its folder
 *
 * profile.c's own.  Reads FOLDER/jobs/ *.json into p->jobs, sorted by name; names that begin with a dot are no jobs.  A missing
 * jobs/ means no jobs.  Every error of every job is added to errors; a job with errors is kept as a wrong one.
 */
#ifndef MODEL_PROFILE_JOBS_H
#define MODEL_PROFILE_JOBS_H

#include "watcher/model/profile.h"

void profile_load_jobs(struct profile *p, const char *folder, struct strbuf *errors);

#endif
