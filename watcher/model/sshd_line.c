/*
 * sshd_line - one line of what `internal-sftp -l INFO` says through syslog; see the header
 *
 * Called in the daemon for every line, hostile ones among them.  Allocates nothing, keeps nothing.
 */
#include "watcher/base/base.h"
#include "watcher/model/sshd_line.h"
#include <time.h>

#define PATH_ROOM 1100 /* sshd cuts a message at 1,024 bytes */

/* --- head: TIME HOST TAG[PID]: --- */

static bool take_digits(struct span *s, size_t n, int *out)
{
	*out = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	s->p += n, s->n -= n;
	return true;
}

static bool take_char(struct span *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	s->p++, s->n--;
	return true;
}

static int take_ms(struct span *s)
{
	int ms = 0, scale = 100;

	if (!take_char(s, '.'))
		return 0;
	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; s->p++, s->n--, scale /= 10)
		ms += (s->p[0] - '0') * scale;
	return ms;
}

static bool take_zone(struct span *s, int *seconds)
{
	int hours, minutes, sign = s->n && s->p[0] == '-' ? -1 : 1;

	*seconds = 0;
	if (take_char(s, 'Z'))
		return true;
	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (!take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes))
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool take_time(struct span *s, int64_t *ms)
{
	struct tm tm = {0};
	int part, zone;

	if (!take_digits(s, 4, &tm.tm_year) || !take_char(s, '-') || !take_digits(s, 2, &tm.tm_mon) ||
	    !take_char(s, '-') || !take_digits(s, 2, &tm.tm_mday) || !take_char(s, 'T') ||
	    !take_digits(s, 2, &tm.tm_hour) || !take_char(s, ':') || !take_digits(s, 2, &tm.tm_min) ||
	    !take_char(s, ':') || !take_digits(s, 2, &tm.tm_sec))
		return false;
	part = take_ms(s);
	if (tm.tm_year < 1970 || !take_zone(s, &zone) || !take_char(s, ' '))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ms = ((int64_t)timegm(&tm) - zone) * 1000 + part;
	return true;
}

static bool take_word(struct span *s, struct span *word)
{
	const char *blank = s->n ? memchr(s->p, ' ', s->n) : NULL;

	if (!blank)
		return false;
	*word = (struct span){s->p, (size_t)(blank - s->p)};
	s->n -= word->n + 1;
	s->p = blank + 1;
	return word->n > 0;
}

static bool take_tag(struct span *s, unsigned long *pid)
{
	static const char *const programs[] = {"internal-sftp[", "sftp-server["};
	struct span tag;

	if (!take_word(s, &tag) || tag.n < 3 || memcmp(tag.p + tag.n - 2, "]:", 2) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		struct span rest = tag;

		if (!span_starts(tag, span_of(programs[i])))
			continue;
		rest.p += strlen(programs[i]);
		rest.n -= strlen(programs[i]) + 2;
		*pid = 0;
		for (; rest.n && rest.p[0] >= '0' && rest.p[0] <= '9' && *pid < 100000000; rest.p++, rest.n--)
			*pid = *pid * 10 + (unsigned long)(rest.p[0] - '0');
		return rest.n == 0 && *pid > 0;
	}
	return false;
}

/* --- paths --- */

static int octal(struct span s, size_t at)
{
	int v = 0;

	for (size_t i = at; i < at + 3; i++) {
		if (i >= s.n || s.p[i] < '0' || s.p[i] > '7')
			return -1;
		v = v * 8 + (s.p[i] - '0');
	}
	return v < 256 ? v : -1;
}

/* vis(3) with VIS_CSTYLE and VIS_OCTAL; 0: no such text, or too long. */
static size_t unvis(struct span s, char out[PATH_ROOM])
{
	static const char letters[] = "nrbavtfs0\\", bytes[] = "\n\r\b\a\v\t\f \0\\";
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *letter;
		int v;

		if (n + 1 >= PATH_ROOM)
			return 0;
		if (s.p[i] != '\\') {
			out[n++] = s.p[i];
			continue;
		}
		v = octal(s, i + 1);
		if (v >= 0) {
			out[n++] = (char)v;
			i += 3;
			continue;
		}
		letter = i + 1 < s.n && s.p[i + 1] ? strchr(letters, s.p[i + 1]) : NULL;
		if (!letter)
			return 0;
		out[n++] = bytes[letter - letters];
		i++;
	}
	out[n] = '\0';
	return n;
}

/* The one piece below /in/, or nothing: a path with other folders, or outside. */
static bool name_of(struct span path, char name[256])
{
	char text[PATH_ROOM];
	struct span pieces[16];
	size_t n = unvis(path, text), depth = 0;

	if (!n || memchr(text, '\0', n))
		return false;
	for (size_t i = 0; i < n;) {
		size_t from = i;

		while (i < n && text[i] != '/')
			i++;
		if (i - from == 2 && memcmp(text + from, "..", 2) == 0)
			depth -= depth > 0;
		else if (i > from && !(i - from == 1 && text[from] == '.') && depth < ARRAY_LEN(pieces))
			pieces[depth++] = (struct span){text + from, i - from};
		i++;
	}
	if (depth != 2 || !span_is(pieces[0], "in") || pieces[1].n > 255)
		return false;
	memcpy(name, pieces[1].p, pieces[1].n);
	name[pieces[1].n] = '\0';
	return true;
}

