/*
 * schedule - which file goes to which worker, and when
 *
 *	schedule_new(loop, &options, &ops, ctx, &s, &f)
 *	schedule_tenant(s, "alice", 2)                            her max_workers
 *	task = schedule_add(s, "alice", file, RESOURCES_SMALL, false)     queued
 *	schedule_run(s)                                           each iteration, before the loop blocks
 *	... ops->begin(task) ... ops->message(task, gated) ...
 *	schedule_tell(s, task, &load_or_drop)
 *	... ops->message(task, result)                            the task is over
 *	schedule_free(&s)                                         kills what is left
 *
 * Fair among tenants by bytes (lanes.h; a task is charged when it begins in a slot), at most `slots` processes, at most max_workers
 * of them for one tenant.  A process belongs to one tenant for its life, and to what it may reach; an idle one is ended after idle_ms,
 * after jobs_max jobs, when another tenant needs its slot, or when the next task has to reach something else.
 * It has what its first task's class may use (model/resources.h) and serves that class alone.
 *
 * Where a tenant has many files waiting, small ones are given to a worker as a group: up to SCHEDULE_GROUP at once in one slot,
 * so that they share the turns of the disk and a process (schedule_give.c).  When it dies lost() comes for each of them, with group > 1.
 *
 * A task beside takes no slot: its worker waits for a sink and does no work (a probe, an attempt that gets no answer), and nobody else is
 * to wait for that.
 *
 * A task is over, and its pointer dead, when: reach or begin returned -1; message() gave a result; schedule_tell
 * sent a drop; lost() was called; schedule_remove.  Every task given to a worker ends by exactly one of these.
 * Ownership: owner is the caller's.  Callbacks may call schedule_add, schedule_tell and schedule_remove.
 * Errors of starting a process (no memory, no file) are told once by ops->trouble and tried again with growing pauses.
 */
#ifndef SCHEDULE_SCHEDULE_H
#define SCHEDULE_SCHEDULE_H

#include "watcher/schedule/lanes.h"
#include "watcher/schedule/worker.h"

#define SCHEDULE_BESIDE 8
#define SCHEDULE_GROUP 32	 /* files; worker/group.h */
#define SCHEDULE_GROUP_FROM 8 /* that wait, at least: fewer are spread over the workers */
#define SCHEDULE_TRACE 4096 /* decisions that are remembered */

enum task_stage {
	TASK_QUEUED,
	TASK_RUNNING, /* with a worker that has something to say next */
	TASK_ASKED,   /* gated came: the worker waits for load or drop */
	TASK_LOADING, /* load was sent, or it goes on from a checkpoint, or undoes */
};

struct task {
	struct task_link link; /* first */
	void *owner;
	enum task_stage stage;
	enum message_mode mode; /* as begin's message said */
	char arrival[ULID_TEXT];
	struct worker *worker;
	struct task *next;  /* another one of the same worker */
	unsigned group;	    /* as many were given to it at once */
	int64_t since_ms; /* wall: in this stage */
	bool unwrapping;  /* an unwrap is to be answered by a key */
	bool beside;	  /* its worker takes no slot */
	uint64_t bytes;	    /* of its file: the caller's guess, then as begin said */
	int64_t begun_ms;   /* mono: given to its worker */
	bool charged;	    /* to its lane */
	uint64_t queued_at; /* the newest decision then */
	const char *tenant; /* the lane's */
};

/* A task that was given to a worker in a slot, and why it was that tenant's turn. */
struct decision {
	uint64_t number; /* from 1 */
	int64_t at_ms;
	char tenant[64];
	char arrival[ULID_TEXT];
	uint64_t bytes;
	uint64_t waited; /* decisions between its being queued and this one */
	struct lane_pick why;
};

struct schedule_options {
	const char *program; /* path of ingest-worker */
	struct starter *starter; /* NULL: workers run as our own user */
	unsigned slots;
	bool any_memory; /* its class's limit is not set: a sanitizer needs 20 TB of address space */
	int64_t idle_ms;       /* 0 = 30000 */
	int64_t silence_ms;    /* 0 = 120000 */
	uint64_t jobs_max;     /* 0 = 500 */
};

