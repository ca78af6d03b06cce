/*
 * serve - the worker's service; see the header
 *
 * Called by main.  The sink pool outlives the jobs; everything else is the task's and goes with it.
 */
#include "watcher/base/base.h"
#include "watcher/worker/serve.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/worker/task.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define VERSION_MAX (4 * 1024 * 1024)

static int load_version(struct task *t, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int r = fs_read_fd(t->fds[MESSAGE_FD_VERSION], VERSION_MAX, &text, f);

	if (r == 0)
		r = version_parse(strbuf_span(&text), &t->version, f);
	if (r == 0 && strcmp(t->version->hash, t->job.version) != 0)
		r = fault_set(f, FAULT_SYSTEM, "job version %s is not the text of version %s",
			      t->version->hash, t->job.version);
	strbuf_release(&text);
	return r;
}

static void run_task(struct task *t)
{
	enum step s = t->job.mode == MODE_UNDO ? STEP_UNDO : STEP_FSYNC;
	bool resumed = t->job.checkpoint.next_row > 0;

	t->cpu_start_us = task_cpu_us();
	coercions_init(&t->coercions);
	crash_point("job");
	if (t->job.mode != MODE_UNDO && load_version(t, &t->fault) < 0)
		s = resumed ? STEP_RESULT : STEP_VERDICT;
	while (s != STEP_END)
		s = task_step(t, s);
}

static void release_task(struct task *t)
{
	sink_close(&t->sink);
	rejects_free(&t->rejects);
	row_free(&t->row);
	input_close(&t->input);
	version_free(&t->version);
	message_release(&t->job);
	free(t->index);
	free(t->pending);
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		fs_close(&t->fds[i]);
}

static int take_job(struct task *t, struct span text, const int *fds, size_t nfds, struct fault *f)
{
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		t->fds[i] = i < nfds ? fds[i] : -1;
	if (message_parse(text, &t->job, f) < 0)
		return -1;
	if (t->job.type != MESSAGE_JOB)
		return fault_set(f, FAULT_SYSTEM, "expected a job, got %s",
				 message_type_name(t->job.type));
	if (nfds != MESSAGE_FD_COUNT && t->job.mode != MODE_UNDO)
		return fault_set(f, FAULT_SYSTEM, "a job came with %zu descriptors", nfds);
	return 0;
}

/* The socket may be non-blocking on the daemon's side of the pair; here it is waited for. */
static void wait_readable(int socket)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

int serve(int socket, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	struct sink_pool *pool = sink_pool_new();
	int r;

	for (;;) {
		struct task t = {.socket = socket, .pool = pool};
		int fds[IPC_FDS];
		size_t nfds = IPC_FDS;

		wait_readable(socket);
		r = ipc_recv(socket, &text, fds, &nfds, f);
		if (r <= 0)
			break;
		r = take_job(&t, strbuf_span(&text), fds, nfds, f);
		if (r == 0)
			run_task(&t);
		release_task(&t);
		if (r < 0)
			break;
	}
	sink_pool_free(&pool);
	strbuf_release(&text);
	return r;
}
