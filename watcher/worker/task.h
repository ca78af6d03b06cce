/*
 * task - one file in the worker, from its job message to its result
 *
 * The steps are one table (steps.def): a step does its part and returns the next one.  The task owns its descriptors, version,
 * rejects and sink leg; the socket and the sink pool are the service's and live from task to task.
 */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "watcher/model/coercions.h"
#include "watcher/model/message.h"
#include "watcher/quality/rejects.h"
#include "watcher/sink/sink.h"
#include "watcher/worker/input.h"
#include "watcher/worker/row.h"

enum step {
#define STEP(id, name, function, sentence) STEP_##id,
#include "watcher/worker/steps.def"
#undef STEP
	STEP_END
};

/* Where a row that the sink has not answered stands in the file, so that its bytes can be found for the rejects. */
struct pending_row {
	uint64_t row;
	uint64_t line;
	uint64_t offset;
	uint64_t next_offset;
	uint64_t next_line;
	size_t length;
};

struct task {
	int socket;
	struct sink_pool *pool;
	struct message job;
	int fds[MESSAGE_FD_COUNT];
	struct version *version;
	struct input input;
	struct row *row;
	struct rejects *rejects;
	struct sink *sink;
	struct counters counters;
	uint64_t already; /* rows found there */
	struct coercions coercions;
	bool has_first_error;
	struct row_error first_error;
	char delivery[DELIVERY_TEXT];
	char sha256[DIGEST_HEX];
	char *index;
	struct pending_row *pending; /* ring */
	size_t pending_head, pending_count, pending_cap;
	struct checkpoint last; /* the acknowledged prefix */
	struct fault fault;
	struct fault sink_fault; /* from inside an answer */
	int64_t spoke_ms;
	uint64_t cpu_start_us;
};

enum step task_step(struct task *t, enum step s);
const char *step_name(enum step s);
void steps_print(FILE *out);

/* Shared by the gate and the load: writes down a rejected row. */
int task_reject(struct task *t, const struct row_error *e, struct span raw) MUST_CHECK;
int task_open_rejects(struct task *t, uint64_t length) MUST_CHECK;
/* Sends a message with the task's counters; type progress is sent at most once a second. */
int task_say(struct task *t, enum message_type type) MUST_CHECK;
uint64_t task_cpu_us(void);

#endif
