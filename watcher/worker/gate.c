/*
 * gate - the first pass: is the file whole, allowed, and good enough?  Nothing is sent.
 *
 * Steps fsync, gate, verdict, await.  A fault of a step goes to the daemon in the gated message, and the daemon decides.  The rejects
 * are listed here too, so that a file that fails for them has its list.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/quality/verdict.h"
#include "watcher/worker/steps.h"
#include <unistd.h>

#define TICK_ROWS 1024

enum step step_fsync(struct task *t)
{
	bool resumed = t->job.checkpoint.next_row > 0;

	if (fs_fsync(t->fds[MESSAGE_FD_INPUT], t->job.file, &t->fault) < 0)
		return resumed ? STEP_RESULT : STEP_VERDICT;
	crash_point("fsync");
	return STEP_REACH;
}

static int gate_row(struct task *t, const struct record *rec)
{
	struct row_output out;

	t->counters.read++;
	if (row_is_straight(t->row, rec))
		return 0;
	switch (row_run(t->row, rec, &t->coercions, &out)) {
	case ROW_DOCUMENTS:
		if (t->extent.parts < out.count)
			t->extent.parts = out.count;
		return 0;
	case ROW_FILTERED:
		t->counters.filtered++;
		return 0;
	case ROW_BLANK:
		t->counters.blank++;
		return 0;
	case ROW_REJECTED:
		return task_reject(t, &out.error, rec->raw);
	}
	CHECK(!"a row result");
	return -1;
}

/* Asked in this pass alone: a file that has passed it is loaded whole. */
static int gate_cost(struct task *t, const struct record *rec)
{
	const char *why = row_given_up(t->row);

	return why ? fault_set(&t->fault, FAULT_DATA, "given up at line %llu: %s",
			       (unsigned long long)rec->line, why)
		   : 0;
}

static int gate_rows(struct task *t)
{
	struct record rec;
	int r;

	while ((r = input_next(t->input, &rec, &t->fault)) == 1) {
		if (gate_row(t, &rec) < 0 || gate_cost(t, &rec) < 0)
			return -1;
		t->gate_offset = rec.next_offset;
		if (t->counters.read % TICK_ROWS == 0 && task_tick(t, &t->fault) < 0)
			return -1;
	}
	t->gate_read = t->extent.rows = t->counters.read;
	return r;
}

/* Even a refused or a held file has its digest in the books; a list of an earlier attempt does not stay beside it. */
static void refused(struct task *t)
{
	struct input_ticker ticker = {task_tick, t};
	struct fault ignored = FAULT_INIT;
	uint64_t bytes;

	if (t->fault.kind != FAULT_DATA && t->fault.kind != FAULT_KEY)
		return;
	(void)!input_digest_of(t->fds[MESSAGE_FD_INPUT], &ticker, t->sha256, &bytes, &ignored);
	if (ftruncate(t->fds[MESSAGE_FD_REJECTS], 0) < 0)
		fault_errno(&t->fault, FAULT_SYSTEM, "cannot empty the rejects file");
}

static int identify(struct task *t)
{
	unsigned char raw[DIGEST_SIZE];
	uint64_t bytes;

	if (input_digest(t->input, t->sha256, raw, &bytes, &t->fault) < 0)
		return -1;
	if (bytes != t->job.bytes)
		return fault_set_altered(&t->fault,
				 "the file has %llu bytes, it had %llu when it was claimed",
				 (unsigned long long)bytes, (unsigned long long)t->job.bytes);
	delivery_id(t->job.tenant, t->compiled->version->job->name, t->job.file, raw, t->delivery);
	return 0;
}

enum step step_gate(struct task *t)
{
	uint64_t length;

	if (task_open_input(t, NULL, true) < 0 || task_open_rejects(t, 0) < 0 || gate_rows(t) < 0 ||
	    identify(t) < 0)
		refused(t);
	else
		(void)!rejects_sync(t->rejects, &length, &t->fault);
	return STEP_VERDICT;
}

enum step step_verdict(struct task *t)
{
	struct counters *c = &t->counters;

	if (t->fault.kind == FAULT_NONE) {
		const struct job *j = t->compiled->version->job;

		(void)!verdict_rejects(c, j->rejects.max_ratio, j->rejects.max_rows, &t->fault);
	}
	c->unsent = c->read - c->rejected - c->filtered - c->blank;
	CHECK(counters_balance(c));
	crash_point("verdict");
	return task_tell(t, MESSAGE_GATED, "gated") < 0 ? STEP_END : STEP_AWAIT;
}

/* What the daemon answers; false: it is gone, or it said something else. */
static bool take_answer(struct task *t, struct message *m)
{
	struct strbuf text = STRBUF_INIT;
	size_t nfds = 0;
	int r = ipc_recv(t->socket, &text, NULL, &nfds, &t->fault);

	if (r == 1)
		r = message_parse(strbuf_span(&text), m, &t->fault) == 0 ? 1 : -1;
	strbuf_release(&text);
	t->ill_formed = r < 0;
	return r == 1;
}

enum step task_answered(struct task *t, const struct message *m)
{
	bool found = t->fault.kind != FAULT_NONE, ours = strcmp(m->arrival, t->job.arrival) == 0;

	if (ours && m->type == MESSAGE_LOAD && m->index && !found) {
		free(t->index);
		t->index = xstrdup(m->index);
		return STEP_LOAD;
	}
	if (!ours || m->type != MESSAGE_DROP) {
		t->ill_formed = true;
		fault_set(&t->fault, FAULT_SYSTEM, "expected load or drop, got %s", message_type_name(m->type));
	}
	return STEP_END;
}

enum step step_await(struct task *t)
{
	enum step next = STEP_END;
	struct message m;

	if (!take_answer(t, &m))
		return STEP_END;
	next = task_answered(t, &m);
	message_release(&m);
	return next;
}
