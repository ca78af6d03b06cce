/*
 * log - one line an event; see the header
 *
 * A line is built in one buffer and written by one write(2) with O_APPEND, so that lines of several programs never mix.
 * Whatever control byte got through a format is escaped before the write: one event is one line, always.
 */
#include "watcher/base/log.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include <fcntl.h>
#include <unistd.h>

#define LINE_MAX_BYTES (16 * 1024)

struct log {
	char *path; /* NULL: standard error */
	char *context;
	enum log_format format;
	int fd;
	uint64_t lost;
	struct strbuf pairs;
	struct strbuf line;
};

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
	strbuf_init(&l->line);
	*out = l;
	return 0;
}

void log_free(struct log **lp)
{
	struct log *l = *lp;

	if (!l)
		return;
	if (l->path)
		close(l->fd);
	free(l->path);
	free(l->context);
	strbuf_release(&l->pairs);
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
	close(l->fd);
	l->fd = fd;
	return 0;
}

void log_set_context(struct log *l, const char *context)
{
	free(l->context);
	l->context = xstrdup(context);
}

uint64_t log_lost(const struct log *l)
{
	return l->lost;
}

static bool is_bare(struct span s)
{
	if (!s.n || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f)
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

/* Control bytes that a format let through, DEL and C1 included, become \u00XX. */
static void escape_controls(struct strbuf *sb, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool c1 = c == 0xc2 && i + 1 < text.n && ((unsigned char)text.p[i + 1] & 0xe0) == 0x80;

		if (c1)
			c = (unsigned char)text.p[++i];
		if (c1 || c < 0x20 || c == 0x7f)
			strbuf_addf(sb, "\\u%04x", c);
		else
			strbuf_addc(sb, (char)c);
	}
}

static void text_line(struct log *l, const char *now, enum log_level level, const char *event)
{
	strbuf_addf(&l->line, "%s %-5s %s", now, level_names[level], event);
	if (l->context[0])
		strbuf_addf(&l->line, " %s", l->context);
	if (l->pairs.n) {
		strbuf_addc(&l->line, ' ');
		escape_controls(&l->line, strbuf_span(&l->pairs));
	}
}

/* End of the value that starts at i: a JSON string, or up to the next blank. */
static size_t value_end(struct span s, size_t i)
{
	bool string = i < s.n && s.p[i] == '"';

	if (!string) {
		while (i < s.n && s.p[i] != ' ')
			i++;
		return i;
	}
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i + 1 : s.n;
}

/* key=value pairs to JSON members; a value that is a JSON string already passes through. */
static void add_labels(struct strbuf *sb, struct span s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t key = i, end;
		struct span value;

		while (i < s.n && s.p[i] != '=' && s.p[i] != ' ')
			i++;
		if (i == s.n || s.p[i] == ' ') {
			i++;
			continue;
		}
		json_add_comma(sb);
		json_add_lossy(sb, (struct span){s.p + key, i - key});
		strbuf_addc(sb, ':');
		end = value_end(s, ++i);
		value = (struct span){s.p + i, end - i};
		if (value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			strbuf_addspan(sb, value);
		else
			json_add_lossy(sb, value);
		i = end + 1;
	}
}

static void ecs_line(struct log *l, const char *now, enum log_level level, const char *event)
{
	struct strbuf clean = STRBUF_INIT;

	escape_controls(&clean, strbuf_span(&l->pairs));
	strbuf_addc(&l->line, '{');
	json_pair_string(&l->line, "@timestamp", now);
	json_pair_string(&l->line, "log.level", level_names[level]);
	json_pair_string(&l->line, "event.action", event);
	json_add_key(&l->line, "message");
	{
		struct strbuf message = STRBUF_INIT;

		strbuf_addf(&message, "%s %s", event, clean.p);
		json_add_lossy(&l->line, strbuf_span(&message));
		strbuf_release(&message);
	}
	json_add_key(&l->line, "labels");
	strbuf_addc(&l->line, '{');
	add_labels(&l->line, span_of(l->context));
	add_labels(&l->line, strbuf_span(&clean));
	strbuf_adds(&l->line, "}}");
	strbuf_release(&clean);
}

void log_event(struct log *l, enum log_level level, const char *event, const char *fmt, ...)
{
	char now[CLOCK_TEXT];
	va_list ap;
	ssize_t n;

	clock_format(clock_now_ms(), now);
	strbuf_reset(&l->pairs);
	strbuf_reset(&l->line);
	va_start(ap, fmt);
	strbuf_vaddf(&l->pairs, fmt, ap);
	va_end(ap);
	if (l->pairs.n > LINE_MAX_BYTES / 2) {
		strbuf_cut(&l->pairs, LINE_MAX_BYTES / 2);
		strbuf_adds(&l->pairs, "...");
	}
	if (l->format == LOG_FORMAT_ECS)
		ecs_line(l, now, level, event);
	else
		text_line(l, now, level, event);
	strbuf_addc(&l->line, '\n');
	n = write(l->fd, l->line.p, l->line.n);
	if (n != (ssize_t)l->line.n)
		l->lost++;
}
