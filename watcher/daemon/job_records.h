/*
 * job_records - the jobs in force, as records (collection jobs of docs/records.md)
 *
 * job_records_look compares every tenant's jobs with what the journal last recorded of them; what is new, other or gone goes into
 * the outbox.  A profile that is refused changes nothing: the version in force stays, as its jobs' records do.
 */
#ifndef DAEMON_JOB_RECORDS_H
#define DAEMON_JOB_RECORDS_H

struct ingestd;
struct job;
struct strbuf;
struct tenant;

/* kind, trigger ... version: members, without the braces; what the record and the HTTP API say of a job. */
void job_records_add(struct ingestd *d, const struct tenant *t, const struct job *j, struct strbuf *sb);
void job_records_look(struct ingestd *d);

#endif
