/*
 * wish - undo, retry, release, rerun; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/wish.h"
#include "watcher/arrival/names.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/quota.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/model/keyring.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/retake.h"

#define AT_WISH "taken back at the operator's wish"

static const struct {
	const char *name;
	const char *sentence;
} wishes[] = {
	[WISH_UNDO] = {"undo", "Its rows are being taken back; then it is in failed/ as undone."},
	[WISH_RETRY] = {"retry", "It is tried again, under the job as it is now."},
	[WISH_RELEASE] = {"release", "It is let through and loaded, under the job as it is now."},
	[WISH_RERUN] = {"rerun", "Its rows are being taken back, then it is loaded under the job as it is now."},
};

const char *wish_name(enum wish w)
{
	CHECK((size_t)w < ARRAY_LEN(wishes));
	return wishes[w].name;
}

const char *wish_sentence(enum wish w)
{
	CHECK((size_t)w < ARRAY_LEN(wishes));
	return wishes[w].sentence;
}

static bool rows_stored(const struct file_row *r)
{
	return r->leg.state == LEG_INDEXED;
}

static void put_delivery(struct ingestd *d, const struct file *x, enum delivery_state state)
{
	struct fault f = FAULT_INIT;

	if (!d->fatal && deliveries_put(d->journal, &x->row, state, clock_now_ms(), &f) < 0)
		ingestd_fatal(d, &f);
}

/* --- back into work/ --- */

static int file_there(const struct tenant *t, const struct file_row *r, enum after_undo after,
		      struct fault *f)
{
	enum retake_result there = retake_look(t->folders, r, f);

	if (there == RETAKE_MISSING && after == AFTER_UNDO_PLACE && !file_row_undo_needs_file(r)) {
		fault_clear(f);
		return 0;
	}
	if (there == RETAKE_MISSING)
		fault_prefix(f, "%s", after == AFTER_UNDO_LOAD ? "it cannot be loaded without its file" :
				      "its filter split rows: without the file their ids are not known");
	return there == RETAKE_DONE ? 0 : -1;
}

static int retake(struct ingestd *d, struct file_row *r, enum after_undo after, struct fault *f)
{
	struct tenant *t = tenants_find(d, r->tenant);
	struct file *x;

	if (!t || !t->folders)
		return fault_set(f, FAULT_CONFIG, "tenant %s has no folders: it is no tenant any more", r->tenant);
	if (file_there(t, r, after, f) < 0)
		return -1;
	if (r->quota_held)
		quota_left(t);
	r->after_undo = after;
	x = file_add(d, r);
	file_set_state(d, x, FILE_RETAKING);
	if (rows_stored(&x->row))
		put_delivery(d, x, DELIVERY_LOADING);
	event_file(d, EV_FILE_RETAKEN, x, "from=%s", folder_name(x->row.folder));
	if (!d->fatal)
		turn_then(d, x, step_retake);
	return 0;
}

/* It stays what it was: without its file there is nothing that could be done. */
static void stay(struct ingestd *d, struct file *x, const struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "reason", span_of(f->text));
	event_file(d, EV_FILE_MISSING, x, "state=RETAKING %s", sb.p);
	strbuf_release(&sb);
	x->row.replaced_by[0] = '\0';
	if (rows_stored(&x->row))
		put_delivery(d, x, DELIVERY_LIVE);
	file_set_state(d, x, FILE_PLACING);
	if (!d->fatal)
		turn_then(d, x, step_move);
}

static void set_undone(struct file *x)
{
	char *reason = x->row.replaced_by[0] ? xasprintf("replaced by arrival %s", x->row.replaced_by) :
					       xstrdup(AT_WISH);

	x->row.has_outcome = true;
	x->row.outcome = OUTCOME_UNDONE;
	x->row.fault = FAULT_NONE;
	file_row_set(&x->row.reason, reason);
	free(reason);
}

static void undo(struct ingestd *d, struct file *x)
{
	if (x->row.after_undo == AFTER_UNDO_PLACE)
		set_undone(x);
	x->row.leg.state = LEG_UNDOING;
	file_set_state(d, x, FILE_UNDOING);
	event_file(d, EV_FILE_UNDOING, x, "then=%s",
		   x->row.after_undo == AFTER_UNDO_LOAD ? "load" : outcome_name(x->row.outcome));
	if (!d->fatal)
		file_queue(d, x);
}

