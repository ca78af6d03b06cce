/*
 * audit_sink - are a delivery's documents in its sink, each and no more?  see audit_own.h
 *
 * Asks ingest-worker --count, started at the first question and ended by closing its socket: the sinks are its libraries' business.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/audit_own.h"
#include "watcher/arrival/names.h"
#include "watcher/base/fsutil.h"
#include "watcher/schedule/spawn.h"
#include "watcher/spool/deliveries.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(struct audit *a, struct fault *f)
{
	char name[] = "ingest-worker", verb[] = "--count", option[] = "-c";
	char *argv[] = {name, verb, option, a->config->file, NULL};
	char *program = NULL;
	int ends[2], r;

	if (spawn_beside(name, &program, f) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		free(program);
		return fault_errno(f, FAULT_SYSTEM, "socketpair");
	}
	r = spawn_start(program, argv, -1, ends[1], STDERR_FILENO, 0, &a->sink.pid, f);
	free(program);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return -1;
	}
	a->sink.in = fdopen(ends[0], "r");
	a->sink.out = fdopen(dup(ends[0]), "w");
	CHECK(a->sink.in && a->sink.out);
	return 0;
}

void audit_sink_stop(struct audit *a)
{
	int status;

	if (!a->sink.pid)
		return;
	fclose(a->sink.out);
	fclose(a->sink.in);
	while (waitpid(a->sink.pid, &status, 0) < 0 && errno == EINTR)
		;
	a->sink.pid = 0;
}

/* 0: *found; -1: f says why it is not known. */
static int ask(struct audit *a, const struct file_row *r, uint64_t *found, struct fault *f)
{
	const struct counters *c = &r->leg.checkpoint.counters;
	char *line = NULL;
	size_t cap = 0;
	int result = 0;

	if (!a->sink.pid && start(a, f) < 0)
		return -1;
	fprintf(a->sink.out, "%s\t%s\t%s\t%s\t%llu\n", r->tenant, r->leg.sink, r->leg.index, r->delivery,
		(unsigned long long)c->read);
	fflush(a->sink.out);
	if (getline(&line, &cap, a->sink.in) <= 0)
		result = fault_set(f, FAULT_SYSTEM, "ingest-worker --count has ended");
	else if (line[0] == '!')
		result = fault_set(f, FAULT_SYSTEM, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	else
		*found = strtoull(line, NULL, 10);
	free(line);
	return result;
}

/* Rows without which the same bytes would be loaded as if they were new, or nobody knows where its documents are. */
static void look_at_rows(const struct audit *a, const struct file_row *r, bool known, struct problem *p)
{
	const char *without = !r->delivery[0] ? "a delivery" : !known ? "an entry in the table of deliveries" :
			      !r->leg.sink || !r->leg.index ? "a leg" : NULL;

	if (without)
		problem_set(p, "database", xasprintf("%s/journal.db", a->config->state), "%s is done and has not %s", r->file,
			    without);
}

/* Is it this row that speaks for its delivery now, and how many documents is it to have? */
static int expected(struct audit *a, const struct file_row *r, uint64_t *want, struct problem *p, struct fault *f)
{
	struct delivery d;
	int known = 0;

	if (r->state != FILE_PLACED && r->state != FILE_HELD)
		return 0;
	if (r->delivery[0] && (known = deliveries_find(a->journal, r->delivery, &d, f)) < 0)
		return -1;
	/* the manifest of a run has no rows of its own */
	if (r->has_outcome && r->outcome == OUTCOME_DONE && !names_may_start_run(span_of(r->file)))
		look_at_rows(a, r, known == 1, p);
	if (!known || p->kind || !r->leg.sink || !r->leg.index)
		return 0;
	if (strcmp(d.arrival, r->arrival) != 0 || d.state == DELIVERY_LOADING)
		return 0;
	*want = d.state == DELIVERY_LIVE ? r->leg.checkpoint.counters.documents : 0;
	return 1;
}

int audit_sink(struct audit *a, const struct file_row *r, bool *counted, struct problem *p, struct fault *f)
{
	struct fault why = FAULT_INIT;
	uint64_t want = 0, found = 0;
	int known = expected(a, r, &want, p, f);

	if (known <= 0)
		return known;
	*counted = true;
	if (ask(a, r, &found, &why) < 0)
		problem_set(p, "unchecked", NULL, "%s: its documents could not be counted: %s", r->file, why.text);
	else if (found != want)
		problem_set(p, "count", NULL, "%s: index %s of sink %s has %llu documents of delivery %s, the journal says %llu",
			    r->file, r->leg.index, r->leg.sink, (unsigned long long)found, r->delivery,
			    (unsigned long long)want);
	return 0;
}
