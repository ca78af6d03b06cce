/*
 * leg - the task's side of its sink: is it there, and everything taken back
 *
 * Steps reach and undo.  Reach comes before the first pass, so that a sick sink costs one request and not the reading of a file, and a
 * mapping that differs is told before any row is sent.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/worker/steps.h"

#define PROBE_MS 3000
#define WINDOW_ROWS 400000 /* more than a sink ever has under way */

void task_leg(struct task *t, struct sink_leg *leg)
{
	const struct job *j = t->compiled ? t->compiled->version->job : NULL;
	bool undo = t->job.mode == MODE_UNDO;

	*leg = (struct sink_leg){
		.config = &t->job.sink,
		.tenant = t->job.tenant,
		.index = t->index,
		.delivery = t->delivery,
		.access = t->job.sink.type == SINK_SQLITE ? NULL : &t->access,
		.patience_ms = t->job.probe ? PROBE_MS : 0,
		.answer = task_answer,
		.tick = task_tick,
		.context = t,
	};
	if (undo || !j)
		return;
	leg->mapping = &j->mapping;
	leg->mappings_json = j->mappings_json;
	leg->settings_json = j->settings_json;
	leg->pipeline = j->pipeline;
}

static int resolve(struct task *t)
{
	struct sink_leg leg;
	char *concrete = NULL;

	if (t->job.index)
		t->index = xstrdup(t->job.index);
	else if (index_name_at(t->compiled->version->index_pattern, t->job.claimed_ms, &t->index, &t->fault) < 0)
		return -1;
	task_leg(t, &leg);
	if (sink_resolve(t->pool, &leg, &concrete, &t->fault) < 0)
		return -1;
	free(t->index);
	t->index = concrete;
	return 0;
}

enum step step_reach(struct task *t)
{
	bool resumed = t->job.checkpoint.next_row > 0;

	if (resolve(t) < 0)
		return resumed ? STEP_RESULT : STEP_VERDICT;
	return resumed ? STEP_RESUME : STEP_GATE;
}

/* --- undo --- */

/* The parts of a row that its filters split; its part 0 is sink_undo's. */
static int remove_parts(struct task *t, const struct record *rec)
{
	struct row_output out;

	if (row_run(t->row, rec, NULL, &out) != ROW_DOCUMENTS || out.count < 2)
		return 0;
	for (size_t i = 1; i <= out.count; i++)
		if (sink_remove(t->sink, rec->row, (unsigned)i, &t->fault) < 0)
			return -1;
	return 0;
}

/* The rows of the file, cut again; -1: it cannot be read any more. */
static int count_rows(struct task *t, uint64_t *rows)
{
	struct record rec;
	int r = t->compiled ? task_open_input(t, NULL, false) : -1;

	while (r >= 0 && (r = input_next(t->input, &rec, &t->fault)) == 1) {
		*rows = rec.row;
		r = remove_parts(t, &rec);
	}
	return r;
}

/* Ids are recomputed, nothing is searched for: every row that may have been sent has one. */
static uint64_t rows_to_undo(struct task *t)
{
	const struct checkpoint *c = &t->job.checkpoint;
	uint64_t rows = 0;
	bool whole = count_rows(t, &rows) == 0;

	/* a file that cannot be read is no reason; a sink that does not answer is one, and a key that may come back */
	if (t->fault.scope == SCOPE_FILE && t->fault.kind != FAULT_KEY)
		fault_clear(&t->fault);
	if (rows < c->counters.read)
		rows = c->counters.read;
	if (!whole && rows < c->next_row + WINDOW_ROWS)
		rows = c->next_row + WINDOW_ROWS;
	return rows;
}

enum step step_undo(struct task *t)
{
	struct sink_leg leg;
	uint64_t deleted = 0, rows = 0;

	fault_clear(&t->fault);
	memcpy(t->delivery, t->job.delivery, sizeof(t->delivery));
	memcpy(t->sha256, t->job.sha256, sizeof(t->sha256));
	t->index = xstrdup(t->job.index);
	t->last = t->job.checkpoint;
	task_leg(t, &leg);
	if (sink_open(t->pool, &leg, &t->sink, &t->fault) == 0) {
		if (sink_undo_by_rows(t->sink))
			rows = rows_to_undo(t);
		if (t->fault.kind == FAULT_NONE)
			(void)!sink_undo(t->sink, rows, &deleted, &t->fault);
	}
	crash_point("undo");
	return STEP_RESULT;
}