static void taken(struct ingestd *d, struct file *x)
{
	/* the names are free again */
	x->row.has_folder = false;
	file_row_set(&x->row.target, NULL);
	file_row_set(&x->row.rejects, NULL);
	x->row.times.removed = 0; /* what is placed now is retention's anew */
	x->synced = true;
	if (rows_stored(&x->row)) {
		undo(d, x);
		return;
	}
	file_row_renew(&x->row);
	file_set_state(d, x, FILE_CLAIMED);
	if (!d->fatal)
		turn_then(d, x, step_route);
}

void step_retake(struct ingestd *d, struct file *x)
{
	const struct folders *t = x->tenant->folders;
	struct fault f = FAULT_INIT, why;
	enum retake_result r;

	CHECK(x->row.state == FILE_RETAKING);
	r = retake_move(t, &x->row, &f);
	if (r == RETAKE_MISSING) {
		why = f;
		if (file_there(x->tenant, &x->row, x->row.after_undo, &f) < 0) {
			stay(d, x, &why);
			return;
		}
		r = retake_sides(t, &x->row, &f) < 0 ? RETAKE_FAILED : RETAKE_DONE;
	}
	if (r == RETAKE_DONE)
		taken(d, x);
	else if (!turn_ok(d, -1, &f) && !d->fatal)
		file_wait(d, x, &f, file_backoff(x->tries));
}

/* --- a file that waits --- */

static bool version_differs(struct ingestd *d, const struct file *x)
{
	struct job *j = x->tenant->profile && x->row.job ? profile_job(x->tenant->profile, x->row.job) : NULL;
	char now[VERSION_HASH];
	struct fault f = FAULT_INIT;

	return j && tenants_version(d, x->tenant, j, now, &f) == 0 && strcmp(now, x->row.version) != 0;
}

static void give_up(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	fault_set(&f, FAULT_CONFIG, "given up at the operator's wish before a row of it was stored");
	f.kind = FAULT_NONE;
	if (!d->fatal)
		ending_begin(d, x, OUTCOME_UNDONE, &f);
}

static void give_up_waiting(struct ingestd *d, struct file *x)
{
	file_unwait(x);
	file_set_state(d, x, x->row.resume);
	give_up(d, x);
}

/*
 * It is stored, and what it is to replace cannot be taken back (its file is gone, and its filter split rows): only a person can say which
 * of the two is to stay.
 */
static bool replaces_in_vain(struct ingestd *d, const struct file *x)
{
	struct delivery other;
	struct fault f = FAULT_INIT;

	return x->row.resume == FILE_REPLACING &&
	       deliveries_same_name(d->journal, x->row.tenant, x->row.job, x->row.file, x->row.delivery, &other, &f) == 1 &&
	       other.state == DELIVERY_LIVE;
}

static void undo_waiting(struct ingestd *d, struct file *x, enum after_undo after)
{
	file_unwait(x);
	if (x->row.resume == FILE_REPLACING)
		x->row.replaces[0] = '\0';
	x->row.after_undo = after;
	x->tries = x->missed = 0;
	undo(d, x);
}

/* Which wish a file that waits at this state cannot be granted, and why. */
static int check_waiting(enum wish w, const struct file *x, bool begun, struct fault *f)
{
	const char *reason = x->waits_for ? x->waits_for : "no reason";
	enum file_state at = x->row.resume;

	if (w == WISH_RELEASE)
		return fault_set(f, FAULT_CONFIG, "it is not held, it waits: %s; retry tries it at once", reason);
	if (w == WISH_RERUN && at == FILE_UNDOING && x->row.after_undo == AFTER_UNDO_PLACE)
		return fault_set(f, FAULT_CONFIG, "its rows are being taken back already and that waits: %s; ask again when it is done",
				 reason);
	if (w != WISH_RETRY && !begun && at != FILE_CLAIMED && at != FILE_IDENTIFIED && at != FILE_GATED)
		return fault_set(f, FAULT_CONFIG, "it is on its way to its folder and waits: %s; its end comes first", reason);
	return 0;
}

