/*
 * log - one line an event; see the header
 *
 * A line is built in one buffer and written by one write(2) with O_APPEND, so that lines of several programs never mix.
 * Whatever control byte got through a format is escaped before the write: one event is one line, always.  A line that the
 * disk took half of is counted and closed by a newline before the next one.
 */
#include "watcher/base/log.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/base/log_ecs.h"
#include "watcher/base/log_fold.h"
#include "watcher/base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct log {
	char *path; /* NULL: standard error */
	char *context;
	enum log_format format;
	int fd; /* -1: closed, opened for the next line */
	struct lru *open;
	struct lru_item kept;
	uint64_t lost;
	bool torn; /* the last line has no end: the next begins with one */
	struct strbuf pairs; /* as formatted */
	struct strbuf clean; /* as may be shown */
	struct strbuf line;
	struct log_fold *fold; /* NULL: repeats are written */
};

static void write_event(void *ctx, enum log_level level, const char *event, struct span pairs);

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static int open_file(const char *path, int *out, struct fault *f)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open log %s", path);
	*out = fd;
	return 0;
}

int log_open(const char *path, enum log_format format, struct log **out, struct fault *f)
{
	struct log *l;
	int fd = STDERR_FILENO;

	if (path && open_file(path, &fd, f) < 0)
		return -1;
	l = xcalloc(1, sizeof(*l));
	l->path = path ? xstrdup(path) : NULL;
	l->context = xstrdup("");
	l->format = format;
	l->fd = fd;
	strbuf_init(&l->pairs);
	strbuf_init(&l->clean);
	strbuf_init(&l->line);
	*out = l;
	return 0;
}

void log_free(struct log **lp)
{
	struct log *l = *lp;

	if (!l)
		return;
	if (l->fold)
		log_fold_flush(l->fold, INT64_MAX, write_event, l);
	free(l->fold);
	if (l->open)
		lru_drop(l->open, &l->kept);
	if (l->path && l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l->context);
	strbuf_release(&l->pairs);
	strbuf_release(&l->clean);
	strbuf_release(&l->line);
	free(l);
	*lp = NULL;
}

int log_reopen(struct log *l, struct fault *f)
{
	int fd = -1;

	if (!l->path)
		return 0;
	if (open_file(l->path, &fd, f) < 0)
		return -1;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = fd;
	if (l->open)
		lru_use(l->open, &l->kept, l);
	return 0;
}

void log_close(void *log)
{
	struct log *l = log;

	CHECK(l->path && l->fd >= 0);
	close(l->fd);
	l->fd = -1;
}

bool log_ready(struct log *l)
{
	struct fault f = FAULT_INIT;

	return l->fd >= 0 || log_reopen(l, &f) == 0;
}

void log_keep_in(struct log *l, struct lru *open)
{
	CHECK(l->path && !l->open);
	l->open = open;
	lru_use(open, &l->kept, l);
}

uint64_t log_lost(const struct log *l)
{
	return l->lost;
}

static bool is_bare(struct span s)
{
	unsigned code;

	if (!s.n || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '=')
			return false;
		if (utf8_hidden((struct span){s.p + i, s.n - i}, &code))
			return false;
	}
	return true;
}

void log_add_value(struct strbuf *sb, struct span value)
{
	if (is_bare(value))
		strbuf_addspan(sb, value);
	else
		json_add_lossy(sb, value);
}

void log_add_pair(struct strbuf *sb, const char *key, struct span value)
{
	if (sb->n)
		strbuf_addc(sb, ' ');
	strbuf_adds(sb, key);
	strbuf_addc(sb, '=');
	log_add_value(sb, value);
}

static void add_visible(struct strbuf *sb, struct span text)
{
	size_t from = 0, i = 0;

	while (i < text.n) {
		unsigned code;
		size_t len = utf8_hidden((struct span){text.p + i, text.n - i}, &code);

		if (!len) {
			i++;
			continue;
		}
		strbuf_add(sb, text.p + from, i - from);
		strbuf_addf(sb, "\\u%04x", code);
		i += len;
		from = i;
	}
	strbuf_add(sb, text.p + from, text.n - from);
}

