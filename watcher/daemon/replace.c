/*
 * replace - the new delivery is stored, then the one before it is taken back; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/replace.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/wish.h"
#include "watcher/spool/retake.h"

#define OTHER_MS 10000 /* woken when the other ends, and looked at again then */

/* 0 found; -1, fault set: CONFIG when the journal knows it no more. */
static int find_other(struct ingestd *d, const struct delivery *other, struct file_row *row, struct fault *f)
{
	int r = journal_by_arrival(d->journal, other->arrival, row, f);

	if (r == 0)
		fault_set(f, FAULT_CONFIG,
			  "arrival %s, which it would replace, is older than the journal reaches: how many rows it has is not "
			  "known any more",
			  other->arrival);
	return r == 1 ? 0 : -1;
}

static int one_possible(struct ingestd *d, const struct delivery *other, struct fault *f)
{
	struct file_row row;
	struct tenant *t;
	int r;

	file_row_init(&row);
	r = find_other(d, other, &row, f);
	t = r == 0 ? tenants_find(d, row.tenant) : NULL;
	if (t && t->folders && row.has_folder && file_row_undo_needs_file(&row) &&
	    retake_look(t->folders, &row, f) != RETAKE_DONE) {
		fault_prefix(f, "arrival %s cannot be replaced: its filter split rows", other->arrival);
		f->kind = FAULT_CONFIG;
		r = -1;
	}
	file_row_release(&row);
	return r;
}

/* On its way into the sink, waiting on that way, or about to take another's rows away. */
static bool is_before_its_end(const struct file *x)
{
	switch (x->row.state == FILE_WAITING ? x->row.resume : x->row.state) {
	case FILE_CLAIMED:
	case FILE_IDENTIFIED:
	case FILE_GATED:
	case FILE_LOADING:
		return true;
	case FILE_INDEXED:
	case FILE_REPLACING:
		return x->row.replaces[0];
	default:
		return false;
	}
}

const struct file *replace_older(const struct ingestd *d, const struct file *x)
{
	for (size_t i = 0; i < map_len(&d->files); i++) {
		const struct file *y = map_value(&d->files, i);

		if (y->tenant == x->tenant && strcmp(y->row.arrival, x->row.arrival) < 0 && strcmp(y->row.file, x->row.file) == 0 &&
		    (!y->row.job || strcmp(y->row.job, x->row.job) == 0) && is_before_its_end(y))
			return y;
	}
	return NULL;
}

int replace_possible(struct ingestd *d, const struct file_row *r, const struct delivery *newest, struct fault *f)
{
	struct delivery other = *newest;
	int found = 1;

	while (found == 1) {
		if (one_possible(d, &other, f) < 0)
			return -1;
		found = deliveries_older(d->journal, r, &other, f);
	}
	return found;
}

static void wait_for(struct ingestd *d, struct file *x, const char *other)
{
	struct fault f = FAULT_INIT;

	fault_set(&f, FAULT_TEMPORARY, "arrival %s, which it replaces, is being taken back", other);
	file_wait_other(d, x, &f, OTHER_MS);
}

static void take_back(struct ingestd *d, struct file *x, const struct delivery *other)
{
	struct fault f = FAULT_INIT;
	struct file_row row;
	int r = 0;

	file_row_init(&row);
	if (!file_find(d, other->arrival)) {
		r = find_other(d, other, &row, &f);
		if (r == 0)
			r = wish_replaced(d, &row, x->row.arrival, &f);
	}
	file_row_release(&row);
	if (d->fatal)
		return;
	if (r == 0) {
		wait_for(d, x, other->arrival);
		return;
	}
	fault_prefix(&f, "it is stored, and what it replaces is too");
	f.kind = FAULT_SYSTEM;
	file_wait(d, x, &f, file_backoff(x->tries));
}

void step_replace(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	struct delivery other;
	int r = deliveries_same_name(d->journal, x->row.tenant, x->row.job, x->row.file, x->row.delivery, &other, &f);

	CHECK(x->row.state == FILE_INDEXED || x->row.state == FILE_REPLACING);
	if (r < 0 && journal_behind(d->journal)) {
		turn_then(d, x, step_replace);
		return;
	}
	if (r < 0) {
		ingestd_fatal(d, &f);
		return;
	}
	if (r == 0) {
		step_receipt(d, x);
		return;
	}
	if (x->row.state == FILE_INDEXED) {
		event_file(d, EV_FILE_REPLACING, x, "other=%s", other.arrival);
		file_set_state(d, x, FILE_REPLACING);
	}
	if (d->fatal)
		return;
	if (other.state == DELIVERY_LIVE)
		take_back(d, x, &other);
	else
		wait_for(d, x, other.arrival);
}
