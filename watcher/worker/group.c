/*
 * group - several small files at once; see the header
 *
 * Called by the service.  The steps are those of a file alone: here is only their order.
 */
#include "watcher/base/base.h"
#include "watcher/worker/group.h"
#include "watcher/base/ipc.h"
#include <fcntl.h>

#define GROUP_ROWS 1000
#define GROUP_DECODED (1u << 20) /* bytes */
#define GROUP_CPU_US 100000	  /* of the gate: others wait for the store's lock as long */

/* The kernel writes them all while the first one is waited for. */
static void start_writing(const struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		/* only a head start: the step fsync looks at the answer */
		(void)sync_file_range(g->tasks[i]->fds[MESSAGE_FD_INPUT], 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void let_go_of_pass(struct task *t)
{
	row_free(&t->row);
	input_free(&t->input);
	rejects_free(&t->rejects);
}

/* One step of all of them, told at once: the daemon answers what it finds in its socket in one turn. */
static void tell(struct group *g, enum step s)
{
	for (size_t i = 0; i < g->count; i++) {
		struct task *t = g->tasks[i];

		t->holds = true;
		if (g->next[i] == s)
			g->next[i] = task_step(t, s);
		t->holds = false;
	}
	for (size_t i = 0; i < g->count; i++)
		if (task_tell_held(g->tasks[i]) < 0)
			g->next[i] = STEP_END;
}

/* Nothing is told before all are read. */
static void gate_all(struct group *g, struct compiled_cache *cache)
{
	for (size_t i = 0; i < g->count; i++) {
		g->next[i] = task_begin(g->tasks[i], cache);
		if (g->next[i] == STEP_FSYNC)
			g->next[i] = task_step(g->tasks[i], STEP_FSYNC);
		cost_pause(&g->tasks[i]->cost);
	}
	for (size_t i = 0; i < g->count; i++) {
		struct task *t = g->tasks[i];

		cost_go_on(&t->cost);
		g->next[i] = task_run_to(t, g->next[i], STEP_VERDICT);
		let_go_of_pass(t);
		cost_pause(&t->cost);
	}
	tell(g, STEP_VERDICT);
}

static size_t waiting_for(const struct group *g, const char *arrival)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->next[i] == STEP_AWAIT && strcmp(g->tasks[i]->job.arrival, arrival) == 0)
			return i;
	return 0;
}

static bool anyone_waits(const struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->next[i] == STEP_AWAIT)
			return true;
	return false;
}

/* false: the daemon is gone, or speaks of none of them. */
static bool take_answer(struct group *g, struct strbuf *text)
{
	struct task *any = g->tasks[0];
	struct message m;
	size_t nfds = 0, i;
	int r = ipc_recv(any->socket, text, NULL, &nfds, &any->fault);

	if (r == 1)
		r = message_parse(strbuf_span(text), &m, &any->fault) == 0 ? 1 : -1;
	if (r < 1) {
		any->ill_formed = r < 0;
		return false;
	}
	i = waiting_for(g, m.arrival);
	g->next[i] = task_answered(g->tasks[i], &m);
	message_release(&m);
	return !g->tasks[i]->ill_formed;
}

static bool take_answers(struct group *g)
{
	struct strbuf text = STRBUF_INIT;
	bool ok = true;

	while (ok && anyone_waits(g))
		ok = take_answer(g, &text);
	strbuf_release(&text);
	return ok;
}

static bool is_light(const struct task *t)
{
	return t->gate_read <= GROUP_ROWS && t->gate_offset <= GROUP_DECODED && cost_cpu_us(&t->cost) <= GROUP_CPU_US;
}

static void load_one(struct group *g, size_t i)
{
	struct task *t = g->tasks[i];

	cost_go_on(&t->cost);
	g->next[i] = task_run_to(t, STEP_LOAD, STEP_RESULT);
	let_go_of_pass(t);
	/* the next one needs the connection */
	if (t->sink)
		t->sunk = *sink_stats(t->sink);
	sink_close(&t->sink);
	cost_pause(&t->cost);
}

/* false: one of them failed, by f. */
static bool load_light(struct group *g, struct fault *f)
{
	for (size_t i = 0; i < g->count; i++) {
		struct task *t = g->tasks[i];

		if (g->next[i] != STEP_LOAD || !is_light(t))
			continue;
		t->grouped = true;
		load_one(g, i);
		if (t->fault.kind != FAULT_NONE) {
			*f = t->fault;
			return false;
		}
	}
	return true;
}

/* Each goes its own way again.  committed: a commit that failed may have come through all the same, and what is found there is its own. */
static void ungroup(struct group *g, bool committed)
{
	for (size_t i = 0; i < g->count; i++) {
		struct task *t = g->tasks[i];

		if (!t->grouped)
			continue;
		t->grouped = false;
		t->job.first_attempt = t->job.first_attempt && !committed;
		task_unload(t);
		g->next[i] = STEP_LOAD;
	}
}

/* What it costs is all of theirs. */
static int commit(struct group *g, struct sink_pool *pool, struct fault *f)
{
	uint64_t before = cost_process_us(), n = 0;
	int r = sink_group_end(pool, f);
	uint64_t spent = cost_process_us() - before;

	for (size_t i = 0; i < g->count; i++)
		n += g->tasks[i]->grouped;
	for (size_t i = 0; i < g->count; i++)
		if (g->tasks[i]->grouped)
			cost_add(&g->tasks[i]->cost, spent / n);
	return r;
}

/* A disk that has lied once is not asked again: the daemon ends on the first of these results. */
static void all_fail(struct group *g, const struct fault *f)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->next[i] != STEP_LOAD && g->next[i] != STEP_RESULT)
			continue;
		g->tasks[i]->fault = *f;
		g->next[i] = STEP_RESULT;
	}
}

static void load_together(struct group *g)
{
	struct sink_pool *pool = g->tasks[0]->pool;
	struct fault f = FAULT_INIT;
	bool loaded;

	sink_group_begin(pool);
	loaded = load_light(g, &f);
	if (!loaded)
		sink_group_drop(pool);
	else if (commit(g, pool, &f) == 0)
		return;
	if (f.scope == SCOPE_DISK)
		all_fail(g, &f);
	else
		ungroup(g, loaded);
}

static void load_alone(struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->next[i] != STEP_LOAD)
			continue;
		load_one(g, i);
		g->next[i] = task_run_to(g->tasks[i], g->next[i], STEP_END);
	}
}

void group_run(struct group *g, struct compiled_cache *cache)
{
	start_writing(g);
	gate_all(g, cache);
	if (!take_answers(g))
		return;
	load_together(g);
	tell(g, STEP_RESULT);
	load_alone(g);
}