static int wish_of_waiting(struct ingestd *d, enum wish w, struct file *x, struct fault *f)
{
	enum file_state at = x->row.resume;
	bool vain = replaces_in_vain(d, x), begun = at == FILE_LOADING || at == FILE_UNDOING || vain;

	if (check_waiting(w, x, begun, f) < 0)
		return -1;
	if (w == WISH_UNDO && begun)
		undo_waiting(d, x, AFTER_UNDO_PLACE);
	else if (w == WISH_UNDO)
		give_up_waiting(d, x);
	else if ((w == WISH_RERUN && (vain || at == FILE_LOADING)) ||
		 (w == WISH_RETRY && at == FILE_LOADING && version_differs(d, x)))
		undo_waiting(d, x, AFTER_UNDO_LOAD);
	else
		file_wake(d, x);
	return 0;
}

/* --- a file that is being tried --- */

/* Where it is, as kill -9 would: what it sent is what its ids say. */
static void stop_trying(struct ingestd *d, struct file *x)
{
	turn_cancel(d, x);
	circuits_left(d, x);
	starts_leave_barrier(x); /* its run would let it go with the others */
	if (x->task)
		schedule_remove(d->schedule, x->task);
	x->task = NULL;
	x->parked = x->row.running = false;
	x->tries = x->missed = 0;
}

static int wish_of_undoing(struct ingestd *d, enum wish w, struct file *x, struct fault *f)
{
	bool undone = x->row.after_undo == AFTER_UNDO_PLACE;

	/* asked for twice */
	if (w == WISH_UNDO && undone && x->row.outcome == OUTCOME_UNDONE)
		return 0;
	if (w != WISH_UNDO || undone || x->row.leg.state != LEG_UNDOING)
		return fault_set(f, FAULT_CONFIG, "its rows are being taken back already; ask again when that is done");
	x->row.after_undo = AFTER_UNDO_PLACE;
	set_undone(x);
	file_save(d, x);
	return 0;
}

static int wish_of_running(struct ingestd *d, enum wish w, struct file *x, struct fault *f)
{
	bool begun = x->row.state == FILE_LOADING;

	if (x->row.state == FILE_UNDOING)
		return wish_of_undoing(d, w, x, f);
	if (x->row.has_outcome ||
	    (!begun && x->row.state != FILE_CLAIMED && x->row.state != FILE_IDENTIFIED && x->row.state != FILE_GATED))
		return fault_set(f, FAULT_TEMPORARY, "it is on its way to its folder; ask again in a moment");
	if (w == WISH_RELEASE)
		return fault_set(f, FAULT_CONFIG, "it is not held, it is being loaded (%s)", file_row_record_state(&x->row));
	if (w == WISH_RETRY)
		return fault_set(f, FAULT_CONFIG, "it is %s: there is nothing to try again; undo stops it, rerun begins it anew",
				 file_row_record_state(&x->row));
	stop_trying(d, x);
	if (begun) {
		x->row.after_undo = w == WISH_UNDO ? AFTER_UNDO_PLACE : AFTER_UNDO_LOAD;
		undo(d, x);
	} else if (w == WISH_UNDO) {
		give_up(d, x);
	} else {
		file_resume(d, x);
	}
	return 0;
}

/* --- a file that came to its end --- */

static int is_duplicate(struct ingestd *d, enum wish w, struct file_row *r, struct fault *f)
{
	struct delivery other = {.state = DELIVERY_UNDONE};

	if (deliveries_find(d->journal, r->delivery, &other, f) < 0)
		return -1;
	if (w == WISH_RETRY && other.state == DELIVERY_UNDONE)
		return retake(d, r, AFTER_UNDO_LOAD, f);
	if (other.state == DELIVERY_UNDONE)
		return fault_set(f, FAULT_CONFIG, "it is a duplicate of arrival %s, which was undone: no row is stored; retry loads it",
				 r->duplicate_of);
	/* whose rows they are now: the one it repeats may have been undone and sent again since */
	if (w == WISH_UNDO || w == WISH_RERUN)
		return fault_set(f, FAULT_CONFIG, "it is a duplicate: its rows are those of arrival %s; %s that one",
				 other.arrival, wish_name(w));
	return fault_set(f, FAULT_CONFIG, "it is a duplicate: its rows are those of arrival %s and are stored", other.arrival);
}

/* A load that cannot open the file again would take good rows away and hold it. */
static int key_there(struct ingestd *d, const struct file_row *r, struct fault *f)
{
	struct keyring *ring = NULL;
	bool found = false;

	if (!r->encrypted_to)
		return 0;
	if (keyring_open(d->config->profiles, r->tenant, &ring, f) < 0)
		return -1;
	for (size_t i = 0; i < ring->count && !found; i++)
		found = ring->keys[i].from != KEY_RETIRED && strcmp(ring->keys[i].recipient, r->encrypted_to) == 0;
	keyring_free(&ring);
	if (found)
		return 0;
	return fault_set(f, FAULT_CONFIG, "the key it is encrypted to (%s) is retired or gone: its rows stay as they are",
			 r->encrypted_to);
}

