/*
 * start - job start, and with --wait its progress until the run has ended
 *
 * On a terminal one line on standard error is written over and over; elsewhere a line for each change of the state and, while it runs,
 * every five seconds.  With --json nothing but the run's record at the end.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/ctl/own.h"
#include "watcher/ctl/progress.h"
#include <sys/ioctl.h>
#include <unistd.h>

#define LOOK_US 200000
#define SAY_MS 5000
#define WIDTH 80

struct watch {
	const char *name; /* T/J */
	bool terminal, quiet;
	char state[16];	  /* last said */
	int64_t began_ms; /* mono: seen running first; 0: not yet */
	int64_t said_ms;
	bool open; /* a line without its end stands there */
};

static const char *text_of(const json_t *run, const char *key)
{
	const char *s = json_string_value(json_object_get(run, key));

	return s ? s : "";
}

static bool run_ended(const json_t *run)
{
	const char *s = text_of(run, "state");

	return strcmp(s, "finished") == 0 || strcmp(s, "failed") == 0 || strcmp(s, "stopped") == 0;
}

static unsigned width_of_terminal(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col - 1u : WIDTH - 1;
}

static void get_view(const struct watch *w, const json_t *run, struct progress_view *v)
{
	const json_t *p = json_object_get(run, "progress");

	v->percent = json_number_value(json_object_get(p, "percent"));
	v->bytes_done = (uint64_t)json_integer_value(json_object_get(p, "bytes_done"));
	v->rows = (uint64_t)json_integer_value(json_object_get(p, "rows"));
	v->elapsed_ms = w->began_ms ? clock_mono_ms() - w->began_ms : 0;
}

static void draw(struct watch *w, const json_t *run)
{
	unsigned width = width_of_terminal();
	struct strbuf line = STRBUF_INIT;
	struct progress_view v;

	get_view(w, run, &v);
	if (strcmp(text_of(run, "state"), "running") == 0)
		progress_line(&v, width, &line);
	else
		strbuf_addf(&line, "%s: %s", w->name, text_of(run, "state"));
	fprintf(stderr, "\r%-*.*s", (int)width, (int)width, line.p);
	fflush(stderr);
	w->open = true;
	strbuf_release(&line);
}

static void say(struct watch *w, const json_t *run)
{
	const char *state = text_of(run, "state");
	bool running = strcmp(state, "running") == 0;
	struct strbuf line = STRBUF_INIT;
	struct progress_view v;

	if (strcmp(state, w->state) == 0 && (!running || clock_mono_ms() - w->said_ms < SAY_MS))
		return;
	snprintf(w->state, sizeof(w->state), "%s", state);
	w->said_ms = clock_mono_ms();
	get_view(w, run, &v);
	if (running)
		progress_line(&v, 0, &line);
	fprintf(stderr, "%s: %s%s%s\n", w->name, state, line.n ? " " : "", line.p);
	strbuf_release(&line);
}

static void show(struct watch *w, const json_t *run)
{
	if (!w->began_ms && strcmp(text_of(run, "state"), "running") == 0)
		w->began_ms = clock_mono_ms();
	if (w->quiet)
		return;
	if (w->terminal)
		draw(w, run);
	else
		say(w, run);
}

/* Asks for the run until it has ended. */
static int wait_for(const struct ctl_options *o, const char *run, struct api_reply *reply)
{
	struct watch w = {.name = o->args[0], .terminal = isatty(STDERR_FILENO) == 1, .quiet = o->json};
	struct strbuf path = STRBUF_INIT;
	int rc;

	strbuf_adds(&path, "/v1/runs/");
	api_add_escaped(&path, run);
	while ((rc = ctl_ask(o, "GET", path.p, reply)) == CTL_OK && !run_ended(reply->json)) {
		show(&w, reply->json);
		api_reply_release(reply);
		usleep(LOOK_US);
	}
	if (rc == CTL_OK && !w.terminal)
		show(&w, reply->json);
	if (w.open)
		fprintf(stderr, "\r%*s\r", (int)width_of_terminal(), "");
	strbuf_release(&path);
	return rc;
}

static int wait_and_print(const struct ctl_options *o, const struct api_reply *started)
{
	char *run = xstrdup(text_of(started->json, "run"));
	struct api_reply reply = {0};
	int rc = wait_for(o, run, &reply);

	free(run);
	if (rc != CTL_OK)
		return rc;
	rc = strcmp(text_of(reply.json, "state"), "finished") == 0 ? CTL_OK : CTL_PARTLY;
	ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	return rc;
}

int command_job_start(const struct ctl_options *o)
{
	struct strbuf path = STRBUF_INIT;
	struct api_reply reply = {0};
	int rc;

	if (o->arg_count != 1 || !ctl_job_path(o->args[0], "/start", &path))
		return ctl_usage(o);
	rc = ctl_ask(o, "POST", path.p, &reply);
	strbuf_release(&path);
	if (rc != CTL_OK)
		return rc;
	if (o->wait)
		rc = wait_and_print(o, &reply);
	else
		ctl_print(o, reply.json, "");
	api_reply_release(&reply);
	return rc;
}