struct schedule_ops {
	/* What its worker has to reach: adds to r.  -1: the task is over, the owner knows why. */
	int (*reach)(void *ctx, struct task *t, struct reach *r);
	/* Fills the job message and opens its descriptors (closed by the scheduler).  -1: the task is over, the owner knows why. */
	int (*begin)(void *ctx, struct task *t, struct message *m, int fds[MESSAGE_FD_COUNT]);
	/* progress, gated, unwrap (answered at once), checkpoint, result */
	void (*message)(void *ctx, struct task *t, const struct message *m);
	void (*lost)(void *ctx, struct task *t, const struct worker_end *end);
	/* For the log: a process ended otherwise than by retirement; a line of its stderr. */
	void (*died)(void *ctx, const char *tenant, pid_t pid, const struct worker_end *end);
	void (*said)(void *ctx, const char *tenant, pid_t pid, struct span line);
	void (*trouble)(void *ctx, const struct fault *f);
	/*
	 * May t be done with first, which its worker is given now?  Both begin a load, are small, of one job, and nothing is
	 * known against their sink.  NULL: never.
	 */
	bool (*joins)(void *ctx, const struct task *first, const struct task *t);
};

struct schedule;

int schedule_new(struct ev_loop *loop, const struct schedule_options *options,
		 const struct schedule_ops *ops, void *ctx, struct schedule **out, struct fault *f) MUST_CHECK;
void schedule_free(struct schedule **s);

void schedule_tenant(struct schedule *s, const char *tenant, unsigned max_workers);
/* No more of this tenant: its idle workers end; the lane goes when it is empty. */
void schedule_forget(struct schedule *s, const char *tenant);

struct task *schedule_add(struct schedule *s, const char *tenant, void *owner, enum resources resources, bool front);
/* One that begins beside, SCHEDULE_BESIDE of all tenants at a time, in turn. */
struct task *schedule_add_beside(struct schedule *s, const char *tenant, void *owner, enum resources resources);
/* A task with a worker, also from inside begin(): no slot from now on, or one again (nobody who has it now loses it). */
void schedule_beside(struct schedule *s, struct task *t, bool on);
bool schedule_beside_full(const struct schedule *s);
/* Gives out what can be given out; nothing changed since the last call: does nothing. */
void schedule_run(struct schedule *s);
/* Takes it out of its queue, or kills its worker (no lost() follows). */
void schedule_remove(struct schedule *s, struct task *t);
/* load or drop, after gated; a key, after unwrap.  -1: the worker is dying, lost() follows. */
int schedule_tell(struct schedule *s, struct task *t, const struct message *m, struct fault *f) MUST_CHECK;
/* What the worker said makes no sense to the owner: it is killed, lost() follows with WORKER_BABBLED. */
void schedule_refuse(struct schedule *s, struct task *t, const char *why);
/* While paused no task is given to a worker; those that run go on. */
void schedule_pause(struct schedule *s, bool paused);
/* Ends idle workers and tells the rest to (their socket is closed; lost() with WORKER_STOPPED); schedule_workers says when all are gone. */
void schedule_stop(struct schedule *s);

size_t schedule_workers(const struct schedule *s); /* processes */
size_t schedule_running(const struct schedule *s); /* tasks with one */
size_t schedule_queued(const struct schedule *s, const char *tenant);	  /* NULL: all */
size_t schedule_busy(const struct schedule *s, const char *tenant); /* its tasks in slots */
unsigned schedule_max_workers(const struct schedule *s, const char *tenant);
bool schedule_paused(const struct schedule *s);
const char *schedule_trouble(const struct schedule *s); /* NULL: none */
/* The newest SCHEDULE_TRACE decisions, oldest first. */
void schedule_trace(const struct schedule *s, bool (*fn)(void *ctx, const struct decision *d), void *ctx);
/*
 * What is queued for a slot, in the order in which it will begin if nothing else comes and every tenant may have every slot.  wait_ms:
 * until then, by the pace of those that ended last; -1: none has.  Not foretold: what is behind the first FORECAST_STEPS.
 */
void schedule_forecast(const struct schedule *s,
		       bool (*fn)(void *ctx, const struct task *t, size_t position, int64_t wait_ms), void *ctx);
/* Every process: fn returns false to stop. */
void schedule_walk(const struct schedule *s, bool (*fn)(void *ctx, const struct worker *w), void *ctx);

#endif
