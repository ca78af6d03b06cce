/*
 * load - the second pass: rows into the sink, each acknowledged, checkpoints behind the acknowledged prefix
 *
 * Steps resume, load, rejects-durable, undo, result.  The rejects file and the counters of a checkpoint always speak of the same
 * prefix of rows: a checkpoint is taken only when nothing is pending, and for that the sink is flushed once a second.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/worker/steps.h"
#include <sys/stat.h>

#define CHECKPOINT_MS 1000
#define CLOCK_ROWS 64

enum step step_resume(struct task *t)
{
	struct input_ticker ticker = {task_tick, t};
	char hex[DIGEST_HEX];
	uint64_t bytes = 0;

	memcpy(t->sha256, t->job.sha256, sizeof(t->sha256));
	memcpy(t->delivery, t->job.delivery, sizeof(t->delivery));
	t->index = xstrdup(t->job.index);
	t->last = t->job.checkpoint;
	t->counters = t->last.counters;
	t->counters.unsent = 0;
	t->first_error_told = t->counters.rejected > 0;
	if (input_digest_of(t->fds[MESSAGE_FD_INPUT], &ticker, hex, &bytes, &t->fault) < 0)
		return STEP_RESULT;
	if (bytes != t->job.bytes || strcmp(hex, t->sha256) != 0) {
		fault_set(&t->fault, FAULT_DATA,
			  "the file is not the one whose rows were sent before the interruption: it has "
			  "SHA-256 %s and %llu bytes, it had %s and %llu",
			  hex, (unsigned long long)bytes, t->sha256,
			  (unsigned long long)t->job.bytes);
		return STEP_RESULT;
	}
	return STEP_LOAD;
}

/* --- answers --- */

/* The refused row's own bytes: those at hand, those kept, or read again from the file. */
static struct span raw_of(struct task *t, const struct pending_row *p)
{
	size_t got = 1;

	if (t->record && t->record->row == p->row)
		return t->record->raw;
	if (t->pending.keep)
		return pending_bytes(&t->pending, p);
	strbuf_reset(&t->raw);
	strbuf_reserve(&t->raw, p->length);
	while (t->raw.n < p->length && got > 0) {
		if (input_look(t->input, p->offset + t->raw.n, t->raw.p + t->raw.n,
			       p->length - t->raw.n, &got, &t->sink_fault) < 0)
			break;
		t->raw.n += got;
	}
	return strbuf_span(&t->raw);
}

static void reject_answered(struct task *t, const struct sink_answer *a)
{
	const struct pending_row *p = pending_find(&t->pending, a->row);
	struct row_error e = {0};
	struct span raw;

	CHECK(p != NULL);
	raw = raw_of(t, p);
	row_error_set(&e, p->line, a->column, "%.*s", SPAN_FMT(a->text));
	if (task_reject(t, &e, raw) < 0)
		t->sink_fault = t->fault;
}

static void on_answer(void *context, const struct sink_answer *a)
{
	struct task *t = context;

	switch (a->verdict) {
	case SINK_INDEXED:
		t->counters.indexed++;
		t->counters.documents++;
		return;
	case SINK_ALREADY:
		t->already++;
		t->counters.documents++;
		return;
	case SINK_REJECTED:
		reject_answered(t, a);
		return;
	}
	CHECK(!"a sink's verdict");
}

static int flush(struct task *t)
{
	if (sink_flush(t->sink, &t->fault) < 0)
		return -1;
	pending_trim(&t->pending, 0);
	if (t->sink_fault.kind == FAULT_NONE)
		return 0;
	t->fault = t->sink_fault;
	return -1;
}

/* --- books --- */

static void take_stats(struct task *t)
{
	const struct sink_stats *s = sink_stats(t->sink);
	const struct counters *before = &t->job.checkpoint.counters;

	t->counters.requests = before->requests + s->requests;
	t->counters.retries = before->retries + s->retries;
	t->counters.bytes_sent = before->bytes_sent + s->bytes_sent;
}

/* Rows found there were stored by this delivery, unless nothing at a first attempt was new: then the journal was lost. */
static void settle_already(struct task *t)
{
	if (t->job.first_attempt && !t->counters.indexed && !t->job.checkpoint.next_row)
		t->counters.duplicates += t->already;
	else
		t->counters.indexed += t->already;
	t->already = 0;
}

/* Only with nothing pending: rec is the last row that was put. */
static int take_checkpoint(struct task *t, const struct record *rec)
{
	uint64_t length = 0;

	if (rejects_sync(t->rejects, &length, &t->fault) < 0)
		return -1;
	crash_point("rejects-fsync");
	take_stats(t);
	t->last.next_row = rec->row + 1;
	t->last.offset = rec->next_offset;
	t->last.line = rec->next_line;
	t->last.rejects_length = length;
	t->last.counters = t->counters;
	/* a later attempt cannot tell who stored the rows found there: this delivery did */
	t->last.counters.indexed += t->already;
	CHECK(t->last.counters.unsent == 0 && counters_balance(&t->last.counters));
	if (task_say(t, MESSAGE_CHECKPOINT) < 0)
		return fault_set(&t->fault, FAULT_SYSTEM, "the daemon is gone");
	crash_point("checkpoint");
	t->last_ms = clock_mono_ms();
	return 0;
}

/* --- rows --- */

