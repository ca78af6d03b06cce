/*
 * input - the claimed file as records; see the header
 *
 * Called by the gate, the load and --convert.  Puts the stream and the parser together and watches the bytes between them.
 */
#include "watcher/base/base.h"
#include "watcher/worker/input.h"
#include "watcher/base/crash.h"
#include "watcher/decode/sniff.h"

#define REJECTS_SUFFIX ".rejects.csv"
#define REJECTS_HEAD "_line,_column,_error,"

struct input {
	struct stream *stream;
	struct parser *parser;
	unsigned format;
	struct input_ticker ticker;
};

static int tick(const struct input_ticker *t, struct fault *f)
{
	return t->tick ? t->tick(t->context, f) : 0;
}

static int read_bytes(void *context, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct input *in = context;

	if (tick(&in->ticker, f) < 0 || stream_read(in->stream, buf, n, got, f) < 0)
		return -1;
	crash_point("decode");
	return 0;
}

static int look_bytes(void *context, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct input *in = context;

	if (tick(&in->ticker, f) < 0)
		return -1;
	return stream_look(in->stream, at, buf, n, got, f);
}

static int refuse_format(const struct version *v, const char *file, struct fault *f)
{
	bool csv = v->formats & FORMAT_CSV, txt = v->formats & FORMAT_TXT;

	return fault_set(f, FAULT_DATA, "File format not allowed: \"%s\"; this tenant may send %s%s%s",
			 file, csv ? ".csv" : "", csv && txt ? " and " : "", txt ? ".txt" : "");
}

/* The profile allows by extension; a job may say what the content of another name is. */
int input_format_of(const struct version *v, const char *file, unsigned *out, struct fault *f)
{
	unsigned by_name = format_of_name(file);
	unsigned format = by_name;

	switch (v->job->input.format) {
	case INPUT_BY_EXTENSION:
		break;
	case INPUT_CSV:
		format = FORMAT_CSV;
		break;
	case INPUT_TXT:
		format = FORMAT_TXT;
		break;
	}
	if (!(v->formats & format) || (by_name && !(v->formats & by_name)))
		return refuse_format(v, file, f);
	*out = format;
	return 0;
}

/* A list of rejects that comes back mended belongs to the delivery it speaks of, and that is not built. */
static int refuse_rejects(struct stream *s, const char *file, struct fault *f)
{
	char head[sizeof(REJECTS_HEAD) - 1];
	size_t have = 0, got = 1;

	if (!span_ends(span_of(file), SPAN_LITERAL(REJECTS_SUFFIX)))
		return 0;
	while (have < sizeof(head) && got > 0) {
		if (stream_look(s, have, head + have, sizeof(head) - have, &got, f) < 0)
			return -1;
		have += got;
	}
	if (!span_equal((struct span){head, have}, SPAN_LITERAL(REJECTS_HEAD)))
		return 0;
	return fault_set(f, FAULT_DATA,
			 "repair by rejects file: not in this version; mend the rows, take the first "
			 "three columns away and send them as a file of their own");
}

static int open_parser(struct input *in, const struct input_options *o, struct fault *f)
{
	struct parser_source source = {in, read_bytes, look_bytes};
	struct parser_options po = {
		.format = in->format == FORMAT_CSV ? PARSER_CSV : PARSER_TXT,
		.header = o->version->job->input.header,
		.split_fields = o->split_fields && in->format == FORMAT_CSV,
		.max_columns = (size_t)o->version->max_columns,
		.max_row_bytes = (size_t)o->version->max_row_bytes,
	};

	return parser_new(&po, &source, o->start, &in->parser, f);
}

int input_new(int fd, const struct input_options *o, struct input **out, struct fault *f)
{
	struct input *in = xcalloc(1, sizeof(*in));

	CHECK(!o->digest || !o->start);
	in->ticker = o->ticker;
	in->stream = stream_file_new(fd, o->start ? o->start->offset : 0);
	if (o->digest)
		in->stream = stream_digest_new(in->stream);
	if (input_format_of(o->version, o->file, &in->format, f) < 0 ||
	    sniff_check(in->stream, format_name((enum format_bit)in->format), f) < 0 ||
	    refuse_rejects(in->stream, o->file, f) < 0 || open_parser(in, o, f) < 0) {
		input_free(&in);
		return -1;
	}
	*out = in;
	return 0;
}

void input_free(struct input **inp)
{
	struct input *in = *inp;

	if (!in)
		return;
	parser_free(&in->parser);
	stream_free(&in->stream);
	free(in);
	*inp = NULL;
}

int input_next(struct input *in, struct record *rec, struct fault *f)
{
	int r = parser_next(in->parser, rec, f);

	if (r == 1)
		crash_point("parse");
	return r;
}

int input_look(struct input *in, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
{
	return stream_look(in->stream, at, buf, n, got, f);
}

const struct parser_header *input_header(const struct input *in)
{
	return parser_header(in->parser);
}

unsigned input_format(const struct input *in)
{
	return in->format;
}

/* To the end, a window at a time, so that the daemon hears of it. */
static int drain(struct stream *s, const struct input_ticker *t, struct fault *f)
{
	char *buf = xmalloc(STREAM_WINDOW);
	size_t got = 0;
	int r;

	do
		r = tick(t, f) < 0 ? -1 : stream_read(s, buf, STREAM_WINDOW, &got, f);
	while (r == 0 && got > 0);
	free(buf);
	return r;
}

int input_digest(struct input *in, char hex[DIGEST_HEX], unsigned char raw[DIGEST_SIZE],
		 uint64_t *bytes, struct fault *f)
{
	if (drain(in->stream, &in->ticker, f) < 0)
		return -1;
	stream_digest_end(in->stream, raw, bytes);
	digest_hex(raw, hex);
	crash_point("digest");
	return 0;
}

int input_digest_of(int fd, const struct input_ticker *ticker, char hex[DIGEST_HEX], uint64_t *bytes,
		    struct fault *f)
{
	struct stream *s = stream_digest_new(stream_file_new(fd, 0));
	unsigned char raw[DIGEST_SIZE];
	int r = drain(s, ticker, f);

	if (r == 0) {
		stream_digest_end(s, raw, bytes);
		digest_hex(raw, hex);
	}
	stream_free(&s);
	return r;
}
