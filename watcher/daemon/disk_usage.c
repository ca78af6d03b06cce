/*
 * disk_usage - which tenant fills the disk most; see the header
 *
 * Called by disk and staged.c.  Owns the child and its pipe.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/disk_usage.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/config.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 300
#define WALK_FDS 16

void disk_usage_init(struct disk_usage *u, struct ev_loop *loop, void (*done)(void *ctx), void *ctx)
{
	memset(u, 0, sizeof(*u));
	u->loop = loop;
	u->done = done;
	u->ctx = ctx;
	u->pipe = -1;
}

/* --- the child --- */

static uint64_t walked; /* nftw gives its caller no word */

static int add_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	if (type != FTW_NS)
		walked += (uint64_t)st->st_blocks * 512;
	return 0;
}

/* Folders that go away under the walk are no fault: it is an estimate. */
uint64_t disk_usage_below(const char *folder, const char *tenant)
{
	char *path = xasprintf("%s/%s", folder, tenant);

	walked = 0;
	(void)nftw(path, add_one, WALK_FDS, FTW_PHYS | FTW_MOUNT);
	free(path);
	return walked;
}

static uint64_t bytes_of(const struct config *c, const char *tenant)
{
	uint64_t n = disk_usage_below(c->staging, tenant);

	for (size_t i = 0; i < c->sink_count; i++)
		if (c->sinks[i].type == SINK_SQLITE)
			n += disk_usage_below(c->sinks[i].path, tenant);
	return n;
}

static void count_all(const struct config *c, const struct map *tenants, int out)
{
	char line[96] = "";
	uint64_t most = 0;
	ssize_t ignored;

	for (size_t i = 0; i < map_len(tenants); i++) {
		struct span name = map_key(tenants, i);
		char *tenant = xstrndup(name.p, name.n);
		uint64_t n = bytes_of(c, tenant);

		if (n > most) {
			most = n;
			snprintf(line, sizeof(line), "%llu %.60s", (unsigned long long)n, tenant);
		}
		free(tenant);
	}
	ignored = write(out, line, strlen(line));
	(void)ignored;
}

/* The daemon's handlers and its lock must not outlive the daemon in here. */
void disk_usage_become_child(void)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		(void)signal(handled[i], SIG_DFL);
	(void)alarm(SECONDS_MAX);
}

/* --- the daemon's side --- */

static void end(struct disk_usage *u)
{
	ev_io_stop(u->loop, &u->io);
	fs_close(&u->pipe);
}

static void on_line(struct ev_loop *loop, ev_io *w, int events)
{
	struct disk_usage *u = w->data;
	char line[96];
	ssize_t n = read(u->pipe, line, sizeof(line) - 1);
	char *name;

	(void)loop;
	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	end(u);
	if (n <= 0)
		return;
	line[n] = '\0';
	u->bytes = strtoull(line, &name, 10);
	snprintf(u->tenant, sizeof(u->tenant), "%s", *name == ' ' ? name + 1 : "");
	u->done(u->ctx);
}

static void on_reaped(struct ev_loop *loop, ev_child *w, int events)
{
	(void)events;
	ev_child_stop(loop, w);
}

void disk_usage_ask(struct disk_usage *u, const struct config *c, const struct map *tenants)
{
	int ends[2];
	pid_t pid;

	if (u->pipe >= 0 || ev_is_active(&u->child) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		disk_usage_become_child();
		count_all(c, tenants, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return;
	}
	u->pipe = ends[0];
	ev_io_init(&u->io, on_line, u->pipe, EV_READ);
	ev_child_init(&u->child, on_reaped, pid, 0);
	u->io.data = u->child.data = u;
	ev_io_start(u->loop, &u->io);
	ev_child_start(u->loop, &u->child);
}

void disk_usage_stop(struct disk_usage *u)
{
	pid_t pid = u->loop && ev_is_active(&u->child) ? u->child.pid : 0;
	int status;

	if (!u->loop)
		return;
	end(u);
	ev_child_stop(u->loop, &u->child);
	if (!pid)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}
