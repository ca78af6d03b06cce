/*
 * gate - what becomes of a file that was read once; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/gate.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/replace.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/deliveries.h"

#define OTHER_MS 10000 /* another arrival is loading: woken when that ends, and looked at again then */

/* The worker is told that this file ends here. */
static void drop_worker(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	struct task *t = x->task;
	struct message m;

	x->task = NULL;
	x->row.running = false;
	message_init(&m, MESSAGE_DROP);
	memcpy(m.arrival, x->row.arrival, sizeof(m.arrival));
	/* a worker that takes no messages is dying; the file is ours again all the same */
	if (schedule_tell(d->schedule, t, &m, &f) < 0)
		schedule_remove(d->schedule, t);
	message_release(&m);
}

static void wait_for_other(struct ingestd *d, struct file *x, const char *other)
{
	struct fault f = FAULT_INIT;

	fault_set(&f, FAULT_TEMPORARY, "arrival %s of the same name goes first", other);
	drop_worker(d, x);
	file_wait_other(d, x, &f, OTHER_MS);
}

/* It is gone since the pass began: whether this name may be loaded again is its job's to say. */
static void wait_for_profile(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	fault_set(&f, FAULT_CONFIG, "the tenant has no profile in force");
	drop_worker(d, x);
	file_wait(d, x, &f, 0);
}

enum gate_way {
	GATE_LOAD,
	GATE_ENDED, /* the file has gone another way */
};

/* The journal cannot answer: nothing can be decided. */
static enum gate_way no_answer(struct ingestd *d, struct file *x, const struct fault *f)
{
	if (journal_behind(d->journal)) {
		turn_then(d, x, step_gate); /* when it can */
		return GATE_ENDED;
	}
	ingestd_fatal(d, f);
	return GATE_ENDED;
}

/* What the gate counted is of no file that is delivered: a duplicate's books are empty, as its rows were sent to nobody. */
static void drop_finding(struct file_row *r)
{
	memset(&r->leg.checkpoint.counters, 0, sizeof(r->leg.checkpoint.counters));
	r->leg.state = LEG_GATED;
	r->has_first_error = false;
	r->error_line = 0;
	file_row_set(&r->error_column, NULL);
	file_row_set(&r->error_text, NULL);
	file_row_set(&r->coercions_json, NULL);
}

/* An older version of its name is on its way, and goes first. */
static bool waits_for_older(struct ingestd *d, struct file *x)
{
	const struct profile *p = x->tenant->profile;
	const struct job *j = p ? profile_job(p, x->row.job) : NULL;
	const struct file *older = NULL;

	if (j && j->same_name == SAME_NAME_REPLACE && !x->row.released)
		older = replace_older(d, x);
	if (older)
		wait_for_other(d, x, older->row.arrival);
	return older != NULL;
}

static enum gate_way check_delivery(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	struct delivery other;
	int r;

	if (!x->row.delivery[0])
		return GATE_LOAD;
	r = deliveries_find(d->journal, x->row.delivery, &other, &f);
	if (r < 0)
		return no_answer(d, x, &f);
	if (r == 0 || strcmp(other.arrival, x->row.arrival) == 0)
		return GATE_LOAD;
	switch (other.state) {
	case DELIVERY_LIVE:
		/* that one takes these rows away */
		if (waits_for_older(d, x))
			return GATE_ENDED;
		drop_worker(d, x);
		memcpy(x->row.duplicate_of, other.arrival, sizeof(x->row.duplicate_of));
		drop_finding(&x->row);
		ending_begin(d, x, OUTCOME_DUPLICATE, NULL);
		return GATE_ENDED;
	case DELIVERY_LOADING:
		wait_for_other(d, x, other.arrival);
		return GATE_ENDED;
	case DELIVERY_UNDONE:
		break;
	}
	return GATE_LOAD;
}

static enum gate_way check_name(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	const struct job *j;
	struct delivery other;
	int r;

	if (!x->tenant->profile) {
		wait_for_profile(d, x);
		return GATE_ENDED;
	}
	j = profile_job(x->tenant->profile, x->row.job);
	if (x->row.released || (j && j->same_name == SAME_NAME_ADD))
		return GATE_LOAD;
	if (waits_for_older(d, x))
		return GATE_ENDED;
	r = deliveries_same_name(d->journal, x->row.tenant, x->row.job, x->row.file, x->row.delivery, &other,
				 &f);
	if (r < 0)
		return no_answer(d, x, &f);
	if (r == 0 || other.state == DELIVERY_UNDONE)
		return GATE_LOAD;
	if (other.state == DELIVERY_LOADING) {
		wait_for_other(d, x, other.arrival);
		return GATE_ENDED;
	}
	if (j && j->same_name == SAME_NAME_REPLACE && replace_possible(d, &x->row, &other, &f) == 0) {
		memcpy(x->row.replaces, other.arrival, sizeof(x->row.replaces));
		return GATE_LOAD;
	}
	drop_worker(d, x);
	if (f.kind == FAULT_NONE)
		fault_set(&f, FAULT_CONFIG,
			  "a file of this name with other bytes was delivered before (arrival %s); set \"same_name\": "
			  "\"add\" or \"replace\" in job %s, release this one to load it beside the first, or send it "
			  "under another name",
			  other.arrival, x->row.job);
	file_fault(d, x, &f);
	return GATE_ENDED;
}

