/*
 * refusal - what a request of the HTTP API is refused with; see the header
 *
 * Called by views, seed, job_edit and tenant_edit.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/refusal.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/ingestd.h"

unsigned refusal(struct fault *f, unsigned status, const char *fmt, ...)
{
	char text[FAULT_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fault_set(f, FAULT_CONFIG, "%s", text);
	return status;
}

unsigned refusal_no_such(struct fault *f, const char *what, const char *name)
{
	return refusal(f, 404, "no %s %s", what, name);
}

unsigned refusal_not_now(const struct ingestd *d, struct fault *f)
{
	if (!d->ready || d->stopping || d->turn.behind)
		return refusal(f, 503, "ingestd is %s; ask again",
			       d->stopping ? "stopping" : d->ready ? "waiting for its disk" : "starting");
	return 0;
}

void refusal_add_lines(struct strbuf *out, const char *key, const char *lines)
{
	json_add_key(out, key);
	strbuf_addc(out, '[');
	while (*lines) {
		size_t n = strcspn(lines, "\n");

		if (n) {
			json_add_comma(out);
			json_add_lossy(out, (struct span){lines, n});
		}
		lines += n + (lines[n] == '\n');
	}
	strbuf_addc(out, ']');
}

unsigned refusal_not_valid(struct strbuf *more, const char *errors, struct fault *f)
{
	refusal_add_lines(more, "errors", errors);
	return refusal(f, 422, "%.*s", (int)strcspn(errors, "\n"), errors);
}
