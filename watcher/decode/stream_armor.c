/*
 * stream_armor - a layer that takes the ASCII armor off an age file; see the header
 *
 * Made by the worker under the decrypting layer.  Owns the decoder of the pass, and the probe's while there are looks.
 */
#include "watcher/base/base.h"
#include "watcher/decode/probe.h"
#include "watcher/decode/stream_armor.h"

#define ARMOR_END "-----END AGE ENCRYPTED FILE-----"
#define COLUMNS 64
#define LINE_BYTES 48
#define SPACE_MAX 4096 /* white space before the armor */
#define WINDOW (64 * 1024)

enum place { BEFORE, INSIDE, LAST, AFTER, DONE };

struct dearmor {
	void *context;
	decode_read_fn read;
	enum place place;
	uint64_t line;
	size_t at;
	size_t end;
	bool eof;
	char bytes[LINE_BYTES]; /* of a line, decoded; bytes_at of them are given */
	size_t bytes_at;
	size_t bytes_end;
	char window[WINDOW];
};

struct stream_armor {
	struct stream head;
	struct dearmor *dearmor;
	struct probe probe;
};

static int bad(const struct dearmor *d, struct fault *f, const char *what)
{
	return fault_set(f, FAULT_DATA,
			 "the armor of the age file is damaged at line %llu: %s; send the file again",
			 (unsigned long long)d->line, what);
}

/* The next byte; -1 with *eof: there is none. */
static int next_byte(struct dearmor *d, bool *eof, struct fault *f)
{
	*eof = false;
	if (d->at == d->end && !d->eof) {
		d->at = 0;
		if (d->read(d->context, d->window, WINDOW, &d->end, f) < 0)
			return -1;
		d->eof = d->end == 0;
	}
	if (d->eof) {
		*eof = true;
		return -1;
	}
	return (unsigned char)d->window[d->at++];
}

/* A line of at most COLUMNS characters without its end, LF or CRLF; 0: there is none. */
static int next_line(struct dearmor *d, char line[COLUMNS + 1], size_t *n, struct fault *f)
{
	bool eof;
	int c;

	*n = 0;
	d->line++;
	while ((c = next_byte(d, &eof, f)) >= 0 && c != '\n') {
		if (*n == COLUMNS + 1)
			return bad(d, f, "longer than 64 characters");
		line[(*n)++] = (char)c;
	}
	if (c < 0 && !eof)
		return -1;
	if (c < 0 && *n == 0)
		return 0;
	if (*n && line[*n - 1] == '\r')
		--*n;
	return *n <= COLUMNS ? 1 : bad(d, f, "longer than 64 characters");
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int begin(struct dearmor *d, struct fault *f)
{
	char line[COLUMNS + 1];
	size_t n, spaces = 0;
	bool eof;
	int c, r;

	while ((c = next_byte(d, &eof, f)) >= 0 && is_space(c)) {
		if (++spaces > SPACE_MAX)
			return bad(d, f, "too much white space before the first line");
		d->line += c == '\n';
	}
	if (c < 0 && !eof)
		return -1;
	if (c >= 0)
		d->at--; /* the window holds what was read last */
	r = next_line(d, line, &n, f);
	if (r < 0)
		return -1;
	if (!span_is((struct span){line, n}, ARMOR_BEGIN))
		return bad(d, f, "the first line is not " ARMOR_BEGIN);
	d->place = INSIDE;
	return 0;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One line of base64, padded, canonical; false: it is none. */
static bool decode(const char *line, size_t n, char *out, size_t *got)
{
	size_t text = n;
	uint32_t bits = 0;
	unsigned have = 0;

	*got = 0;
	if (n == 0 || n % 4 != 0)
		return false;
	while (text > n - 2 && line[text - 1] == '=')
		text--;
	for (size_t i = 0; i < text; i++) {
		int v = digit(line[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[(*got)++] = (char)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0;
}

static int inside(struct dearmor *d, struct fault *f)
{
	char line[COLUMNS + 1];
	size_t n;
	int r = next_line(d, line, &n, f);

	if (r < 0)
		return -1;
	if (r == 0)
		return bad(d, f, "the file ends before the last line of the armor: it is not whole");
	if (span_is((struct span){line, n}, ARMOR_END)) {
		d->place = AFTER;
		return 0;
	}
	if (d->place == LAST)
		return bad(d, f, "a line behind a short one");
	d->bytes_at = 0;
	if (!decode(line, n, d->bytes, &d->bytes_end))
		return bad(d, f, "no canonical base64");
	if (n < COLUMNS || d->bytes_end < LINE_BYTES)
		d->place = LAST;
	return 0;
}

static int after(struct dearmor *d, struct fault *f)
{
	bool eof;
	int c;

	while ((c = next_byte(d, &eof, f)) >= 0)
		if (!is_space(c))
			return bad(d, f, "something stands behind the armor");
	if (!eof)
		return -1;
	d->place = DONE;
	return 0;
}

static int step(struct dearmor *d, struct fault *f)
{
	switch (d->place) {
	case BEFORE:
		return begin(d, f);
	case INSIDE:
	case LAST:
		return inside(d, f);
	case AFTER:
		return after(d, f);
	case DONE:
		return 0;
	}
	CHECK(!"a place");
	return -1;
}

static int read_lines(struct dearmor *d, char *buf, size_t n, size_t *got, struct fault *f)
{
	size_t some;

	*got = 0;
	while (*got < n) {
		some = d->bytes_end - d->bytes_at < n - *got ? d->bytes_end - d->bytes_at : n - *got;
		memcpy(buf + *got, d->bytes + d->bytes_at, some);
		d->bytes_at += some;
		*got += some;
		if (d->bytes_at < d->bytes_end || d->place == DONE)
			return 0;
		if (step(d, f) < 0)
			return -1;
	}
	return 0;
}

static int dearmor_read(void *decoder, void *buf, size_t n, size_t *got, struct fault *f)
{
	return read_lines(decoder, buf, n, got, f);
}

static void *dearmor_new(void *context, decode_read_fn read)
{
	struct dearmor *d = xcalloc(1, sizeof(*d));

	d->context = context;
	d->read = read;
	return d;
}

static void *start_probe(void *owner UNUSED, void *context, decode_read_fn read)
{
	return dearmor_new(context, read);
}

static const struct probe_ops probe_ops = {start_probe, dearmor_read, free};

static int read_below(void *context, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_armor *sa = context;

	return stream_read(sa->head.below, buf, n, got, f);
}

static int read_armor(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_armor *sa = (struct stream_armor *)s;

	probe_release(&sa->probe);
	return read_lines(sa->dearmor, buf, n, got, f);
}

static int look_armor(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got,
		      struct fault *f)
{
	return probe_look(&((struct stream_armor *)s)->probe, at, buf, n, got, f);
}

static void release_armor(struct stream *s)
{
	struct stream_armor *sa = (struct stream_armor *)s;

	probe_release(&sa->probe);
	free(sa->dearmor);
	free(sa);
}

static const struct stream_ops armor_ops = {"armor", read_armor, look_armor, NULL, release_armor};

struct stream *stream_armor_new(struct stream *below)
{
	struct stream_armor *sa = xcalloc(1, sizeof(*sa));

	CHECK(below);
	sa->head.ops = &armor_ops;
	sa->head.below = below;
	sa->dearmor = dearmor_new(sa, read_below);
	probe_init(&sa->probe, &probe_ops, sa, below);
	return &sa->head;
}