/* A load that has no job any more would do the same. */
static int job_there(struct ingestd *d, const struct file_row *r, struct fault *f)
{
	const struct tenant *t = tenants_find(d, r->tenant);

	if (t && t->profile && r->job && profile_job(t->profile, r->job))
		return 0;
	return fault_set(f, FAULT_CONFIG, "job %s/%s is gone or not in force: its rows stay as they are; undo takes them back",
			 r->tenant, r->job ? r->job : "?");
}

static int wish_of_done(struct ingestd *d, enum wish w, struct file_row *r, struct fault *f)
{
	if (w == WISH_UNDO)
		return retake(d, r, AFTER_UNDO_PLACE, f);
	if (w != WISH_RERUN)
		return fault_set(f, FAULT_CONFIG, "it is done; rerun takes its rows back and loads it again");
	if (job_there(d, r, f) < 0 || key_there(d, r, f) < 0)
		return -1;
	/* it has its place among the deliveries of its name already */
	r->released = true;
	return retake(d, r, AFTER_UNDO_LOAD, f);
}

static int wish_of_ended(struct ingestd *d, enum wish w, struct file_row *r, struct fault *f)
{
	CHECK(r->has_outcome);
	if (names_may_start_run(span_of(r->file)))
		return fault_set(f, FAULT_CONFIG, "it is the manifest of a run that is over: %s its files, or send them and it again",
				 wish_name(w));
	if (w != WISH_UNDO && r->outcome == OUTCOME_FAILED && starts_failed_whole(d, r, f) != 0)
		return -1;
	if (r->outcome == OUTCOME_DUPLICATE)
		return is_duplicate(d, w, r, f);
	if (r->outcome == OUTCOME_DONE)
		return wish_of_done(d, w, r, f);
	if (w == WISH_UNDO)
		return fault_set(f, FAULT_CONFIG, "it is %s: no row of it is stored", outcome_name(r->outcome));
	if (w == WISH_RELEASE && r->outcome != OUTCOME_HELD)
		return fault_set(f, FAULT_CONFIG, "it is %s, not held; retry loads it as a new file",
				 outcome_name(r->outcome));
	/* of one that a quota held nothing was asked yet: its name is, then */
	if (w == WISH_RELEASE && r->quota_held)
		quota_let_through(d, r);
	else
		r->released = w == WISH_RELEASE;
	return retake(d, r, AFTER_UNDO_LOAD, f);
}

int wish_apply(struct ingestd *d, enum wish w, const struct file_row *stored, struct fault *f)
{
	struct file *x = file_find(d, stored->arrival);
	struct file_row r;
	int result;

	if (!d->ready || d->stopping || journal_behind(d->journal))
		return fault_set(f, FAULT_TEMPORARY, "ingestd is %s; ask again",
				 d->stopping ? "stopping" : d->ready ? "waiting for its disk" : "starting");
	if (x && w == WISH_UNDO && manifest_is(x) && starts_begun(d, x->row.arrival))
		return fault_set(f, FAULT_CONFIG,
				 "it is the manifest of a run that is under way: undo its files, or `ingestctl job stop %s/%s`",
				 x->row.tenant, x->row.job);
	if (x && x->row.state == FILE_WAITING)
		return wish_of_waiting(d, w, x, f);
	if (x)
		return wish_of_running(d, w, x, f);
	if (file_state_alive(stored->state))
		return fault_set(f, FAULT_CONFIG, "its tenant %s is not served", stored->tenant);
	file_row_copy(stored, &r);
	result = wish_of_ended(d, w, &r, f);
	file_row_release(&r);
	return result;
}

int wish_let_go(struct ingestd *d, struct file_row *r, struct fault *f)
{
	return retake(d, r, AFTER_UNDO_LOAD, f);
}

int wish_replaced(struct ingestd *d, const struct file_row *stored, const char *by, struct fault *f)
{
	struct file_row r;
	int result;

	file_row_copy(stored, &r);
	snprintf(r.replaced_by, sizeof(r.replaced_by), "%s", by);
	result = retake(d, &r, AFTER_UNDO_PLACE, f);
	file_row_release(&r);
	return result;
}