static int open_leg(struct task *t)
{
	struct parser_start start = {t->last.next_row, t->last.line, t->last.offset};
	const struct job *j = t->compiled->version->job;
	struct sink_leg leg = {
		.config = &t->job.sink, .tenant = t->job.tenant, .index = t->index,
		.mapping = &j->mapping, .mappings_json = j->mappings_json,
		.settings_json = j->settings_json, .delivery = t->delivery,
		.answer = on_answer, .context = t,
	};
	struct stat st;

	if (!t->last.next_row)
		memset(&t->counters, 0, sizeof(t->counters));
	if (fstat(t->fds[MESSAGE_FD_INPUT], &st) < 0)
		return fault_errno(&t->fault, FAULT_SYSTEM, "cannot look at the file");
	if ((uint64_t)st.st_size != t->job.bytes)
		return fault_set(&t->fault, FAULT_DATA, "the file has changed since its first pass");
	if (task_open_input(t, t->last.next_row ? &start : NULL, false) < 0 ||
	    task_open_rejects(t, t->last.rejects_length) < 0)
		return -1;
	t->pending.keep = input_is_layered(t->input);
	return sink_open(t->pool, &leg, &t->sink, &t->fault);
}

static int put_row(struct task *t, const struct record *rec, const struct event *ev)
{
	int r;

	pending_push(&t->pending, rec);
	t->record = rec;
	r = sink_put(t->sink, rec->row, 0, ev, &t->fault);
	t->record = NULL;
	if (r < 0)
		return -1;
	pending_trim(&t->pending, sink_oldest_pending(t->sink));
	if (t->sink_fault.kind == FAULT_NONE)
		return 0;
	t->fault = t->sink_fault;
	return -1;
}

static int load_row(struct task *t, const struct record *rec)
{
	struct row_error error = {0};
	struct event ev;

	t->counters.read++;
	switch (row_run(t->row, rec, &ev, NULL, &error)) {
	case ROW_DOCUMENT:
		return put_row(t, rec, &ev);
	case ROW_FILTERED:
		t->counters.filtered++;
		return 0;
	case ROW_BLANK:
		t->counters.blank++;
		return 0;
	case ROW_REJECTED:
		return task_reject(t, &error, rec->raw);
	}
	CHECK(!"a row result");
	return -1;
}

/* A checkpoint when one is due, else a sign of life. */
static int pause(struct task *t, const struct record *rec)
{
	if (t->counters.read % CLOCK_ROWS != 0 && sink_pending(t->sink) > 0)
		return 0;
	if (clock_mono_ms() - t->last_ms < CHECKPOINT_MS)
		return task_tick(t, &t->fault);
	if (sink_pending(t->sink) > 0 && flush(t) < 0)
		return -1;
	return take_checkpoint(t, rec);
}

static int load_rows(struct task *t)
{
	struct record rec;
	int r;

	while ((r = input_next(t->input, &rec, &t->fault)) == 1)
		if (load_row(t, &rec) < 0 || pause(t, &rec) < 0)
			return -1;
	if (r < 0 || flush(t) < 0)
		return -1;
	if (t->gate_read && t->counters.read != t->gate_read)
		return fault_set(&t->fault, FAULT_DATA,
				 "the file has %llu rows, it had %llu in its first pass",
				 (unsigned long long)t->counters.read,
				 (unsigned long long)t->gate_read);
	return 0;
}

enum step step_load(struct task *t)
{
	crash_point("load");
	t->last_ms = clock_mono_ms();
	if (open_leg(t) < 0 || load_rows(t) < 0)
		return STEP_RESULT;
	return STEP_SETTLE;
}

enum step step_settle(struct task *t)
{
	uint64_t length = 0;

	if (rejects_sync(t->rejects, &length, &t->fault) < 0)
		return STEP_RESULT;
	crash_point("rejects-durable");
	t->last.rejects_length = length;
	settle_already(t);
	CHECK(t->counters.unsent == 0 && counters_balance(&t->counters));
	return STEP_RESULT;
}

/* --- undo, result --- */

enum step step_undo(struct task *t)
{
	struct sink_leg leg = {
		.config = &t->job.sink, .tenant = t->job.tenant, .index = t->job.index,
		.delivery = t->job.delivery, .answer = on_answer, .context = t,
	};
	uint64_t deleted = 0;

	memcpy(t->delivery, t->job.delivery, sizeof(t->delivery));
	memcpy(t->sha256, t->job.sha256, sizeof(t->sha256));
	t->last = t->job.checkpoint;
	if (sink_open(t->pool, &leg, &t->sink, &t->fault) == 0)
		(void)!sink_undo(t->sink, UINT64_MAX, &deleted, &t->fault);
	crash_point("undo");
	return STEP_RESULT;
}

/* Rows whose fate is unknown were not sent, as far as the books go. */
static void settle_failed(struct task *t)
{
	struct counters *c = &t->counters;

	settle_already(t);
	c->unsent = 0;
	c->unsent = c->read - (c->indexed + c->duplicates + c->rejected + c->filtered + c->blank);
}

enum step step_result(struct task *t)
{
	if (t->sink)
		take_stats(t);
	if (t->fault.kind != FAULT_NONE)
		settle_failed(t);
	CHECK(counters_balance(&t->counters));
	if (task_say(t, MESSAGE_RESULT) == 0)
		crash_point("result");
	return STEP_END;
}
