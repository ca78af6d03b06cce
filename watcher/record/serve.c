/*
 * serve - the recorder's service; see the header
 *
 * Called by main.  Blocks in libmongoc, in a pause before the next try, or on the socket, and nowhere else.
 */
#include "watcher/base/base.h"
#include "watcher/record/serve.h"
#include "watcher/base/confine.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/record/batch.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define URI_MAX 16384
#define PAUSE_FIRST_MS 250
#define PAUSE_MOST_MS 5000

struct service {
	int socket;
	struct strbuf packet;
	struct store *store;
	struct batch batch;
	unsigned fails; /* in a row */
};

/* The daemon is gone when it cannot be told: its end of the socket says so next. */
static void tell(struct service *s, const struct recording *m)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	recording_write(m, &text);
	(void)!ipc_send(s->socket, strbuf_span(&text), NULL, 0, &f);
	strbuf_release(&text);
}

static void tell_text(struct service *s, enum recording_type type, enum fault_kind kind, const char *text)
{
	struct recording m;

	recording_init(&m, type);
	fault_set(&m.fault, kind, "%s", text);
	tell(s, &m);
}

static void on_said(void *ctx, const char *text)
{
	tell_text(ctx, RECORDING_SAID, FAULT_SYSTEM, text);
}

/* 1 one came, 0 the daemon closed, -1. */
static int receive(struct service *s, struct recording *m, int *fd, struct fault *f)
{
	size_t n = 1;
	int r;

	*fd = -1;
	r = ipc_recv(s->socket, &s->packet, fd, &n, f);
	if (r <= 0)
		return r;
	if (recording_parse(strbuf_span(&s->packet), m, f) < 0 || n != 1) {
		fs_close(fd);
		return f->text[0] ? -1 : fault_set(f, FAULT_SYSTEM, "a message without its descriptor");
	}
	return 1;
}

/* false: the daemon has closed, or says something out of turn; receive will tell. */
static bool pause_before_next(struct service *s)
{
	struct pollfd p = {.fd = s->socket, .events = POLLIN};
	int ms = PAUSE_FIRST_MS;
	int r;

	for (unsigned i = 1; i < s->fails && ms < PAUSE_MOST_MS; i++)
		ms *= 2;
	do
		r = poll(&p, 1, ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS);
	while (r < 0 && errno == EINTR);
	return r == 0;
}

/* 1 try again, 0 the end. */
static int failed(struct service *s, const struct fault *f)
{
	s->fails++;
	tell_text(s, RECORDING_TROUBLE, f->kind, f->text);
	if (f->kind == FAULT_KEY || f->kind == FAULT_CONFIG)
		return 0;
	return pause_before_next(s) ? 1 : 0;
}

/* 1 open, 0 the end. */
static int open_store(struct service *s)
{
	struct recording ready;

	for (;;) {
		struct fault f = FAULT_INIT;

		if (store_open(s->store, &f) == 0)
			break;
		if (!failed(s, &f))
			return 0;
	}
	s->fails = 0;
	recording_init(&ready, RECORDING_READY);
	tell(s, &ready);
	return 1;
}

/* 1 written, 0 the end. */
static int write_batch(struct service *s)
{
	struct recording done;

	crash_point("record.before-write");
	for (;;) {
		struct fault f = FAULT_INIT;

		if (batch_write(&s->batch, s->store, &f) == 0)
			break;
		if (!failed(s, &f))
			return 0;
	}
	crash_point("record.written");
	s->fails = 0;
	recording_init(&done, RECORDING_DONE);
	done.upto = s->batch.upto;
	done.refused_count = s->batch.refused_count;
	memcpy(done.refused, s->batch.refused, sizeof(done.refused));
	tell(s, &done);
	return 1;
}

/* Which servers there are is learnt from the first one: any port.  Nothing of a tenant has been read yet. */
static int close_in(struct service *s, struct fault *f)
{
	struct confinement c = {.network = true, .any_port = true};
	const char *files[2];

	c.read_count = store_files(s->store, files);
	memcpy(c.reads, files, c.read_count * sizeof(*files));
	return confine(&c, f) < 0 ? -1 : 1;
}

static int setup(struct service *s, struct fault *f)
{
	struct strbuf uri = STRBUF_INIT;
	struct recording m;
	int fd, r;

	r = receive(s, &m, &fd, f);
	if (r <= 0)
		return r;
	r = m.type == RECORDING_SETUP ? fs_read_fd(fd, URI_MAX, &uri, f) :
					fault_set(f, FAULT_SYSTEM, "expected a setup");
	fs_close(&fd);
	if (r == 0) {
		struct fault wrong = FAULT_INIT;

		r = store_new(uri.p, m.database, on_said, s, &s->store, &wrong) < 0 ? failed(s, &wrong) : 1;
	}
	explicit_bzero(uri.p, uri.n);
	strbuf_release(&uri);
	return r > 0 ? close_in(s, f) : r;
}

static int next_batch(struct service *s, struct fault *f)
{
	struct recording m;
	int fd;
	int r = receive(s, &m, &fd, f);

	if (r <= 0)
		return r;
	if (m.type != RECORDING_BATCH)
		r = fault_set(f, FAULT_SYSTEM, "expected a batch");
	else
		r = batch_read(&s->batch, fd, m.upto, f);
	fs_close(&fd);
	if (r < 0)
		return -1;
	r = write_batch(s);
	batch_release(&s->batch);
	return r;
}

int serve(int socket, struct fault *f)
{
	struct service *s = xcalloc(1, sizeof(*s));
	int r;

	s->socket = socket;
	strbuf_init(&s->packet);
	r = setup(s, f);
	if (r > 0)
		r = open_store(s);
	while (r > 0)
		r = next_batch(s, f);
	store_free(&s->store);
	strbuf_release(&s->packet);
	free(s);
	return r;
}
