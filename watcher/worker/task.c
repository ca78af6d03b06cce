/*
 * task - the step table and what the steps share; see the header
 *
 * Called by the service for each job.
 */
#include "watcher/base/base.h"
#include "watcher/worker/task.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/base/ipc.h"
#include "watcher/worker/steps.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
	const char *name;
	enum step (*run)(struct task *t);
	const char *sentence;
} steps[] = {
#define STEP(id, name, function, sentence) [STEP_##id] = {name, function, sentence},
#include "watcher/worker/steps.def"
#undef STEP
};

enum step task_step(struct task *t, enum step s)
{
	CHECK(s < STEP_END);
	return steps[s].run(t);
}

const char *step_name(enum step s)
{
	CHECK(s < STEP_END);
	return steps[s].name;
}

void steps_print(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		fprintf(out, "%s\t%s\n", steps[i].name, steps[i].sentence);
}

uint64_t task_cpu_us(void)
{
	struct rusage u;

	CHECK(getrusage(RUSAGE_SELF, &u) == 0);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* VmHWM is this program's own; ru_maxrss still holds what the process was before its exec. */
static uint64_t peak_rss(void)
{
	char text[4096];
	const char *line;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "VmHWM:");
	return line ? strtoull(line + 6, NULL, 10) * 1024 : 0;
}

static void fill(struct task *t, struct message *m)
{
	memcpy(m->arrival, t->job.arrival, sizeof(m->arrival));
	m->mode = t->job.mode;
	memcpy(m->delivery, t->delivery, sizeof(m->delivery));
	memcpy(m->sha256, t->sha256, sizeof(m->sha256));
	m->bytes = t->job.bytes;
	m->checkpoint = t->last;
	if (m->type != MESSAGE_CHECKPOINT)
		m->checkpoint.counters = t->counters;
	m->fault = t->fault;
	m->has_first_error = t->has_first_error;
	m->first_error_line = t->first_error.line;
	m->cpu_us = task_cpu_us() - t->cpu_start_us;
	m->peak_rss = peak_rss();
}

int task_say(struct task *t, enum message_type type)
{
	struct strbuf text = STRBUF_INIT, coercions = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct message m;
	int r;

	if (type == MESSAGE_PROGRESS && clock_mono_ms() - t->spoke_ms < 1000)
		return 0;
	t->spoke_ms = clock_mono_ms();
	message_init(&m, type);
	fill(t, &m);
	if (t->has_first_error) {
		m.first_error_column = t->first_error.column;
		m.first_error_text = t->first_error.text;
	}
	if (type == MESSAGE_GATED) {
		coercions_add_json(&coercions, &t->coercions);
		m.coercions_json = coercions.p;
	}
	message_write(&m, &text);
	r = ipc_send(t->socket, strbuf_span(&text), NULL, 0, &f);
	strbuf_release(&text);
	strbuf_release(&coercions);
	return r;
}

int task_open_rejects(struct task *t, uint64_t length)
{
	bool csv = t->input.format == FORMAT_CSV;
	const struct parser_header *h = parser_header(t->input.parser);

	return rejects_new(t->fds[MESSAGE_FD_REJECTS], csv ? REJECTS_CSV : REJECTS_NDJSON,
			   csv && h->present ? h->raw : SPAN_NONE, length, &t->rejects, &t->fault);
}

int task_reject(struct task *t, const struct row_error *e, struct span raw)
{
	t->counters.rejected++;
	if (!t->has_first_error) {
		t->has_first_error = true;
		t->first_error = *e;
	}
	return rejects_put(t->rejects, e, raw, &t->fault);
}
