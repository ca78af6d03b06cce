/*
 * load - the second pass: rows into the sink, each acknowledged, checkpoints behind the acknowledged prefix
 *
 * Steps resume, send, settle, undo, result.  The rejects file and the counters of a checkpoint always speak of the same prefix of
 * rows: a checkpoint is taken only when nothing is pending.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/worker/steps.h"

#define CHECKPOINT_MS 1000

enum step step_resume(struct task *t)
{
	char hex[DIGEST_HEX];
	uint64_t bytes = 0;

	memcpy(t->sha256, t->job.sha256, sizeof(t->sha256));
	memcpy(t->delivery, t->job.delivery, sizeof(t->delivery));
	t->index = t->job.index ? xstrdup(t->job.index) : NULL;
	if (input_digest_of(t->fds[MESSAGE_FD_INPUT], hex, &bytes, &t->fault) < 0)
		return STEP_RESULT;
	if (bytes != t->job.bytes || strcmp(hex, t->sha256) != 0) {
		fault_set(&t->fault, FAULT_DATA,
			  "the file is not the one whose rows were sent before the interruption "
			  "(SHA-256 %s, was %s)",
			  hex, t->sha256);
		return STEP_RESULT;
	}
	t->last = t->job.checkpoint;
	t->counters = t->last.counters;
	return STEP_SEND;
}

static struct pending_row *pending_at(struct task *t, size_t i)
{
	return &t->pending[(t->pending_head + i) & (t->pending_cap - 1)];
}

static void pending_push(struct task *t, const struct record *rec)
{
	if (t->pending_count == t->pending_cap) {
		size_t cap = t->pending_cap ? t->pending_cap * 2 : 1024;
		struct pending_row *more = xmalloc(cap * sizeof(*more));

		for (size_t i = 0; i < t->pending_count; i++)
			more[i] = *pending_at(t, i);
		free(t->pending);
		t->pending = more;
		t->pending_head = 0;
		t->pending_cap = cap;
	}
	t->pending_count++;
	*pending_at(t, t->pending_count - 1) = (struct pending_row){
		rec->row, rec->line, rec->offset, rec->next_offset, rec->next_line, rec->raw.n};
}

static void pending_trim(struct task *t)
{
	uint64_t oldest = sink_oldest_pending(t->sink);

	while (t->pending_count && (!oldest || pending_at(t, 0)->row < oldest)) {
		t->pending_head = (t->pending_head + 1) & (t->pending_cap - 1);
		t->pending_count--;
	}
}

/* The refused row's own bytes, read again from the file. */
static void reject_answered(struct task *t, const struct sink_answer *a)
{
	struct row_error e = {0};
	struct pending_row *p = NULL;
	char *raw;
	size_t got = 0;

	for (size_t i = 0; i < t->pending_count && !p; i++)
		if (pending_at(t, i)->row == a->row)
			p = pending_at(t, i);
	CHECK(p != NULL);
	row_error_set(&e, p->line, a->column, "%.*s", SPAN_FMT(a->text));
	raw = xmalloc(p->length + 1);
	if (stream_look(t->input.stream, p->offset, raw, p->length, &got, &t->sink_fault) == 0)
		(void)!task_reject(t, &e, (struct span){raw, got});
	free(raw);
}

static void on_answer(void *context, const struct sink_answer *a)
{
	struct task *t = context;

	switch (a->verdict) {
	case SINK_INDEXED:
		t->counters.indexed++;
		t->counters.documents++;
		break;
	case SINK_ALREADY:
		t->already++;
		t->counters.documents++;
		break;
	case SINK_REJECTED:
		reject_answered(t, a);
		break;
	}
}

static int open_leg(struct task *t)
{
	struct parser_start start = {t->last.next_row, t->last.line, t->last.offset};
	const struct job *j = t->version->job;
	struct sink_leg leg = {
		.config = &t->job.sink, .tenant = t->job.tenant, .index = t->index,
		.mapping = &j->mapping, .mappings_json = j->mappings_json,
		.settings_json = j->settings_json, .delivery = t->delivery,
		.answer = on_answer, .context = t,
	};

	row_free(&t->row);
	rejects_free(&t->rejects);
	input_close(&t->input);
	if (!t->last.next_row)
		memset(&t->counters, 0, sizeof(t->counters));
	if (input_open(t->fds[MESSAGE_FD_INPUT], t->version, t->job.file,
		       t->last.next_row ? &start : NULL, &t->input, &t->fault) < 0)
		return -1;
	if (task_open_rejects(t, t->last.rejects_length) < 0 ||
	    row_new(t->version, t->input.format, parser_header(t->input.parser), &t->row,
		    &t->fault) < 0)
		return -1;
	return sink_open(t->pool, &leg, &t->sink, &t->fault);
}

