/*
 * task - the step table and what the steps share; see the header
 *
 * Called by the service for each job.
 */
#include "watcher/base/base.h"
#include "watcher/worker/task.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/worker/steps.h"
#include "watcher/worker/unwrap.h"

#define PROGRESS_MS 1000
#define STALLED_MS 2000 /* without an answer of the sink: longer than a sound server takes for a bulk */

static enum step (*const steps[])(struct task *t) = {
#define STEP(id, name, function, sentence) [STEP_##id] = function,
#define PART(name, sentence)
#include "watcher/worker/steps.def"
#undef STEP
#undef PART
};

static const struct {
	const char *name;
	const char *sentence;
	bool part;
} lines[] = {
#define STEP(id, name, function, sentence) {name, sentence, false},
#define PART(name, sentence) {name, sentence, true},
#include "watcher/worker/steps.def"
#undef STEP
#undef PART
};

void steps_print(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		fprintf(out, "%s%s\t%s\n", lines[i].part ? "  " : "", lines[i].name,
			lines[i].sentence);
}

enum step task_begin(struct task *t, struct compiled_cache *cache)
{
	bool resumed = t->job.checkpoint.next_row > 0;
	enum step s = STEP_FSYNC;

	books_init(&t->books);
	cost_begin(&t->cost);
	coercions_init(&t->coercions);
	t->spoke_ms = clock_mono_ms();
	crash_point("job");
	if (message_reads_rows(&t->job) &&
	    compiled_get(cache, t->job.version, t->fds[MESSAGE_FD_VERSION], &t->compiled,
			 &t->fault) < 0)
		s = resumed ? STEP_RESULT : STEP_VERDICT;
	if (t->job.mode == MODE_PROVE)
		s = STEP_PROVE;
	if (t->job.mode == MODE_LIST)
		s = STEP_LIST;
	if (t->job.mode == MODE_UNDO)
		s = STEP_UNDO;
	return s;
}

enum step task_step(struct task *t, enum step s)
{
	return steps[s](t);
}

enum step task_run_to(struct task *t, enum step from, enum step to)
{
	while (from != to && from != STEP_END)
		from = steps[from](t);
	return from;
}

void task_run(struct task *t, struct compiled_cache *cache)
{
	(void)task_run_to(t, task_begin(t, cache), STEP_END);
}

void task_release(struct task *t)
{
	sink_close(&t->sink);
	rejects_free(&t->rejects);
	row_free(&t->row);
	input_free(&t->input);
	books_release(&t->books);
	sink_access_release(&t->access);
	strbuf_release(&t->raw);
	strbuf_release(&t->held);
	message_release(&t->job);
	free(t->index);
	free(t->run_job);
	explicit_bzero(t->file_key, sizeof(t->file_key));
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		fs_close(&t->fds[i]);
}

static void fill(const struct task *t, struct message *m)
{
	memcpy(m->arrival, t->job.arrival, sizeof(m->arrival));
	m->mode = t->job.mode;
	memcpy(m->delivery, t->delivery, sizeof(m->delivery));
	memcpy(m->sha256, t->sha256, sizeof(m->sha256));
	m->bytes = t->job.bytes;
	m->index = m->type == MESSAGE_GATED ? t->index : NULL;
	m->extent = t->extent;
	m->checkpoint = t->last;
	if (m->type != MESSAGE_CHECKPOINT)
		m->checkpoint.counters = t->counters;
	if (m->type == MESSAGE_PROGRESS && !t->gate_read)
		m->checkpoint.offset = t->gate_offset;
	m->fault = t->fault;
	m->stalled = t->stalled;
	m->reached = t->reached;
	m->has_first_error = t->has_first_error;
	m->has_stated_rows = t->has_stated_rows;
	m->stated_rows = t->stated_rows;
	m->first_error_line = t->first_error.line;
	m->cpu_us = cost_cpu_us(&t->cost);
	m->peak_rss = m->type == MESSAGE_GATED || m->type == MESSAGE_RESULT ? cost_peak_rss() : 0;
}

