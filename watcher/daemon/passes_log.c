/*
 * passes_log - what becomes of workers and what they write to standard error, for the log; see passes.h
 *
 * Called by the scheduler.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/passes_own.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"

static void on_died(void *ctx, const char *tenant, pid_t pid, const struct worker_end *end)
{
	struct ingestd *d = ctx;
	struct strbuf sb = STRBUF_INIT;

	if (d->stopping && end->why == WORKER_EXITED && end->status == 0)
		return;
	log_add_pair(&sb, "reason", span_of(end->text));
	event(d, EV_WORKER_DIED, "tenant=%s pid=%ld %s", tenant, (long)pid, sb.p);
	strbuf_release(&sb);
}

static void on_said(void *ctx, const char *tenant, pid_t pid, struct span line)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "text", line);
	event(ctx, EV_WORKER_SAID, "tenant=%s pid=%ld %s", tenant, (long)pid, sb.p);
	strbuf_release(&sb);
}

static void on_trouble(void *ctx, const struct fault *f)
{
	event_text(ctx, EV_WORKER_TROUBLE, "reason", f->text);
}

void passes_log_ops(struct schedule_ops *ops)
{
	ops->died = on_died;
	ops->said = on_said;
	ops->trouble = on_trouble;
}