static void take_stats(struct task *t)
{
	const struct sink_stats *s = sink_stats(t->sink);

	t->counters.requests = t->job.checkpoint.counters.requests + s->requests;
	t->counters.retries = t->job.checkpoint.counters.retries + s->retries;
	t->counters.bytes_sent = t->job.checkpoint.counters.bytes_sent + s->bytes_sent;
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

/* Only with nothing pending: rec is the first row that is not in the sink's hands. */
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
	CHECK(counters_balance(&t->last.counters));
	if (task_say(t, MESSAGE_CHECKPOINT) < 0)
		return fault_set(&t->fault, FAULT_SYSTEM, "the daemon is gone");
	crash_point("checkpoint");
	return 0;
}

static int send_row(struct task *t, const struct record *rec)
{
	struct row_error error = {0};
	struct event ev;

	t->counters.read++;
	switch (row_run(t->row, rec, &ev, NULL, &error)) {
	case ROW_DOCUMENT:
		pending_push(t, rec);
		if (sink_put(t->sink, rec->row, 0, &ev, &t->fault) < 0)
			return -1;
		if (t->sink_fault.kind != FAULT_NONE) {
			t->fault = t->sink_fault;
			return -1;
		}
		pending_trim(t);
		return 0;
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

static int send_rows(struct task *t)
{
	int64_t last_ms = clock_mono_ms();
	struct record rec;
	int r;

	while ((r = input_next(&t->input, &rec, &t->fault)) == 1) {
		if (send_row(t, &rec) < 0)
			return -1;
		/* the batch that this row filled has been acknowledged: a prefix ends here */
		if (sink_pending(t->sink) == 0 && clock_mono_ms() - last_ms >= CHECKPOINT_MS) {
			if (take_checkpoint(t, &rec) < 0)
				return -1;
			last_ms = clock_mono_ms();
		} else if (t->counters.read % 4096 == 0 && task_say(t, MESSAGE_PROGRESS) < 0) {
			return fault_set(&t->fault, FAULT_SYSTEM, "the daemon is gone");
		}
	}
	if (r < 0)
		return -1;
	if (sink_flush(t->sink, &t->fault) < 0)
		return -1;
	pending_trim(t);
	return 0;
}

enum step step_send(struct task *t)
{
	crash_point("load");
	if (open_leg(t) < 0 || send_rows(t) < 0)
		return STEP_RESULT;
	return STEP_SETTLE;
}

enum step step_settle(struct task *t)
{
	uint64_t length = 0;

	if (rejects_sync(t->rejects, &length, &t->fault) < 0)
		return STEP_RESULT;
	crash_point("rejects-durable");
	take_stats(t);
	settle_already(t);
	t->last.rejects_length = length;
	CHECK(t->counters.unsent == 0 && counters_balance(&t->counters));
	return STEP_RESULT;
}

enum step step_undo(struct task *t)
{
	struct sink_leg leg = {
		.config = &t->job.sink, .tenant = t->job.tenant, .index = t->job.index,
		.delivery = t->job.delivery, .answer = on_answer, .context = t,
	};
	uint64_t deleted = 0;

	memcpy(t->delivery, t->job.delivery, sizeof(t->delivery));
	memcpy(t->sha256, t->job.sha256, sizeof(t->sha256));
	if (sink_open(t->pool, &leg, &t->sink, &t->fault) == 0)
		(void)!sink_undo(t->sink, UINT64_MAX, &deleted, &t->fault);
	crash_point("undo");
	return STEP_RESULT;
}

enum step step_result(struct task *t)
{
	if (task_say(t, MESSAGE_RESULT) == 0)
		crash_point("result");
	return STEP_END;
}