/* --- messages, from their end --- */

static bool cut_begin(struct span *s, const char *begin)
{
	if (!span_starts(*s, span_of(begin)))
		return false;
	s->p += strlen(begin), s->n -= strlen(begin);
	return true;
}

static bool cut_end(struct span *s, const char *end)
{
	if (!span_ends(*s, span_of(end)))
		return false;
	s->n -= strlen(end);
	return true;
}

static bool cut_number(struct span *s, uint64_t *out)
{
	uint64_t scale = 1;
	size_t n = 0;

	for (*out = 0; s->n && s->p[s->n - 1] >= '0' && s->p[s->n - 1] <= '9' && n < 18; s->n--, n++, scale *= 10)
		*out += (uint64_t)(s->p[s->n - 1] - '0') * scale;
	return n > 0;
}

/* What stands behind the path's quote is one word without a quote or blank. */
static bool cut_word(struct span *s)
{
	size_t n = s->n;

	while (n && s->p[n - 1] != ' ' && s->p[n - 1] != '"')
		n--;
	if (n == s->n)
		return false;
	s->n = n;
	return true;
}

static bool take_close(struct span s, struct sshd_line *l)
{
	uint64_t read;

	if (cut_begin(&s, "forced close \""))
		l->kind = SSHD_FORCED;
	else if (cut_begin(&s, "close \""))
		l->kind = SSHD_CLOSE;
	else
		return false;
	if (!cut_number(&s, &l->written) || !cut_end(&s, " written ") || !cut_number(&s, &read) ||
	    !cut_end(&s, "\" bytes read "))
		return false;
	l->has_name = name_of(s, l->name);
	return true;
}

static bool take_open(struct span s, struct sshd_line *l)
{
	struct span flags, whole;

	if (!cut_begin(&s, "open \"") || !cut_word(&s) || !cut_end(&s, " mode "))
		return false;
	whole = s;
	if (!cut_word(&s))
		return false;
	flags = (struct span){s.p + s.n, whole.n - s.n};
	if (!cut_end(&s, "\" flags "))
		return false;
	l->kind = SSHD_OPEN;
	l->has_name = name_of(s, l->name);
	return memmem(flags.p, flags.n, "WRITE", 5) || memmem(flags.p, flags.n, "APPEND", 6);
}

static bool take_set(struct span s, struct sshd_line *l)
{
	uint64_t number;
	struct span t;

	if (!cut_begin(&s, "set \""))
		return false;
	t = s;
	l->kind = SSHD_RESIZE;
	if (!cut_number(&t, &number) || !cut_end(&t, "\" size ")) {
		l->kind = SSHD_TOUCH;
		t = s;
		if (!cut_word(&t) || (!cut_end(&t, "\" mode ") && !cut_end(&t, "\" modtime "))) {
			t = s;
			if (!cut_number(&t, &number) || !cut_end(&t, " group ") || !cut_number(&t, &number) ||
			    !cut_end(&t, "\" owner "))
				return false;
		}
	}
	l->has_name = name_of(t, l->name);
	return true;
}

/* Two paths: one place alone may part them. */
static bool take_pair(struct span s, struct sshd_line *l, enum sshd_kind kind)
{
	static const char middle[] = "\" new \"";
	const char *at = s.n ? memmem(s.p, s.n, middle, strlen(middle)) : NULL;
	struct span rest;

	if (!at || !cut_end(&s, "\"") || at + strlen(middle) > s.p + s.n)
		return false;
	l->kind = kind;
	rest.p = at + strlen(middle);
	rest.n = (size_t)(s.p + s.n - rest.p);
	l->has_other = name_of(rest, l->other);
	l->has_name = name_of((struct span){s.p, (size_t)(at - s.p)}, l->name);
	/* overlapping ones too: "x" new "y" new "z" */
	if (memmem(at + 1, (size_t)(s.p + s.n - at - 1), middle, strlen(middle)))
		l->kind = SSHD_UNCLEAR;
	return true;
}

static bool take_message(struct span s, struct sshd_line *l)
{
	struct span t = s;

	if (take_close(s, l) || take_open(s, l) || take_set(s, l))
		return true;
	if (cut_begin(&t, "rename old \"") || cut_begin(&t, "posix-rename old \""))
		return take_pair(t, l, SSHD_RENAME);
	if (cut_begin(&t, "hardlink old \"") || cut_begin(&t, "symlink old \""))
		return take_pair(t, l, SSHD_LINK);
	if (cut_begin(&t, "remove name \"") && cut_end(&t, "\"")) {
		l->kind = SSHD_REMOVE;
		l->has_name = name_of(t, l->name);
		return true;
	}
	l->kind = SSHD_FAILED;
	return span_is(s, "sent status Failure");
}

bool sshd_line_parse(struct span line, struct sshd_line *out)
{
	struct span host;

	memset(out, 0, sizeof(*out));
	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (!take_time(&line, &out->time_ms) || !take_word(&line, &host) || !take_tag(&line, &out->pid))
		return false;
	while (line.n && line.p[0] == ' ')
		line.p++, line.n--;
	return take_message(line, out);
}