static enum gate_way check_finding(struct ingestd *d, struct file *x)
{
	struct fault f = x->finding;

	if (f.kind == FAULT_NONE && !counters_balance(&x->row.leg.checkpoint.counters))
		fault_set(&f, FAULT_SYSTEM, "the worker's books do not balance");
	if (f.kind == FAULT_NONE && proof_rows(d, x, &f) == 0)
		return GATE_LOAD;
	drop_worker(d, x);
	if (f.scope != SCOPE_FILE)
		circuits_fault(d, x, &f);
	else if (x->row.leg.sent)
		ending_after_send(d, x, &f);
	else
		file_fault(d, x, &f);
	return GATE_ENDED;
}

/*
 * Before the others of its run are proven: its rows were counted, and that is all.  What else was found the pass finds again that is to
 * load it.
 */
static void end_counting(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT, rows = FAULT_INIT, found = x->finding;
	bool differs = found.kind == FAULT_NONE && proof_rows(d, x, &rows) < 0;

	drop_worker(d, x);
	drop_finding(&x->row);
	x->row.leg.state = LEG_NONE;
	x->row.delivery[0] = '\0';
	if (starts_refused(x->start, &f)) {
		file_fault(d, x, &f);
	} else if (differs) {
		CHECK(starts_unproven(d, x, &rows));
	} else if (found.kind != FAULT_NONE && found.scope != SCOPE_FILE) {
		circuits_fault(d, x, &found);
	} else if (found.kind != FAULT_NONE && outcome_of(&found) == OUTCOME_WAITING) {
		file_fault(d, x, &found);
	} else {
		x->rows_proven = true;
		if (!starts_holds(d, x))
			file_queue(d, x);
	}
}

static enum gate_way pin_index(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	char *name = NULL;

	if (index_name_at(x->index_pattern, x->row.times.claimed, &name, &f) < 0) {
		drop_worker(d, x);
		file_fault(d, x, &f);
		return GATE_ENDED;
	}
	/* what the sink made of the name: an alias means its write index */
	if (x->concrete && index_name_valid(x->concrete, &f)) {
		free(name);
		name = xstrdup(x->concrete);
	}
	free(x->row.leg.index);
	x->row.leg.index = name;
	return GATE_LOAD;
}

static void say_gated(struct ingestd *d, struct file *x)
{
	const struct counters *c = &x->row.leg.checkpoint.counters;

	event_file(d, EV_FILE_GATED, x, "rows=%llu rejected=%llu", (unsigned long long)c->read,
		   (unsigned long long)c->rejected);
}

/* CLAIMED, IDENTIFIED or GATED (a gate pass made again) to LOADING; one transaction. */
static void write_states(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	if (x->row.state == FILE_CLAIMED) {
		x->row.leg.state = LEG_GATED;
		journal_pass_state(d->journal, &x->row, FILE_IDENTIFIED);
	}
	if (x->row.state == FILE_IDENTIFIED)
		journal_pass_state(d->journal, &x->row, FILE_GATED);
	if (x->row.state == FILE_GATED) {
		say_gated(d, x);
		x->row.leg.state = LEG_LOADING;
		x->row.leg.sent = true;
		file_set_state(d, x, FILE_LOADING);
		if (deliveries_put(d->journal, &x->row, DELIVERY_LOADING, clock_now_ms(), &f) < 0)
			ingestd_fatal(d, &f);
	}
}

void step_gate(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	CHECK(x->task && x->row.state != FILE_WAITING);
	if (starts_before_barrier(x) || (x->row.state == FILE_CLAIMED && starts_refused(x->start, &f))) {
		end_counting(d, x);
		return;
	}
	/* rows were sent before: the delivery is this one's, under its pinned index */
	if (x->row.state == FILE_LOADING) {
		if (check_finding(d, x) == GATE_LOAD)
			turn_then(d, x, step_load);
		return;
	}
	if (check_delivery(d, x) == GATE_ENDED || check_finding(d, x) == GATE_ENDED ||
	    check_name(d, x) == GATE_ENDED)
		return;
	if (x->row.state == FILE_CLAIMED && pin_index(d, x) == GATE_ENDED)
		return;
	if (!x->synced) {
		fault_set(&f, FAULT_SYSTEM, "the folders of its claim cannot be made durable");
		drop_worker(d, x);
		file_fault(d, x, &f);
		return;
	}
	x->missed = 0;
	write_states(d, x);
	if (!d->fatal)
		turn_then(d, x, step_load);
}

void step_load(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	struct message m;

	CHECK(x->task && x->row.state == FILE_LOADING);
	message_init(&m, MESSAGE_LOAD);
	memcpy(m.arrival, x->row.arrival, sizeof(m.arrival));
	m.index = xstrdup(x->row.leg.index);
	/* -1: the worker is dying, passes' lost() follows */
	if (schedule_tell(d->schedule, x->task, &m, &f) < 0)
		event_text(d, EV_WORKER_SAID, "text", f.text);
	message_release(&m);
}
