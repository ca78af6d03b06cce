/*
 * serve - the worker's service; see the header
 *
 * Called by main.  The sink pool and the compiled versions outlive the jobs; everything else is the task's and goes with it.
 */
#include "watcher/base/base.h"
#include "watcher/worker/serve.h"
#include "watcher/base/ipc.h"
#include "watcher/worker/group.h"
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
	if (m->more && (m->mode != MODE_LOAD || goes_on || m->sink.type != SINK_SQLITE))
		return ill_formed(f, "one that cannot be of a group");
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

/* The daemon made the pair: its end may be non-blocking, and then so may this one. */
static void wait_readable(int socket)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static struct task *new_task(int socket, struct sink_pool *pool)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->socket = socket;
	t->pool = pool;
	strbuf_init(&t->raw);
	strbuf_init(&t->held);
	return t;
}

static void free_task(struct task *t)
{
	task_release(t);
	free(t);
}

/* The jobs that the daemon sent at once; 1, 0: it is gone, -1. */
static int take_group(struct group *g, int socket, struct sink_pool *pool, struct strbuf *text, struct fault *f)
{
	int fds[MESSAGE_FD_COUNT];
	int r;

	do {
		size_t nfds = MESSAGE_FD_COUNT;

		wait_readable(socket);
		r = ipc_recv(socket, text, fds, &nfds, f);
		if (r == 1) {
			g->tasks[g->count] = new_task(socket, pool);
			r = take_job(g->tasks[g->count++], strbuf_span(text), fds, nfds, f) < 0 ? -1 : 1;
		}
		if (r == 1 && strcmp(g->tasks[g->count - 1]->job.version, g->tasks[0]->job.version) != 0)
			r = ill_formed(f, "a group of several versions");
		if (r == 1 && g->tasks[g->count - 1]->job.more && g->count == GROUP_MAX)
			r = ill_formed(f, "too many at once");
	} while (r == 1 && g->tasks[g->count - 1]->job.more);
	return r;
}

static int serve_group(int socket, struct sink_pool *pool, struct compiled_cache *cache, struct strbuf *text, struct fault *f)
{
	struct group g = {.count = 0};
	int r = take_group(&g, socket, pool, text, f);

	if (r == 1 && g.count == 1)
		task_run(g.tasks[0], cache);
	else if (r == 1)
		group_run(&g, cache);
	for (size_t i = 0; i < g.count; i++) {
		if (r == 1 && g.tasks[i]->ill_formed) {
			*f = g.tasks[i]->fault;
			r = -1;
		}
		free_task(g.tasks[i]);
	}
	return r;
}

int serve(int socket, struct fault *f)
{
	struct compiled_cache *cache = compiled_cache_new();
	struct sink_pool *pool = sink_pool_new();
	struct strbuf text = STRBUF_INIT;
	int r;

	do
		r = serve_group(socket, pool, cache, &text, f);
	while (r > 0);
	sink_pool_free(&pool);
	compiled_cache_free(&cache);
	strbuf_release(&text);
	return r;
}
