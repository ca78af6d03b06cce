/*
 * prove - the file against its sidecar, before a row of it is read
 *
 * A job of its own: no reader of rows is made for a file that is not what was sent.  Its result has the
 * file's digest, and the fault if there is one.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"
#include "watcher/worker/steps.h"

static int stated(struct task *t, char hex[DIGEST_HEX])
{
	unsigned char digest[DIGEST_SIZE];
	struct strbuf text = STRBUF_INIT;
	int r = fs_read_fd(t->fds[MESSAGE_FD_SIDECAR], SIDECAR_MAX, &text, &t->fault);

	if (r < 0 && t->fault.kind == FAULT_CONFIG)
		r = fault_set(&t->fault, FAULT_DATA, "%s" SIDECAR_SUFFIX " has more than %d bytes; write it with: "
			      "sha256sum NAME > NAME" SIDECAR_SUFFIX, t->job.file, SIDECAR_MAX);
	if (r == 0)
		r = sidecar_parse(strbuf_span(&text), t->job.file, digest, &t->fault);
	if (r == 0)
		digest_hex(digest, hex);
	strbuf_release(&text);
	return r;
}

static int compare(struct task *t, const char *want)
{
	struct input_ticker ticker = {task_tick, t};
	uint64_t bytes = 0;

	if (input_digest_of(t->fds[MESSAGE_FD_INPUT], &ticker, t->sha256, &bytes, &t->fault) < 0)
		return -1;
	if (bytes != t->job.bytes)
		return fault_set(&t->fault, FAULT_DATA, "the file has %llu bytes, it had %llu when it was claimed",
				 (unsigned long long)bytes, (unsigned long long)t->job.bytes);
	if (want[0] && strcmp(want, t->sha256) != 0)
		return fault_set(&t->fault, FAULT_DATA,
				 "it is not what its sender sent: its SHA-256 is %s, %s" SIDECAR_SUFFIX
				 " says %s; it was cut or changed on its way, or the checksum is another file's: send both again",
				 t->sha256, t->job.file, want);
	return 0;
}

enum step step_prove(struct task *t)
{
	char want[DIGEST_HEX] = "";
	struct fault why;

	if (fs_fsync(t->fds[MESSAGE_FD_INPUT], t->job.file, &t->fault) == 0) {
		/* a file whose sidecar says nothing has its digest in the books all the same */
		(void)!stated(t, want);
		why = t->fault;
		fault_clear(&t->fault);
		if (compare(t, want) == 0)
			t->fault = why;
	}
	if (t->fault.kind == FAULT_NONE)
		crash_point("prove");
	(void)!task_say(t, MESSAGE_RESULT);
	return STEP_END;
}
