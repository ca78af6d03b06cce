/*
 * gate - the first pass: is the file whole, allowed, and good enough?  Nothing is sent.
 *
 * Steps fsync, gate, verdict, await.  A fault of a step goes to the daemon in the gated message; the daemon decides.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/quality/verdict.h"
#include "watcher/worker/steps.h"
#include <unistd.h>

enum step step_fsync(struct task *t)
{
	if (fs_fsync(t->fds[MESSAGE_FD_INPUT], t->job.file, &t->fault) < 0)
		return STEP_VERDICT;
	crash_point("fsync");
	return t->job.checkpoint.next_row ? STEP_RESUME : STEP_GATE;
}

static int gate_row(struct task *t, const struct record *rec)
{
	struct row_error error = {0};
	struct event ev;

	t->counters.read++;
	switch (row_run(t->row, rec, &ev, &t->coercions, &error)) {
	case ROW_DOCUMENT:
		break;
	case ROW_FILTERED:
		t->counters.filtered++;
		break;
	case ROW_BLANK:
		t->counters.blank++;
		break;
	case ROW_REJECTED:
		return task_reject(t, &error, rec->raw);
	}
	crash_point("transform");
	return 0;
}

static int gate_rows(struct task *t)
{
	struct record rec;
	int r;

	if (task_open_rejects(t, 0) < 0)
		return -1;
	while ((r = input_next(&t->input, &rec, &t->fault)) == 1) {
		if (gate_row(t, &rec) < 0)
			return -1;
		if (t->counters.read % 4096 == 0 && task_say(t, MESSAGE_PROGRESS) < 0)
			return -1;
	}
	return r;
}

enum step step_gate(struct task *t)
{
	unsigned char raw[DIGEST_SIZE];
	uint64_t bytes = 0, length = 0;
	int fd = t->fds[MESSAGE_FD_INPUT];

	if (input_open(fd, t->version, t->job.file, NULL, &t->input, &t->fault) < 0) {
		/* even a refused file has its digest in the books */
		struct fault ignored = FAULT_INIT;

		(void)!input_digest_of(fd, t->sha256, &bytes, &ignored);
		return STEP_VERDICT;
	}
	if (row_new(t->version, t->input.format, parser_header(t->input.parser), &t->row,
		    &t->fault) == 0 &&
	    gate_rows(t) == 0 && input_digest(&t->input, t->sha256, raw, &bytes, &t->fault) == 0) {
		delivery_id(t->job.tenant, t->version->job->name, t->job.file, raw, t->delivery);
		if (bytes != t->job.bytes)
			fault_set(&t->fault, FAULT_DATA,
				  "the file has %llu bytes, it had %llu when it was claimed",
				  (unsigned long long)bytes, (unsigned long long)t->job.bytes);
	}
	if (t->rejects && t->fault.kind == FAULT_NONE)
		(void)!rejects_sync(t->rejects, &length, &t->fault);
	return STEP_VERDICT;
}

enum step step_verdict(struct task *t)
{
	const struct job *j = t->version ? t->version->job : NULL;
	struct counters *c = &t->counters;

	if (t->fault.kind == FAULT_NONE)
		(void)!verdict_rejects(c, j->rejects.max_ratio, j->rejects.max_rows, &t->fault);
	c->unsent = c->read - c->rejected - c->filtered - c->blank;
	CHECK(counters_balance(c));
	crash_point("verdict");
	if (task_say(t, MESSAGE_GATED) < 0)
		return STEP_END;
	crash_point("gated");
	return STEP_AWAIT;
}

enum step step_await(struct task *t)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct message m;
	size_t nfds = 0;
	enum step next = STEP_END;

	if (ipc_recv(t->socket, &text, NULL, &nfds, &f) == 1 &&
	    message_parse(strbuf_span(&text), &m, &f) == 0) {
		if (m.type == MESSAGE_LOAD && strcmp(m.arrival, t->job.arrival) == 0 && m.index) {
			t->index = xstrdup(m.index);
			next = STEP_SEND;
		}
		message_release(&m);
	}
	strbuf_release(&text);
	return next;
}
