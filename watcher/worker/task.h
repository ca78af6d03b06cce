/*
 * task - one file in the worker, from its job message to its result
 *
 * The steps are one table (steps.def): a step does its part and returns the next one.  The task owns its descriptors, rejects and
 * sink leg; the socket, the sink pool and the compiled versions are the service's and live from task to task.
 *
 * A step that fails leaves its fault in the task and returns the step that tells of it.  When the daemon is gone every message
 * fails, and the task ends without one.
 */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "watcher/base/strbuf.h"
#include "watcher/model/coercions.h"
#include "watcher/model/message.h"
#include "watcher/quality/rejects.h"
#include "watcher/sink/sink.h"
#include "watcher/worker/books.h"
#include "watcher/worker/cost.h"
#include "watcher/worker/input.h"
#include "watcher/worker/row.h"

enum step {
#define STEP(id, name, function, sentence) STEP_##id,
#define PART(name, sentence)
#include "watcher/worker/steps.def"
#undef STEP
#undef PART
	STEP_END
};

struct task {
	int socket;
	struct sink_pool *pool;
	struct message job;
	int fds[MESSAGE_FD_COUNT];
	struct compiled *compiled; /* the cache's */
	struct input *input;
	struct row *row;
	struct rejects *rejects;
	struct sink *sink;
	struct sink_stats sunk; /* of a sink that is closed already */
	bool holds;		/* what task_tell has to say, for the others of its group to be told with it */
	struct strbuf held;
	const char *held_point;
	bool grouped;		/* loaded with others in one transaction (group.h): no checkpoint of it is durable */
	struct sink_access access;
	struct books books;
	struct strbuf raw; /* bytes of a row that the sink refused */
	const struct record *record; /* the one that is being put */

	struct counters counters;
	uint64_t already;   /* rows found there */
	uint64_t gate_read; /* rows of the first pass, 0: there was none */
	uint64_t gate_offset; /* how far the first pass is, in decoded bytes */
	struct extent extent; /* of it */
	struct coercions coercions;
	bool has_first_error;
	bool first_error_told; /* before the interruption */
	struct row_error first_error;
	char delivery[DELIVERY_TEXT];
	char sha256[DIGEST_HEX];
	char *index;
	struct checkpoint prefix; /* position of the acknowledged prefix */
	int64_t prefix_ms;        /* when it moved */
	struct checkpoint last;   /* what was told of it */
	int64_t last_ms;          /* when it was told */

	/* of an encrypted file: what is asked, and what was found */
	struct keyring_stanza stanzas[MESSAGE_STANZAS];
	size_t stanza_count;
	bool has_file_key;
	unsigned char file_key[AGE_FILE_KEY];

	bool has_stated_rows; /* by a manifest */
	uint64_t stated_rows;
	char *run_job;       /* that a run's manifest names */
	char **listed;       /* of its names those that are told now; borrowed */
	size_t listed_count;

	struct fault fault;
	struct fault sink_fault; /* from inside an answer */
	bool ill_formed;         /* the daemon said what makes no sense: fault has it */
	int64_t spoke_ms;
	bool stalled; /* the daemon was told that the sink gives no answer */
	bool reached; /* it is to be told that it gave one */
	struct cost cost;
};

/* Runs the job to its end. */
void task_run(struct task *t, struct compiled_cache *cache);
/* The same in parts, for several jobs at once (group.c): its first step; one step; on to, and without, a step. */
enum step task_begin(struct task *t, struct compiled_cache *cache);
enum step task_step(struct task *t, enum step s);
enum step task_run_to(struct task *t, enum step from, enum step to);
/* What the daemon said of a gated file: the next step. */
enum step task_answered(struct task *t, const struct message *m);
/* As before its load. */
void task_unload(struct task *t);
void task_release(struct task *t);

/* NAME<tab>SENTENCE, one a line; the parts of a step are set in by two blanks. */
void steps_print(FILE *out);

/* --- for the steps --- */
/* And its row. */
int task_open_input(struct task *t, const struct parser_start *start, bool digest) MUST_CHECK;
int task_open_rejects(struct task *t, uint64_t length) MUST_CHECK;
int task_reject(struct task *t, const struct row_error *e, struct span raw) MUST_CHECK;
/* The leg of this task; its index must be known. */
void task_leg(struct task *t, struct sink_leg *leg);
/* For struct sink_leg; context is the task. */
void task_waits(void *context, int64_t ms);
/* The sink of a probe has answered a question: others need not wait until its rows are there. */
void task_reached(struct task *t);
/* A sink's answer into the books; context is the task. */
void task_answer(void *context, const struct sink_answer *a);
/* Sends a message with the task's counters. */
int task_say(struct task *t, enum message_type type) MUST_CHECK;
/* The same, then the crash point; of a group that holds it back: at task_tell_held. */
int task_tell(struct task *t, enum message_type type, const char *point) MUST_CHECK;
int task_tell_held(struct task *t) MUST_CHECK;
/* A progress message when nothing was said for a second; a ticker's function, context is the task. */
int task_tick(void *context, struct fault *f) MUST_CHECK;

#endif
