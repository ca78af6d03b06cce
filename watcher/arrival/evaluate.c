/*
 * evaluate - the one judgement of a file in in/; see settle.h
 *
 * Called for every due entry, whether a hint or a scan brought it.  Settling counts from the moment
 * at which this process saw the change, on the monotonic clock: a ctime is wall time, and after that
 * was set a file of this second would look an hour old.  What people see is the ctime.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/names.h"
#include "watcher/arrival/settle.h"
#include "watcher/arrival/settle_own.h"
#include "watcher/base/clock.h"
#include "watcher/model/sidecar.h"
#include <errno.h>
#include <fcntl.h>

#define LINK_STEP_MS 200
#define CLOSED_STEP_MS 100
#define EMPTY_MS 1000
#define FIRST_RETRY_MS 20
#define WRITER_RETRY_MAX_MS 30000
#define BLOCKED_RETRY_MAX_MS 5000

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_nlink == b->st_nlink && same_time(a->st_mtim, b->st_mtim) &&
	       same_time(a->st_ctim, b->st_ctim);
}

/* Wall time of the last change, as far as it can be true: never in the future. */
static int64_t change_ms(const struct stat *st)
{
	int64_t now = clock_now_ms();

	if (st->st_ctim.tv_sec < 0 || st->st_ctim.tv_sec > now / 1000)
		return now;
	return (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
}

static void note_change(struct settle_entry *e, const struct stat *st, int64_t now)
{
	if (e->st.st_ino && unchanged(&e->st, st))
		return;
	e->st = *st;
	e->changed = now;
	e->change_ms = change_ms(st);
	if (e->change_ms < e->arrived_ms)
		e->arrived_ms = e->change_ms;
	e->tries = 0;
}

static void set_why(struct settle_entry *e, const char *why)
{
	if (e->why && why && strcmp(e->why, why) == 0)
		return;
	free(e->why);
	e->why = why ? xstrdup(why) : NULL;
}

static void set_job(struct settle_entry *e, const char *job)
{
	if (e->job && job && strcmp(e->job, job) == 0)
		return;
	free(e->job);
	e->job = job ? xstrdup(job) : NULL;
}

/* first, then settle-like steps of a second, doubling up to max. */
static int64_t retry_ms(unsigned tries, int64_t step, int64_t max)
{
	if (tries == 0)
		return FIRST_RETRY_MS;
	if (tries == 1)
		return FIRST_RETRY_MS * 10;
	for (unsigned i = 2; i < tries && step < max; i++)
		step *= 2;
	return step < max ? step : max;
}

static void refuse(struct settle *s, struct settle_entry *e, enum arrival_state state,
		   const char *why, int64_t due)
{
	settle_own_state(s, e, state);
	set_why(e, why);
	settle_own_due(s, e, due);
}

static void look_again(struct settle *s, struct settle_entry *e, const struct settle_env *env,
		       enum arrival_state state, const char *why, int64_t now)
{
	int64_t step = env->settle_ms < 1000 ? 1000 : env->settle_ms;
	int64_t max = state == ARRIVAL_STATE_WRITER ? WRITER_RETRY_MAX_MS : BLOCKED_RETRY_MAX_MS;

	if (e->hinted)
		e->tries = 0;
	refuse(s, e, state, why, now + retry_ms(e->tries, step, max));
	if (e->tries < 1000)
		e->tries++;
}

/* A rename by link and unlink has two names for a moment: looked at again for link_ms, then left to hints and scans. */
static void hold_linked(struct settle *s, struct settle_entry *e, const struct settle_env *env,
			int64_t now)
{
	settle_own_state(s, e, ARRIVAL_STATE_LINKED);
	settle_own_due(s, e,
		       now < e->state_mono + env->link_ms ? now + LINK_STEP_MS : SETTLE_NEVER);
}

static enum rule rule_of_claim(enum claim_result r)
{
	switch (r) {
	case CLAIM_TAKEN:
	case CLAIM_GONE:
	case CLAIM_NOT_REGULAR:
	case CLAIM_LINKED:
		return RULE_NONE;
	case CLAIM_WRITER:
		return RULE_OPEN;
	case CLAIM_CHANGED:
		return RULE_CHANGED;
	case CLAIM_BLOCKED:
		return RULE_SYSTEM;
	case CLAIM_NO_LEASES:
		return RULE_NO_LEASES;
	case CLAIM_NOT_OURS:
		return RULE_NOT_OURS;
	case CLAIM_OTHER_DISK:
		return RULE_OTHER_DISK;
	}
	CHECK(!"a result");
	return RULE_NONE;
}

static enum settle_result apply(struct settle *s, struct settle_entry *e,
				const struct settle_env *env, enum claim_result r,
				const struct fault *f)
{
	int64_t now = clock_mono_ms();

	e->claim_rule = rule_of_claim(r);
	*env->leases_refused = r == CLAIM_NO_LEASES || (*env->leases_refused && r != CLAIM_TAKEN);
	switch (r) {
	case CLAIM_TAKEN:
		settle_own_forget(s, e);
		return SETTLE_TAKEN;
	case CLAIM_GONE:
		settle_own_forget(s, e);
		return SETTLE_GONE;
	case CLAIM_WRITER:
		look_again(s, e, env, ARRIVAL_STATE_WRITER, f->text, now);
		break;
	case CLAIM_CHANGED:
	case CLAIM_BLOCKED:
		look_again(s, e, env, ARRIVAL_STATE_BLOCKED, f->text, now);
		break;
	case CLAIM_NOT_REGULAR:
		refuse(s, e, ARRIVAL_STATE_ODD, f->text, SETTLE_NEVER);
		break;
	case CLAIM_LINKED:
		hold_linked(s, e, env, now);
		break;
	case CLAIM_NO_LEASES:
	case CLAIM_NOT_OURS:
	case CLAIM_OTHER_DISK:
		refuse(s, e, ARRIVAL_STATE_REFUSED, f->text, SETTLE_NEVER);
		break;
	}
	return SETTLE_KEPT;
}

/* stat and what it shows; false: the judgement is made. */
static bool look(struct settle *s, struct settle_entry *e, const struct settle_env *env, int64_t now,
		 enum settle_result *result)
{
	struct stat st;
	struct fault f = FAULT_INIT;

	*result = SETTLE_KEPT;
	if (fstatat(env->place->in_fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT) {
			settle_own_forget(s, e);
			*result = SETTLE_GONE;
			return false;
		}
		fault_errno(&f, FAULT_SYSTEM, "cannot look at it");
		e->claim_rule = RULE_SYSTEM;
		look_again(s, e, env, ARRIVAL_STATE_BLOCKED, f.text, now);
		return false;
	}
	note_change(e, &st, now);
	if (names_rule(span_of(e->name)) != RULE_NONE && !(env->starts_run && env->starts_run(env->ctx, e->name))) {
		refuse(s, e, ARRIVAL_STATE_ASIDE, NULL, SETTLE_NEVER);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		refuse(s, e, ARRIVAL_STATE_ODD, NULL, SETTLE_NEVER);
		return false;
	}
	if (st.st_nlink > 1) {
		hold_linked(s, e, env, now);
		return false;
	}
	return true;
}

/* Complete, and a manual job's: proven now, claimed when its run takes it. */
static enum settle_result keep_waiting(struct settle *s, struct settle_entry *e,
				       const struct settle_env *env, const char *reason)
{
	bool was = e->state == ARRIVAL_STATE_WAITING;
	struct fault f = FAULT_INIT;
	enum claim_result r = claim_probe(env->place, e->name, &e->st, &f);

	if (r != CLAIM_TAKEN)
		return apply(s, e, env, r, &f);
	*env->leases_refused = false;
	e->tries = 0;
	refuse(s, e, ARRIVAL_STATE_WAITING, reason, SETTLE_NEVER);
	return was ? SETTLE_KEPT : SETTLE_READY;
}

enum side { SIDE_NONE, SIDE_YOUNG, SIDE_BEGUN, SIDE_THERE };

static bool stat_side(const struct settle_entry *e, const struct settle_env *env, bool sum_only, struct stat *st)
{
	char name[256];

	for (size_t i = 0; i < (sum_only ? SIDECAR_SUM + 1 : SIDECAR_KINDS); i++)
		if (sidecar_name(e->name, (enum sidecar_kind)i, name) &&
		    fstatat(env->place->in_fd, name, st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/* NAME.sha256 or NAME.manifest.json; *left: milliseconds until it has settled. */
static enum side look_for_side(struct settle_entry *e, const struct settle_env *env, bool sum_only, int64_t now,
			       int64_t *left)
{
	struct stat st;

	if (!stat_side(e, env, sum_only, &st))
		return SIDE_NONE;
	if (!same_time(e->side_ctim, st.st_ctim)) {
		e->side_ctim = st.st_ctim;
		e->side_changed = now;
	}
	*left = e->side_changed + env->settle_ms - now;
	if (*left > 0)
		return SIDE_YOUNG;
	/* one that is empty or begun has its digest still to come */
	return st.st_size < SIDECAR_LEAST ? SIDE_BEGUN : SIDE_THERE;
}

static enum settle_result await_side(struct settle *s, struct settle_entry *e, const struct settle_env *env)
{
	char reason[640];

	snprintf(reason, sizeof(reason),
		 "%s" SIDECAR_SUFFIX " (arrival level manifest; on the sender's side: sha256sum %s > %s" SIDECAR_SUFFIX ")",
		 e->name, e->name, e->name);
	e->wait_rule = RULE_MANIFEST;
	return keep_waiting(s, e, env, reason);
}

int64_t settle_needs(const struct settle_entry *e, int64_t settle_ms)
{
	return e->st.st_size == 0 && settle_ms < EMPTY_MS ? EMPTY_MS : settle_ms;
}

static enum settle_result judge(struct settle *s, struct settle_entry *e,
				const struct settle_env *env, int64_t now)
{
	struct arrival_answer answer = {0};
	enum arrival_verdict verdict = env->decide(env->ctx, e->name, &e->st, &answer);
	struct fault f = FAULT_INIT;
	enum claim_result r;
	int64_t settled = e->changed + settle_needs(e, env->settle_ms), left = 0;
	enum side side;

	set_job(e, verdict == ARRIVAL_WAIT ? answer.job : NULL);
	e->wait_rule = answer.rule ? answer.rule : RULE_MANUAL;
	if (now < settled) {
		refuse(s, e, ARRIVAL_STATE_SETTLING, NULL, settled);
		return SETTLE_KEPT;
	}
	if (answer.later_ms) {
		refuse(s, e, ARRIVAL_STATE_SETTLING, answer.reason, now + answer.later_ms);
		return SETTLE_KEPT;
	}
	if (answer.unproven)
		return keep_waiting(s, e, env, answer.reason);
	side = look_for_side(e, env, answer.sum_only, now, &left);
	if (side == SIDE_YOUNG) {
		refuse(s, e, ARRIVAL_STATE_SETTLING, NULL, now + left);
		return SETTLE_KEPT;
	}
	if (side != SIDE_THERE && answer.needs_side)
		return await_side(s, e, env);
	if (verdict == ARRIVAL_WAIT && !env->force)
		return keep_waiting(s, e, env, answer.reason);
	if (env->closed) {
		refuse(s, e, ARRIVAL_STATE_SETTLING, NULL, now + CLOSED_STEP_MS);
		return SETTLE_KEPT;
	}
	r = env->take(env->ctx, e, &answer, &f);
	return apply(s, e, env, r, &f);
}

enum settle_result settle_evaluate(struct settle *s, struct settle_entry *e,
				   const struct settle_env *env)
{
	int64_t now = clock_mono_ms();
	enum settle_result result;

	if (look(s, e, env, now, &result))
		result = judge(s, e, env, now);
	if (result == SETTLE_KEPT || result == SETTLE_READY)
		e->hinted = false;
	return result;
}
