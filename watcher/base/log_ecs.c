/*
 * log_ecs - a log line as one JSON object; see the header
 *
 * Called by log.c.  The pairs come from format strings, so they may hold anything: a value that only looks like a JSON
 * string is written as text, a word without "=" is in the message only, a key that comes twice keeps its last value
 * (OpenSearch refuses an object with a name twice).
 */
#include "watcher/base/log_ecs.h"
#include "watcher/base/json_out.h"
#include "watcher/base/log.h"

#define LABELS_MAX 64
#define ECS_VERSION "8.11.0" /* the ECS logging specification wants it in every line */
#define MESSAGE_MAX (6 * 1024)
#define TAIL ",\"truncated\":\"true\"}}\n"

struct labels {
	struct {
		struct span key;
		struct span value;
	} row[LABELS_MAX];
	size_t n;
	bool cut;
};

/* Length of the escape behind a backslash at p, 0 when it is none of JSON's. */
static size_t escape_length(const char *p, size_t n)
{
	if (n < 2)
		return 0;
	if (p[1] && strchr("\"\\/bfnrt", p[1]))
		return 2;
	if (p[1] != 'u' || n < 6)
		return 0;
	for (size_t i = 2; i < 6; i++)
		if (!p[i] || !strchr("0123456789abcdefABCDEF", p[i]))
			return 0;
	return 6;
}

/* Length of the JSON string at the start of s, 0 when there is none. */
static size_t json_string_length(struct span s)
{
	size_t i = 1;

	if (!s.n || s.p[0] != '"')
		return 0;
	while (i < s.n && s.p[i] != '"') {
		size_t step = s.p[i] == '\\' ? escape_length(s.p + i, s.n - i) : 1;

		if (!step)
			return 0;
		i += step;
	}
	return i < s.n ? i + 1 : 0;
}

/* A JSON string with a blank or the end behind it, else everything up to the next blank. */
static size_t value_length(struct span s)
{
	size_t n = json_string_length(s);

	if (n && (n == s.n || s.p[n] == ' '))
		return n;
	for (n = 0; n < s.n && s.p[n] != ' '; n++)
		;
	return n;
}

static void keep_label(struct labels *l, struct span key, struct span value)
{
	size_t i = 0;

	while (i < l->n && !span_equal(l->row[i].key, key))
		i++;
	if (i == LABELS_MAX) {
		l->cut = true;
		return;
	}
	l->row[i].key = key;
	l->row[i].value = value;
	if (i == l->n)
		l->n++;
}

static struct span skip(struct span s, size_t n)
{
	return (struct span){s.p + n, s.n - n};
}

static void collect(struct labels *l, struct span s)
{
	while (s.n) {
		struct span key = {s.p, 0};
		size_t n;

		while (key.n < s.n && s.p[key.n] != '=' && s.p[key.n] != ' ')
			key.n++;
		s = skip(s, key.n);
		if (!s.n)
			break;
		if (s.p[0] == ' ' || !key.n) {
			s = skip(s, 1);
			continue;
		}
		s = skip(s, 1);
		n = value_length(s);
		keep_label(l, key, (struct span){s.p, n});
		s = skip(s, n);
	}
}

/* The longest front of s, whole characters, that is at most max bytes as JSON. */
static struct span front_that_fits(struct span s, size_t max)
{
	size_t i = 0, size = 0;

	for (; i < s.n; i++) {
		size += s.p[i] == '"' || s.p[i] == '\\' ? 2 : 1;
		if (size > max)
			break;
	}
	while (i < s.n && i && ((unsigned char)s.p[i] & 0xc0) == 0x80)
		i--;
	return (struct span){s.p, i};
}

static void add_message(struct strbuf *sb, const struct log_ecs_line *in, struct labels *labels)
{
	struct strbuf text = STRBUF_INIT;
	struct span front;

	strbuf_adds(&text, in->event);
	if (in->pairs.n)
		strbuf_addc(&text, ' ');
	strbuf_addspan(&text, in->pairs);
	front = front_that_fits(strbuf_span(&text), MESSAGE_MAX);
	json_pair_span(sb, "message", front);
	if (front.n < text.n)
		labels->cut = true;
	strbuf_release(&text);
}

static void add_label(struct strbuf *sb, struct labels *labels, size_t i, size_t limit)
{
	struct span value = labels->row[i].value;
	size_t before = sb->n;

	json_add_comma(sb);
	json_add_lossy(sb, labels->row[i].key);
	strbuf_addc(sb, ':');
	if (value.n && json_string_length(value) == value.n)
		strbuf_addspan(sb, value);
	else
		json_add_lossy(sb, value);
	if (sb->n <= limit)
		return;
	strbuf_cut(sb, before);
	labels->cut = true;
}

void log_ecs_add(struct strbuf *sb, const struct log_ecs_line *in)
{
	size_t limit = sb->n + LOG_LINE_MAX - (sizeof(TAIL) - 1);
	struct labels labels;

	labels.n = 0;
	labels.cut = in->cut;
	strbuf_addc(sb, '{');
	json_pair_string(sb, "@timestamp", in->now);
	json_pair_string(sb, "log.level", in->level);
	json_pair_string(sb, "ecs.version", ECS_VERSION);
	json_pair_string(sb, "event.action", in->event);
	add_message(sb, in, &labels);
	collect(&labels, in->context);
	collect(&labels, in->pairs);
	json_add_key(sb, "labels");
	strbuf_addc(sb, '{');
	for (size_t i = 0; i < labels.n; i++)
		add_label(sb, &labels, i, limit);
	if (labels.cut)
		json_pair_string(sb, "truncated", "true");
	strbuf_adds(sb, "}}");
}
