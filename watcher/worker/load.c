/*
 * load - the second pass: rows into the sink, each acknowledged, checkpoints behind the acknowledged prefix
 *
 * Steps resume, load, rejects-durable, result.  The rejects file, the counters and the position of a checkpoint always speak of the
 * same prefix of rows: they move with the oldest rows as these are settled (books.h), while later ones are under way.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/worker/steps.h"
#include <sys/stat.h>

#define CHECKPOINT_MS 1000
#define STALE_MS 5000
#define CLOCK_ROWS 64

enum step step_resume(struct task *t)
{
	struct input_ticker ticker = {task_tick, t};
	char hex[DIGEST_HEX];
	uint64_t bytes = 0;

	memcpy(t->sha256, t->job.sha256, sizeof(t->sha256));
	memcpy(t->delivery, t->job.delivery, sizeof(t->delivery));
	free(t->index);
	t->index = xstrdup(t->job.index);
	t->last = t->job.checkpoint;
	t->counters = t->last.counters;
	t->counters.unsent = 0;
	t->first_error_told = t->counters.rejected > 0;
	if (input_digest_of(t->fds[MESSAGE_FD_INPUT], &ticker, hex, &bytes, &t->fault) < 0)
		return STEP_RESULT;
	if (bytes != t->job.bytes || strcmp(hex, t->sha256) != 0) {
		fault_set_altered(&t->fault,
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
static struct span raw_of(struct task *t, const struct books_row *p)
{
	size_t got = 1;

	if (t->record && t->record->row == p->row)
		return t->record->raw;
	if (t->books.keep)
		return books_bytes(&t->books, p);
	strbuf_reset(&t->raw);
	strbuf_reserve(&t->raw, p->length);
	while (t->raw.n < p->length && got > 0) {
		if (input_look(t->input, books_offset(p) + t->raw.n, t->raw.p + t->raw.n,
			       p->length - t->raw.n, &got, &t->sink_fault) < 0)
			break;
		t->raw.n += got;
	}
	return strbuf_span(&t->raw);
}

void task_answer(void *context, const struct sink_answer *a)
{
	struct task *t = context;
	const struct books_row *p;
	struct row_error e = {0};

	switch (a->verdict) {
	case SINK_INDEXED:
		books_answer(&t->books, a->row, false);
		return;
	case SINK_ALREADY:
		books_answer(&t->books, a->row, true);
		return;
	case SINK_REJECTED:
		p = books_find(&t->books, a->row);
		row_error_set(&e, books_line(p), a->column, "%.*s", SPAN_FMT(a->text));
		books_refuse(&t->books, a->row, &e, raw_of(t, p));
		return;
	}
	CHECK(!"a sink's verdict");
}

/* --- books --- */

