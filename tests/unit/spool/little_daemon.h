/*
 * little_daemon - a conductor in small for test_crash
 *
 * It recovers, claims what is in in/, drives each row by its state alone and commits after each
 * step.  Rows "sent" are lines of the file `sink`, keyed like ids: written again they stay one.
 */
#ifndef TEST_SPOOL_LITTLE_DAEMON_H
#define TEST_SPOOL_LITTLE_DAEMON_H

#include "tests/unit/spool/fixture.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/outbox.h"
#include "watcher/spool/place.h"
#include "watcher/spool/recover.h"
#include "watcher/spool/retake.h"
#include "watcher/spool/runs.h"
#include "watcher/spool/versions.h"
#include "watcher/spool/work.h"

#include <dirent.h>

#define VERSION "vvvvvvvvvvvvvvvvvvvv"
#define RUN "01ARZ3NDEKTSV4RRFFQ69GRUN1"

struct scenario {
	const char *name;
	enum outcome end;
	bool wait;          /* a temporary fault at the first attempt */
	bool undo;          /* fails after rows were sent */
	bool leftovers;     /* a withdrawn claim and a file without a row are there before */
	const char *points; /* where it is killed, each once */
	bool retake;        /* what was placed in done/ is undone then */
	bool replace;       /* it passes REPLACING */
};

struct daemon {
	const struct fixture *x;
	const struct scenario *s;
	struct journal *j;
	struct folders *t;
	struct versions *v;
	struct file_row rows[8];
	size_t len;
};

static void sink_write(const struct daemon *d, const char *what)
{
	char *path = xasprintf("%s/sink", d->x->dir);

	OK(fs_replace_file(path, span_of(what), 0600, &fault));
	free(path);
}

static void commit(struct daemon *d)
{
	OK(journal_commit(d->j, &fault));
}

static void move_to(struct daemon *d, struct file_row *r, enum file_state to)
{
	OK(journal_set_state(d->j, r, to, &fault));
	commit(d);
}

static struct file_row *adopt_row(struct daemon *d, const char *id, const char *name)
{
	struct file_row *r = &d->rows[d->len++];

	row_make(r, 0, "alice", name);
	snprintf(r->arrival, sizeof(r->arrival), "%s", id);
	memcpy(r->delivery, "DDDDDDDDDDDDDDDDDDDD", 20);
	r->delivery[19] = name[0];
	OK(journal_insert(d->j, r, &fault));
	return r;
}

static int on_recovered(void *ctx, const struct recovered *rec, struct fault *f)
{
	struct daemon *d = ctx;

	switch (rec->action) {
	case RECOVER_ADOPT:
		adopt_row(d, rec->arrival, rec->name);
		return 0;
	case RECOVER_WITHDRAWN:
		return journal_forget(d->j, rec->row, f);
	case RECOVER_REQUEUE:
	case RECOVER_RECEIPT:
	case RECOVER_PLACE:
	case RECOVER_RETAKE:
	case RECOVER_WAIT:
		file_row_copy(rec->row, &d->rows[d->len++]);
		return 0;
	case RECOVER_GIVEN_BACK:
	case RECOVER_FAIL:
	case RECOVER_LOST:
	case RECOVER_PLACED_SINCE:
	case RECOVER_NO_TENANT:
	case RECOVER_ODD:
		break;
	}
	fail_msg("%s: %s", recover_action_name(rec->action), rec->fault->text);
	return -1;
}

/* What arrival does: the file's folder, the rename, the row. */
static void claim_all(struct daemon *d)
{
	DIR *dir = fdopendir(openat(folders_fd(d->t, FOLDER_IN), ".", O_RDONLY | O_DIRECTORY));
	struct dirent *e;

	while ((e = readdir(dir))) {
		char id[ULID_TEXT];
		char *to;

		if (e->d_name[0] == '.')
			continue;
		ulid_make(clock_now_ms(), id);
		to = xasprintf("%s/%s", id, e->d_name);
		assert_int_equal(mkdirat(folders_fd(d->t, FOLDER_WORK), id, 0700), 0);
		assert_int_equal(
			renameat(folders_fd(d->t, FOLDER_IN), e->d_name, folders_fd(d->t, FOLDER_WORK), to), 0);
		adopt_row(d, id, e->d_name);
		commit(d);
		free(to);
	}
	closedir(dir);
}

static void step_claimed(struct daemon *d, struct file_row *r)
{
	int fd = -1;

	OK(folders_sync_claim(d->t, r->arrival, &fault));
	OK(versions_keep(d->v, VERSION, SPAN_LITERAL("{}"), &fault));
	OK(versions_fd(d->v, VERSION, &fd, &fault));
	close(fd);
	memcpy(r->version, VERSION, VERSION_HASH);
	memset(r->sha256, 'a', DIGEST_HEX - 1);
	r->attempts++;
	r->times.started = clock_now_ms();
	move_to(d, r, FILE_IDENTIFIED);
}

static void step_identified(struct daemon *d, struct file_row *r)
{
	r->leg.state = LEG_GATED;
	file_row_set(&r->leg.sink, "local");
	r->leg.checkpoint.counters.read = 2;
	move_to(d, r, FILE_GATED);
}

static void step_gated(struct daemon *d, struct file_row *r)
{
	if (d->s->wait && r->attempts == 1) {
		r->attempts++;
		r->until_ms = 1;
		move_to(d, r, FILE_WAITING);
		return;
	}
	r->leg.state = LEG_LOADING;
	file_row_set(&r->leg.index, "alice-table");
	r->leg.sent = true;
	OK(deliveries_put(d->j, r, DELIVERY_LOADING, 1, &fault));
	move_to(d, r, FILE_LOADING);
}

