/*
 * prove - the file against its sidecar, or against its run's manifest, before a row of it is read
 *
 * A job of its own: no reader of rows is made for a file that is not what was sent.  Its result has the
 * file's digest, and the fault if there is one.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/manifest.h"
#include "watcher/model/sidecar.h"
#include "watcher/worker/steps.h"
#include <sys/stat.h>

/* What the sender states; size only of a manifest. */
struct stated {
	char hex[DIGEST_HEX]; /* "": nothing that can be read */
	bool has_size;
	uint64_t size;
};

static void set_stated(struct task *t, const struct manifest *m, struct stated *out)
{
	digest_hex(m->sha256, out->hex);
	out->has_size = true;
	out->size = m->size;
	t->has_stated_rows = m->has_rows;
	t->stated_rows = m->rows;
}

static int read_manifest(struct task *t, struct span text, struct stated *out)
{
	struct manifest m;

	if (manifest_parse(text, t->job.file, &m, &t->fault) < 0)
		return -1;
	set_stated(t, &m, out);
	return 0;
}

/*
 * The manifest that was read last.  The files of a run come one after the other, of which there may be thousands: reading it for each
 * would cost their square.  It is the daemon's own and 0400, so that one of the same inode and times is the same.
 */
static struct {
	struct manifest_run run;
	struct stat st;
} last;

static bool is_last(const struct stat *st)
{
	return last.run.count && st->st_dev == last.st.st_dev && st->st_ino == last.st.st_ino && st->st_size == last.st.st_size &&
	       st->st_ctim.tv_sec == last.st.st_ctim.tv_sec && st->st_ctim.tv_nsec == last.st.st_ctim.tv_nsec;
}

static int read_list(struct task *t)
{
	struct strbuf text = STRBUF_INIT;
	struct stat st;
	int r = 0;

	if (fstat(t->fds[MESSAGE_FD_SIDECAR], &st) < 0)
		return fault_errno(&t->fault, FAULT_SYSTEM, "cannot look at %s", t->job.manifest);
	if (is_last(&st))
		return 0;
	manifest_run_release(&last.run);
	r = fs_read_fd(t->fds[MESSAGE_FD_SIDECAR], MANIFEST_RUN_MAX, &text, &t->fault);
	if (r == 0)
		r = manifest_run_parse(strbuf_span(&text), t->job.manifest, &last.run, &t->fault);
	if (r == 0)
		last.st = st;
	strbuf_release(&text);
	return r;
}

/* What it says of the others is theirs. */
static int read_run(struct task *t, struct stated *out)
{
	const struct manifest *m;

	if (read_list(t) < 0)
		return -1;
	m = manifest_run_find(&last.run, t->job.file);
	if (!m)
		return fault_set(&t->fault, FAULT_SYSTEM, "%s lists no %s", t->job.manifest, t->job.file);
	set_stated(t, m, out);
	return 0;
}

static int read_sum(struct task *t, struct span text, struct stated *out)
{
	unsigned char digest[DIGEST_SIZE];

	if (sidecar_parse(text, t->job.file, digest, &t->fault) < 0)
		return -1;
	digest_hex(digest, out->hex);
	return 0;
}

/* The name of what states it; malloc'ed. */
static char *stating(const struct task *t)
{
	if (t->job.manifest)
		return xstrdup(t->job.manifest);
	return xasprintf("%s%s", t->job.file, sidecar_suffixes[t->job.is_manifest ? SIDECAR_MANIFEST : SIDECAR_SUM]);
}

static int stated(struct task *t, const char *by, struct stated *out)
{
	struct strbuf text = STRBUF_INIT;
	int r;

	if (t->job.manifest)
		return read_run(t, out);
	r = fs_read_fd(t->fds[MESSAGE_FD_SIDECAR], SIDECAR_MAX, &text, &t->fault);
	if (r < 0 && t->fault.kind == FAULT_CONFIG)
		r = fault_set(&t->fault, FAULT_DATA, "%s has more than %d bytes; write it with: sha256sum NAME > NAME" SIDECAR_SUFFIX, by,
			      SIDECAR_MAX);
	if (r == 0)
		r = t->job.is_manifest ? read_manifest(t, strbuf_span(&text), out) : read_sum(t, strbuf_span(&text), out);
	strbuf_release(&text);
	return r;
}

static int compare(struct task *t, const char *by, const struct stated *s)
{
	struct input_ticker ticker = {task_tick, t};
	uint64_t bytes = 0;

	if (input_digest_of(t->fds[MESSAGE_FD_INPUT], &ticker, t->sha256, &bytes, &t->fault) < 0)
		return -1;
	if (bytes != t->job.bytes)
		return fault_set(&t->fault, FAULT_DATA, "the file has %llu bytes, it had %llu when it was claimed",
				 (unsigned long long)bytes, (unsigned long long)t->job.bytes);
	if (s->has_size && bytes != s->size)
		return fault_set(&t->fault, FAULT_DATA,
				 "it is not what its sender sent: it has %llu bytes, %s says %llu; send both again",
				 (unsigned long long)bytes, by, (unsigned long long)s->size);
	if (s->hex[0] && strcmp(s->hex, t->sha256) != 0)
		return fault_set(&t->fault, FAULT_DATA,
				 "it is not what its sender sent: its SHA-256 is %s, %s"
				 " says %s; it was cut or changed on its way, or the checksum is another file's: send both again",
				 t->sha256, by, s->hex);
	return 0;
}

enum step step_prove(struct task *t)
{
	struct stated want = {0};
	char *by = stating(t);
	struct fault why;

	if (fs_fsync(t->fds[MESSAGE_FD_INPUT], t->job.file, &t->fault) == 0) {
		/* a file whose sidecar says nothing has its digest in the books all the same */
		(void)!stated(t, by, &want);
		why = t->fault;
		fault_clear(&t->fault);
		if (compare(t, by, &want) == 0)
			t->fault = why;
	}
	free(by);
	if (t->fault.kind == FAULT_NONE)
		crash_point("prove");
	(void)!task_say(t, MESSAGE_RESULT);
	return STEP_END;
}
