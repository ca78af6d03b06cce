/*
 * serve - the worker's service; see the header
 *
 * Called by main.  The sink pool and the compiled versions outlive the jobs; everything else is the task's and goes with it.
 */
#include "watcher/base/base.h"
#include "watcher/worker/serve.h"
#include "watcher/base/ipc.h"
#include "watcher/worker/task.h"
#include <errno.h>
#include <poll.h>

static int ill_formed(struct fault *f, const char *what)
{
	return fault_set(f, FAULT_SYSTEM, "an ill-formed job: %s", what);
}

/* Both sides check every field: what goes into a path or a statement is looked at here, once. */
static int check_job(const struct message *m, size_t nfds, struct fault *f)
{
	bool goes_on = m->mode == MODE_UNDO || m->checkpoint.next_row > 0;

	if (m->type != MESSAGE_JOB)
		return fault_set(f, FAULT_SYSTEM, "expected a job, got %s", message_type_name(m->type));
	if (!tenant_name_valid(span_of(m->tenant)))
		return ill_formed(f, "tenant");
	if (m->mode == MODE_LIST)
		return nfds == 1 ? 0 : ill_formed(f, "descriptors");
	if (m->mode == MODE_PROVE)
		return nfds == MESSAGE_FD_PROVE_COUNT ? 0 : ill_formed(f, "descriptors");
	if (nfds != MESSAGE_FD_COUNT - (m->sink.type == SINK_SQLITE))
		return ill_formed(f, "descriptors");
	if (goes_on && (!m->delivery[0] || !m->sha256[0]))
		return ill_formed(f, "it goes on without delivery and digest");
	if (goes_on && (!m->index || !m->index[0]))
		return ill_formed(f, "it goes on without an index");
	if (!counters_balance(&m->checkpoint.counters))
		return ill_formed(f, "the checkpoint's books do not balance");
	return 0;
}

static int take_job(struct task *t, struct span text, const int *fds, size_t nfds, struct fault *f)
{
	for (size_t i = 0; i < MESSAGE_FD_COUNT; i++)
		t->fds[i] = i < nfds ? fds[i] : -1;
	if (message_parse(text, &t->job, f) < 0)
		return -1;
	if (check_job(&t->job, nfds, f) < 0)
		return -1;
	if (t->job.sink.type == SINK_SQLITE || !message_reads_rows(&t->job))
		return 0;
	return sink_access_take(t->fds[MESSAGE_FD_ACCESS], &t->access, f);
}

static int serve_one(int socket, struct sink_pool *pool, struct compiled_cache *cache,
		     struct span text, const int *fds, size_t nfds, struct fault *f)
{
	struct task *t = xcalloc(1, sizeof(*t));
	int r;

	t->socket = socket;
	t->pool = pool;
	strbuf_init(&t->raw);
	r = take_job(t, text, fds, nfds, f);
	if (r == 0)
		task_run(t, cache);
	if (t->ill_formed) {
		*f = t->fault;
		r = -1;
	}
	task_release(t);
	free(t);
	return r;
}

/* The daemon made the pair: its end may be non-blocking, and then so may this one. */
static void wait_readable(int socket)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

int serve(int socket, struct fault *f)
{
	struct compiled_cache *cache = compiled_cache_new();
	struct sink_pool *pool = sink_pool_new();
	struct strbuf text = STRBUF_INIT;
	int r;

	do {
		int fds[MESSAGE_FD_COUNT];
		size_t nfds = MESSAGE_FD_COUNT;

		wait_readable(socket);
		r = ipc_recv(socket, &text, fds, &nfds, f);
		if (r == 1 && serve_one(socket, pool, cache, strbuf_span(&text), fds, nfds, f) < 0)
			r = -1;
	} while (r > 0);
	sink_pool_free(&pool);
	compiled_cache_free(&cache);
	strbuf_release(&text);
	return r;
}