static void step_loading(struct daemon *d, struct file_row *r)
{
	int fd = -1;

	sink_write(d, "1\n");
	OK(work_open_rejects(d->t, r, "csv", &fd, &fault));
	assert_int_equal(ftruncate(fd, (off_t)r->leg.checkpoint.rejects_length), 0);
	if (r->leg.checkpoint.next_row == 0) {
		assert_int_equal(pwrite(fd, "reject\n", 7, 0), 7);
		r->leg.checkpoint.next_row = 2;
		r->leg.checkpoint.rejects_length = 7;
		OK(journal_checkpoint(d->j, r, &fault));
		commit(d);
		close(fd);
		return;
	}
	close(fd);
	if (d->s->undo && !d->s->retake) {
		r->has_outcome = true;
		r->outcome = OUTCOME_FAILED;
		r->leg.state = LEG_UNDOING;
		move_to(d, r, FILE_UNDOING);
		return;
	}
	sink_write(d, "1\n2\n");
	r->leg.state = LEG_INDEXED;
	r->leg.checkpoint.counters.indexed = 1;
	r->leg.checkpoint.counters.rejected = 1;
	OK(deliveries_put(d->j, r, DELIVERY_LIVE, 2, &fault));
	move_to(d, r, FILE_INDEXED);
}

static void step_finish(struct daemon *d, struct file_row *r)
{
	if (r->state == FILE_UNDOING) {
		sink_write(d, "");
		r->leg.state = LEG_UNDONE;
		OK(deliveries_put(d->j, r, DELIVERY_UNDONE, 3, &fault));
	}
	r->has_outcome = true;
	r->outcome = d->s->retake && r->state != FILE_UNDOING ? OUTCOME_DONE : d->s->end;
	OK(place_choose(d->t, d->j, r, &fault));
	OK(place_receipt(d->t, r, &fault));
	move_to(d, r, FILE_PLACING);
}

static void step_placing(struct daemon *d, struct file_row *r)
{
	assert_int_equal(place_move(d->t, r, &fault), PLACE_DONE);
	r->times.placed = clock_now_ms();
	move_to(d, r, r->outcome == OUTCOME_HELD ? FILE_HELD : FILE_PLACED);
	OK(place_clean(d->t, r, &fault));
}

static void step_retaking(struct daemon *d, struct file_row *r)
{
	assert_int_equal(retake_move(d->t, r, &fault), RETAKE_DONE);
	r->leg.state = LEG_UNDOING;
	move_to(d, r, FILE_UNDOING);
}

static void drive(struct daemon *d, struct file_row *r)
{
	switch (r->state) {
	case FILE_CLAIMED:
		step_claimed(d, r);
		break;
	case FILE_IDENTIFIED:
		step_identified(d, r);
		break;
	case FILE_GATED:
		if (d->s->end == OUTCOME_HELD)
			step_finish(d, r);
		else
			step_gated(d, r);
		break;
	case FILE_LOADING:
		step_loading(d, r);
		break;
	case FILE_INDEXED:
		if (d->s->replace)
			move_to(d, r, FILE_REPLACING);
		else
			step_finish(d, r);
		break;
	case FILE_RETAKING:
		step_retaking(d, r);
		break;
	case FILE_REPLACING:
	case FILE_UNDOING:
		step_finish(d, r);
		break;
	case FILE_PLACING:
		step_placing(d, r);
		break;
	case FILE_WAITING:
		r->until_ms = 0;
		move_to(d, r, r->resume);
		break;
	case FILE_PLACED:
	case FILE_HELD:
		break;
	}
}

static bool keep_done(void *ctx, const struct file_row *r)
{
	struct daemon *d = ctx;

	if (r->state == FILE_PLACED && r->outcome == OUTCOME_DONE)
		file_row_copy(r, &d->rows[d->len++]);
	return true;
}

static void drive_all(struct daemon *d)
{
	for (size_t i = 0; i < d->len; i++) {
		while (file_state_alive(d->rows[i].state))
			drive(d, &d->rows[i]);
		file_row_release(&d->rows[i]);
	}
	d->len = 0;
}

static void retake_all(struct daemon *d)
{
	const struct journal_filter all = {0};

	OK(journal_list(d->j, &all, keep_done, d, &fault));
	for (size_t i = 0; i < d->len; i++)
		move_to(d, &d->rows[i], FILE_RETAKING);
	drive_all(d);
}

static void end_run(struct daemon *d)
{
	struct run run;

	run_init(&run);
	if (runs_by_id(d->j, RUN, &run, &fault) == 0) {
		snprintf(run.id, sizeof(run.id), "%s", RUN);
		file_row_set(&run.tenant, "alice");
		file_row_set(&run.job, "table");
		OK(runs_insert(d->j, &run, &fault));
		commit(d);
	}
	if (!run_state_over(run.state)) {
		OK(runs_set_state(d->j, &run, RUN_STOPPED, &fault));
		commit(d);
	}
	run_release(&run);
}

/* One whole life of a daemon: start, recover, finish everything, stop. */
static inline void daemon_run(const struct fixture *x, const struct scenario *s)
{
	struct journal_options options = {.recorder = true};
	struct daemon d = {.x = x, .s = s};

	OK(journal_open(x->journal, &options, &d.j, &fault));
	OK(folders_open(x->staging, "alice", &d.t, &fault));
	OK(versions_open(x->dir, &d.v, &fault));
	OK(recover(&d.t, 1, d.j, on_recovered, &d, &fault));
	commit(&d);
	claim_all(&d);
	drive_all(&d);
	if (s->retake)
		retake_all(&d);
	end_run(&d);
	folders_free(&d.t);
	versions_free(&d.v);
	journal_free(&d.j);
}

#endif