static void take_stats(struct task *t)
{
	const struct sink_stats *s = t->sink ? sink_stats(t->sink) : &t->sunk;
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

/* Of a row that is refused and of which documents are there: all of them go before it is listed. */
static int remove_siblings(struct task *t, const struct books_row *r)
{
	for (uint32_t part = 1; part <= r->documents; part++)
		if (sink_remove(t->sink, r->row, part, &t->fault) < 0)
			return -1;
	return sink_flush(t->sink, &t->fault);
}

static int settle_rejected(struct task *t, const struct books_row *r)
{
	struct span raw = {r->reject->raw, r->reject->n};

	if (r->what == BOOKS_DOCUMENT && r->documents > 1 && remove_siblings(t, r) < 0)
		return -1;
	return task_reject(t, &r->reject->error, raw);
}

static int settle_row(struct task *t, const struct books_row *r)
{
	t->counters.read += books_count(r);
	if (r->reject)
		return settle_rejected(t, r);
	switch ((enum books_what)r->what) {
	case BOOKS_DOCUMENT:
		t->counters.documents += r->documents;
		if (r->already)
			t->already++;
		else
			t->counters.indexed++;
		return 0;
	case BOOKS_BLANK:
		t->counters.blank += books_count(r);
		return 0;
	case BOOKS_FILTERED:
		t->counters.filtered += books_count(r);
		return 0;
	case BOOKS_REJECTED:
		break;
	}
	CHECK(!"a settled row");
	return -1;
}

/* The prefix moves on over every row that is settled. */
static int settle_rows(struct task *t)
{
	struct books_row r;
	bool moved = false;
	int result = 0;

	while (result == 0 && books_pop(&t->books, &r)) {
		result = settle_row(t, &r);
		free(r.reject);
		t->prefix.next_row = r.row + books_count(&r);
		t->prefix.offset = r.next_offset;
		t->prefix.line = r.next_line;
		moved = true;
	}
	if (moved)
		t->prefix_ms = clock_mono_ms();
	if (result == 0 && t->sink_fault.kind != FAULT_NONE) {
		t->fault = t->sink_fault;
		result = -1;
	}
	return result;
}

static int flush(struct task *t)
{
	if (sink_flush(t->sink, &t->fault) < 0 || settle_rows(t) < 0)
		return -1;
	CHECK(t->books.count == 0);
	return 0;
}

/* Behind the acknowledged prefix; what comes after it is under way. */
static int take_checkpoint(struct task *t)
{
	uint64_t length = 0;

	if (rejects_sync(t->rejects, &length, &t->fault) < 0)
		return -1;
	crash_point("rejects-fsync");
	take_stats(t);
	t->last = t->prefix;
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
	struct sink_leg leg;
	struct stat st;

	if (!t->last.next_row)
		memset(&t->counters, 0, sizeof(t->counters));
	if (fstat(t->fds[MESSAGE_FD_INPUT], &st) < 0)
		return fault_errno(&t->fault, FAULT_SYSTEM, "cannot look at the file");
	if ((uint64_t)st.st_size != t->job.bytes)
		return fault_set_altered(&t->fault, "the file has changed since its first pass");
	if (task_open_input(t, t->last.next_row && !row_remembers(t->compiled) ? &start : NULL, false) < 0 ||
	    task_open_rejects(t, t->last.rejects_length) < 0)
		return -1;
	t->books.keep = input_is_layered(t->input);
	row_set_origin(t->row, t->job.file, t->delivery);
	task_leg(t, &leg);
	return sink_open(t->pool, &leg, &t->sink, &t->fault);
}

/* One document is part 0, those of a row that was split are parts 1, 2, ... */
static int put_row(struct task *t, const struct record *rec, const struct row_output *out)
{
	int r = 0;

	books_document(&t->books, rec, (uint32_t)out->count);
	t->record = rec;
	for (size_t i = 0; i < out->count && r == 0; i++) {
		row_add_origin(t->row, out->events[i], rec);
		r = sink_put(t->sink, rec->row, out->count > 1 ? (unsigned)i + 1 : 0, out->events[i],
			     &t->fault);
	}
	t->record = NULL;
	return r;
}

static int put_text(struct task *t, const struct record *rec)
{
	row_add_straight(t->row, rec, sink_text(t->sink, rec->row));
	return sink_text_put(t->sink, &t->fault);
}

static int put_values(struct task *t, const struct record *rec, const struct span *names, size_t count)
{
	struct sink_values v = {names, row_straight_values(t->row, rec, count), count};

	return sink_put_values(t->sink, rec->row, &v, &t->fault);
}

/* As a text or as values, whichever the sink takes, when the record is straight.  1: it was put; 0: it goes by an event. */
static int put_straight(struct task *t, const struct record *rec)
{
	bool text = sink_takes_text(t->sink);
	size_t count = 0;
	const struct span *names = text ? NULL : row_straight_names(t->row, rec, &count);
	int r;

	if (!text && (!names || !sink_takes_values(t->sink, names, count)))
		return 0;
	if (!row_is_straight(t->row, rec))
		return 0;
	books_document(&t->books, rec, 1);
	t->record = rec;
	r = text ? put_text(t, rec) : put_values(t, rec, names, count);
	t->record = NULL;
	return r < 0 ? -1 : 1;
}

static int load_row(struct task *t, const struct record *rec)
{
	struct row_output out;
	enum row_result result;
	int r = rec->row >= t->last.next_row ? put_straight(t, rec) : 0;

	if (r != 0)
		return r < 0 ? -1 : 0;
	result = row_run(t->row, rec, NULL, &out);
	/* settled before the interruption: read again for what its filters remember of it */
	if (rec->row < t->last.next_row)
		return 0;
	switch (result) {
	case ROW_DOCUMENTS:
		return put_row(t, rec, &out);
	case ROW_FILTERED:
		books_skip(&t->books, rec, BOOKS_FILTERED);
		return 0;
	case ROW_BLANK:
		books_skip(&t->books, rec, BOOKS_BLANK);
		return 0;
	case ROW_REJECTED:
		books_reject(&t->books, rec, &out.error);
		return 0;
	}
	CHECK(!"a row result");
	return -1;
}

/* A checkpoint when one is due, else a sign of life. */
static int pause(struct task *t, const struct record *rec)
{
	int64_t now;

	if (books_heavy(&t->books) && flush(t) < 0)
		return -1;
	if (rec->row % CLOCK_ROWS != 0 && sink_pending(t->sink) > 0)
		return 0;
	if (t->grouped)
		return task_tick(t, &t->fault);
	now = clock_mono_ms();
	/* rows come slowly: what the sink holds must not wait for a full batch; where its answers do, that would be many small ones */
	if (sink_pending(t->sink) > 0 &&
	    (sink_tend(t->sink, now - t->prefix_ms >= STALE_MS, &t->fault) < 0 || settle_rows(t) < 0))
		return -1;
	if (now - t->last_ms < CHECKPOINT_MS || t->prefix.next_row == t->last.next_row)
		return task_tick(t, &t->fault);
	return take_checkpoint(t);
}

static int load_rows(struct task *t)
{
	struct record rec;
	int r;

	while ((r = input_next(t->input, &rec, &t->fault)) == 1)
		if (load_row(t, &rec) < 0 || settle_rows(t) < 0 || pause(t, &rec) < 0)
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
	t->last_ms = t->prefix_ms = clock_mono_ms();
	t->prefix = t->last;
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

void task_unload(struct task *t)
{
	sink_close(&t->sink);
	books_release(&t->books);
	books_init(&t->books);
	memset(&t->sunk, 0, sizeof(t->sunk));
	memset(&t->last, 0, sizeof(t->last));
	t->already = 0;
	fault_clear(&t->fault);
	fault_clear(&t->sink_fault);
}

/* --- result --- */

/* Rows whose fate is unknown were not sent, as far as the books go. */
static void settle_failed(struct task *t)
{
	struct counters *c = &t->counters;

	settle_already(t);
	if (c->read < t->gate_read)
		c->read = t->gate_read;
	c->unsent = 0;
	c->unsent = c->read - (c->indexed + c->duplicates + c->rejected + c->filtered + c->blank);
}

enum step step_result(struct task *t)
{
	take_stats(t);
	if (t->fault.kind != FAULT_NONE)
		settle_failed(t);
	CHECK(counters_balance(&t->counters));
	(void)!task_tell(t, MESSAGE_RESULT, "result");
	return STEP_END;
}