/* The texts are the task's: such a message is written, never released. */
static void write_message(struct task *t, enum message_type type, struct strbuf *text)
{
	struct strbuf coercions = STRBUF_INIT;
	struct message m;

	t->spoke_ms = clock_mono_ms();
	message_init(&m, type);
	fill(t, &m);
	if (t->has_first_error) {
		m.first_error_column = t->first_error.column;
		m.first_error_text = t->first_error.text;
	}
	if (type == MESSAGE_GATED) {
		coercions_add_json(&coercions, &t->coercions);
		m.coercions_json = coercions.p;
	}
	if (type == MESSAGE_LISTED) {
		m.names = t->listed;
		m.name_count = t->listed_count;
	}
	if (type == MESSAGE_RESULT)
		m.job = t->run_job;
	if (type == MESSAGE_UNWRAP) {
		memcpy(m.stanzas, t->stanzas, sizeof(m.stanzas));
		m.stanza_count = t->stanza_count;
	}
	message_write(&m, text);
	strbuf_release(&coercions);
}

static int send_text(const struct task *t, struct strbuf *text)
{
	struct fault f = FAULT_INIT;
	int r = ipc_send(t->socket, strbuf_span(text), NULL, 0, &f);

	strbuf_release(text);
	return r;
}

int task_say(struct task *t, enum message_type type)
{
	struct strbuf text = STRBUF_INIT;

	write_message(t, type, &text);
	return send_text(t, &text);
}

int task_tell_held(struct task *t)
{
	if (!t->held.n)
		return 0;
	if (send_text(t, &t->held) < 0)
		return -1;
	crash_point(t->held_point);
	return 0;
}

int task_tell(struct task *t, enum message_type type, const char *point)
{
	write_message(t, type, &t->held);
	t->held_point = point;
	return t->holds ? 0 : task_tell_held(t);
}

int task_tick(void *context, struct fault *f)
{
	struct task *t = context;

	if (clock_mono_ms() - t->spoke_ms < PROGRESS_MS || task_say(t, MESSAGE_PROGRESS) == 0)
		return 0;
	return fault_set(f, FAULT_SYSTEM, "the daemon is gone");
}

/* A daemon that is gone is noticed by the next tick. */
void task_waits(void *context, int64_t ms)
{
	struct task *t = context;
	bool stalled = ms >= STALLED_MS;

	if (stalled == t->stalled)
		return;
	t->stalled = stalled;
	(void)!task_say(t, MESSAGE_PROGRESS);
}

void task_reached(struct task *t)
{
	if (!t->job.probe)
		return;
	t->reached = true;
	(void)!task_say(t, MESSAGE_PROGRESS);
	t->reached = false;
}

int task_open_input(struct task *t, const struct parser_start *start, bool digest)
{
	struct input_options o = {
		.version = t->compiled->version,
		.file = t->job.file,
		.split_fields = row_wants_fields(t->compiled, FORMAT_CSV),
		.usual = row_usual_columns(t->compiled),
		.digest = digest,
		.start = start,
		.ticker = {task_tick, t},
		.keys = unwrap_asking(t),
	};

	row_free(&t->row);
	input_free(&t->input);
	if (input_new(t->fds[MESSAGE_FD_INPUT], &o, &t->input, &t->fault) < 0)
		return -1;
	t->row = row_new(t->compiled, input_format(t->input), input_header(t->input),
			 t->job.claimed_ms);
	return 0;
}

int task_open_rejects(struct task *t, uint64_t length)
{
	const struct parser_header *h = input_header(t->input);
	bool csv = input_format(t->input) == FORMAT_CSV;

	rejects_free(&t->rejects);
	return rejects_new(t->fds[MESSAGE_FD_REJECTS], csv ? REJECTS_CSV : REJECTS_NDJSON,
			   csv && h->present ? h->raw : SPAN_NONE, length, &t->rejects, &t->fault);
}

/* Counted, listed, and the first of the file is kept for the receipt. */
int task_reject(struct task *t, const struct row_error *e, struct span raw)
{
	t->counters.rejected++;
	if (!t->first_error_told && (!t->has_first_error || e->line < t->first_error.line)) {
		t->has_first_error = true;
		t->first_error = *e;
	}
	return rejects_put(t->rejects, e, raw, &t->fault);
}