/* What a format let through: control characters become \uHHHH, bytes that are no UTF-8 become U+FFFD. */
static void add_clean(struct strbuf *sb, struct span text)
{
	while (text.n) {
		size_t ok = utf8_valid_prefix(text);

		add_visible(sb, (struct span){text.p, ok});
		if (ok == text.n)
			break;
		strbuf_adds(sb, "\xef\xbf\xbd");
		text.p += ok + 1;
		text.n -= ok + 1;
	}
}

static void cut_character(struct strbuf *sb, size_t n)
{
	while (n && ((unsigned char)sb->p[n] & 0xc0) == 0x80)
		n--;
	strbuf_cut(sb, n);
}

void log_set_context(struct log *l, const char *context)
{
	struct strbuf clean = STRBUF_INIT;

	add_clean(&clean, span_of(context));
	free(l->context);
	l->context = strbuf_detach(&clean);
}

static void text_line(struct log *l, const char *now, enum log_level level, const char *event)
{
	strbuf_addf(&l->line, "%s %-5s %s", now, level_names[level], event);
	if (l->context[0])
		strbuf_addf(&l->line, " %s", l->context);
	if (l->clean.n)
		strbuf_addf(&l->line, " %s", l->clean.p);
	if (l->line.n + 1 > LOG_LINE_MAX) {
		cut_character(&l->line, LOG_LINE_MAX - strlen("...\n"));
		strbuf_adds(&l->line, "...");
	}
}

static void ecs_line(struct log *l, const char *now, enum log_level level, const char *event, bool cut)
{
	struct log_ecs_line in = {
		.now = now,
		.level = level_names[level],
		.event = event,
		.context = span_of(l->context),
		.pairs = strbuf_span(&l->clean),
		.cut = cut,
	};

	log_ecs_add(&l->line, &in);
}

static ssize_t write_once(int fd, const char *p, size_t n)
{
	ssize_t r;

	do
		r = write(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r;
}

static void put_line(struct log *l)
{
	ssize_t n;

	strbuf_addc(&l->line, '\n');
	if (!log_ready(l)) {
		l->lost++;
		return;
	}
	if (l->open)
		lru_use(l->open, &l->kept, l);
	if (l->torn && write_once(l->fd, "\n", 1) == 1)
		l->torn = false;
	n = write_once(l->fd, l->line.p, l->line.n);
	if (n == (ssize_t)l->line.n)
		return;
	l->lost++;
	if (n > 0)
		l->torn = true;
}

static void write_event(void *ctx, enum log_level level, const char *event, struct span pairs)
{
	struct log *l = ctx;
	char now[CLOCK_TEXT];

	clock_format(clock_now_ms(), now);
	strbuf_reset(&l->clean);
	strbuf_reset(&l->line);
	add_clean(&l->clean, (struct span){pairs.p, pairs.n > LOG_LINE_MAX ? LOG_LINE_MAX : pairs.n});
	if (l->format == LOG_FORMAT_ECS)
		ecs_line(l, now, level, event, pairs.n > LOG_LINE_MAX);
	else
		text_line(l, now, level, event);
	put_line(l);
}

void log_fold_repeats(struct log *l)
{
	if (!l->fold)
		l->fold = xcalloc(1, sizeof(*l->fold));
}

void log_flush(struct log *l)
{
	if (l->fold)
		log_fold_flush(l->fold, clock_mono_ms(), write_event, l);
}

void log_event(struct log *l, enum log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;

	CHECK(level <= LOG_LEVEL_ERROR);
	strbuf_reset(&l->pairs);
	va_start(ap, fmt);
	strbuf_vaddf(&l->pairs, fmt, ap);
	va_end(ap);
	if (l->fold &&
	    !log_fold_take(l->fold, level, event, strbuf_span(&l->pairs), clock_mono_ms(), write_event, l))
		return;
	write_event(l, level, event, strbuf_span(&l->pairs));
}
