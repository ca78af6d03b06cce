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
#define WINDOW_ROWS 400000 /* more than a sink has under way, unless nearly all rows are filtered away */
#define IDS_MOST 20000000  /* a quarter of an hour of deletes */

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
		.waits = task_waits,
		.bulk_bytes = resources_of(t->job.resources)->bulk_bytes,
		.requests = resources_of(t->job.resources)->requests,
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
	task_reached(t);
	return resumed ? STEP_RESUME : STEP_GATE;
}

/* --- undo --- */

/* The parts of a row that was split; its part 0 is sink_undo's. */
static int remove_parts(struct task *t, uint64_t row, uint64_t parts)
{
	for (uint64_t i = 1; i <= parts; i++)
		if (sink_remove(t->sink, row, (unsigned)i, &t->fault) < 0)
			return -1;
	return 0;
}

/* Are these the bytes whose rows were sent? */
static bool is_same_file(struct task *t)
{
	unsigned char raw[DIGEST_SIZE];
	char hex[DIGEST_HEX];
	uint64_t bytes = 0;

	return input_digest(t->input, hex, raw, &bytes, &t->fault) == 0 && bytes == t->job.bytes &&
	       strcmp(hex, t->sha256) == 0;
}

/* The rows of the file, cut and filtered again; false: it is not the one that was sent, or cannot be read any more. */
static bool count_rows(struct task *t, uint64_t *rows)
{
	struct row_output out;
	struct record rec;
	int r = t->compiled ? task_open_input(t, NULL, true) : -1;

	while (r >= 0 && (r = input_next(t->input, &rec, &t->fault)) == 1) {
		*rows = rec.row;
		if (row_run(t->row, &rec, NULL, &out) == ROW_DOCUMENTS && out.count > 1)
			r = remove_parts(t, rec.row, out.count);
	}
	return r == 0 && is_same_file(t);
}

/* Each row may have been the one with most parts. */
static uint64_t rows_of_extent(struct task *t)
{
	const struct extent *e = &t->job.extent;

	if (e->parts > IDS_MOST / e->rows)
		fault_set(&t->fault, FAULT_SYSTEM,
			  "its filter split rows, its bytes are not those that were sent, and %llu rows of up to %llu documents are too "
			  "many ids to try: put the file that was claimed back into work/",
			  (unsigned long long)e->rows, (unsigned long long)e->parts);
	for (uint64_t row = 1; t->fault.kind == FAULT_NONE && row <= e->rows; row++)
		(void)!remove_parts(t, row, e->parts);
	return e->rows;
}

/* An older journal: what was acknowledged, and what can have been under way. */
static uint64_t rows_of_window(struct task *t, uint64_t rows)
{
	const struct checkpoint *c = &t->job.checkpoint;
	const struct counters *n = &c->counters;

	if (n->documents != n->indexed + n->duplicates)
		fault_set(&t->fault, FAULT_SYSTEM,
			  "its filter split rows and its bytes are not those that were sent, so that the ids of the parts are not "
			  "known: put the file that was claimed back into work/");
	if (rows < n->read)
		rows = n->read;
	return rows < c->next_row + WINDOW_ROWS ? c->next_row + WINDOW_ROWS : rows;
}

/* Ids are recomputed, nothing is searched for: every row that may have been sent has one. */
static uint64_t rows_to_undo(struct task *t)
{
	const struct extent *e = &t->job.extent;
	uint64_t rows = 0;
	bool same;

	if (e->rows && e->parts <= 1)
		return e->rows;
	same = count_rows(t, &rows);
	/* a file that cannot be read is no reason; a sink that does not answer is one, and a key that may come back */
	if (t->fault.scope == SCOPE_FILE && t->fault.kind != FAULT_KEY)
		fault_clear(&t->fault);
	if (same || t->fault.kind != FAULT_NONE)
		return rows;
	return e->rows ? rows_of_extent(t) : rows_of_window(t, rows);
}

static bool is_there(struct task *t, const struct sink_leg *leg)
{
	struct fault f = FAULT_INIT;
	char *concrete = NULL;
	int r = sink_resolve(t->pool, leg, &concrete, &f);

	free(concrete);
	return r == 0;
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
	/* the others need not wait for the last of its rows */
	if (t->job.probe && is_there(t, &leg))
		task_reached(t);
	if (sink_open(t->pool, &leg, &t->sink, &t->fault) == 0) {
		if (sink_undo_by_rows(t->sink))
			rows = rows_to_undo(t);
		if (t->fault.kind == FAULT_NONE)
			(void)!sink_undo(t->sink, rows, &deleted, &t->fault);
	}
	crash_point("undo");
	return STEP_RESULT;
}
