/*
 * list - the manifest of a run is read: which job, which files
 *
 * A job of its own, of the manifest alone: whether its files are there the daemon knows, which reads nothing of a tenant's.  Its result has
 * the manifest's digest and the job; the names go before it, some at a time.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/manifest.h"
#include "watcher/worker/steps.h"

#define NAMES_BYTES (16 * 1024) /* of one message: twice that when each byte is escaped */

static void set_digest(struct task *t, struct span text)
{
	unsigned char sum[DIGEST_SIZE];
	struct digest d;

	digest_init(&d);
	digest_add(&d, text.p, text.n);
	digest_end(&d, sum);
	digest_release(&d);
	digest_hex(sum, t->sha256);
}

/* A daemon that is gone takes no more: the task ends without a result. */
static int tell_names(struct task *t, struct manifest_run *run)
{
	size_t bytes = 0, from = 0;

	for (size_t i = 0; i < run->count; i++) {
		bytes += strlen(run->names[i]) + 3;
		if (bytes < NAMES_BYTES && i + 1 < run->count)
			continue;
		t->listed = run->names + from;
		t->listed_count = i + 1 - from;
		if (task_say(t, MESSAGE_LISTED) < 0)
			return -1;
		from = i + 1;
		bytes = 0;
	}
	return 0;
}

static int read_text(struct task *t, struct strbuf *text)
{
	int r = fs_read_fd(t->fds[MESSAGE_FD_INPUT], MANIFEST_RUN_MAX, text, &t->fault);

	if (r < 0 && t->fault.kind == FAULT_CONFIG)
		r = fault_set(&t->fault, FAULT_DATA,
			      "%s has more than %d bytes; send its files in several runs, each with a manifest of its own", t->job.file,
			      MANIFEST_RUN_MAX);
	return r;
}

enum step step_list(struct task *t)
{
	struct strbuf text = STRBUF_INIT;
	struct manifest_run run = {0};
	int r = fs_fsync(t->fds[MESSAGE_FD_INPUT], t->job.file, &t->fault);

	if (r == 0 && read_text(t, &text) == 0) {
		set_digest(t, strbuf_span(&text));
		if (manifest_run_parse(strbuf_span(&text), t->job.file, &run, &t->fault) == 0) {
			t->run_job = xstrdup(run.job);
			r = tell_names(t, &run);
		}
	}
	manifest_run_release(&run);
	strbuf_release(&text);
	crash_point("list");
	if (r == 0 || t->fault.kind != FAULT_NONE)
		(void)!task_say(t, MESSAGE_RESULT);
	return STEP_END;
}
