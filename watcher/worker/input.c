/*
 * input - the claimed file as records; see the header
 *
 * Called by the gate, the load and --convert.  Puts the stream and the parser together and watches the bytes between them.
 */
#include "watcher/base/base.h"
#include "watcher/worker/input.h"
#include "watcher/base/crash.h"
#include "watcher/decode/sniff.h"
#include "watcher/model/keyring.h"

#define REJECTS_SUFFIX ".rejects.csv"
#define REJECTS_HEAD "_line,_column,_error,"

/* What a compressed file may become (delivery.md, Decompression). */
#define OUTPUT_MAX (UINT64_C(64) << 30)
#define RATIO_MAX 250
#define RATIO_FROM (UINT64_C(64) << 20)
#define SKIP_PIECE (UINT64_C(16) << 20)

struct input {
	struct stream *stream; /* what the parser reads: the top of the stack */
	struct stream *digest; /* in it, on the file; or NULL */
	struct layers layers;
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
	struct strbuf list = STRBUF_INIT;

	format_list(&list, v->formats);
	fault_set(f, FAULT_DATA, "File format not allowed: \"%s\"; this tenant may send %s", file, list.p);
	strbuf_release(&list);
	return -1;
}

/* The profile allows by extension; a job may say what the content of another name is. */
int input_format_of(const struct version *v, const char *file, unsigned *out, struct fault *f)
{
	struct name_format n = format_of_name(file);
	unsigned format = n.format;

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
	if (!(v->formats & format) || ((n.format | n.layers) & ~v->formats))
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
		.usual = o->usual,
		.max_columns = (size_t)o->version->max_columns,
		.max_row_bytes = (size_t)o->version->max_row_bytes,
		.scan = plain_kernel(),
	};

	return parser_new(&po, &source, o->start, &in->parser, f);
}

/* Layers without random access give what is before the place again, a piece at a time, so that the daemon hears of it. */
static int skip(struct input *in, uint64_t n, struct fault *f)
{
	uint64_t piece = in->layers.found & FORMAT_COMPRESSED ? SKIP_PIECE : n;

	for (; n > 0; n -= piece) {
		piece = piece < n ? piece : n;
		if (tick(&in->ticker, f) < 0 || stream_skip(in->stream, piece, f) < 0)
			return -1;
	}
	return 0;
}

static int open_layers(struct input *in, const struct input_options *o, struct fault *f)
{
	const struct version *v = o->version;
	struct layers_options lo = {
		.allowed = v->formats,
		.named = format_of_name(o->file).layers,
		.encrypted = v->encryption_required,
		.keys = o->keys,
		.limits = {OUTPUT_MAX, RATIO_MAX, RATIO_FROM},
	};
	const char *expected = format_name((enum format_bit)in->format);

	if (v->max_file_bytes >= 0 && (uint64_t)v->max_file_bytes < OUTPUT_MAX)
		lo.limits.max_output = (uint64_t)v->max_file_bytes;
	if (layers_open(&in->stream, &lo, &in->layers, f) < 0 ||
	    sniff_check(in->stream, expected, v->formats & FORMAT_AGE ? KEYRING_LINE : NULL, f) < 0)
		return -1;
	return layers_check(&lo, &in->layers, f);
}

int input_new(int fd, const struct input_options *o, struct input **out, struct fault *f)
{
	struct input *in = xcalloc(1, sizeof(*in));

	CHECK(!o->digest || !o->start);
	in->ticker = o->ticker;
	in->stream = stream_file_new(fd, 0);
	if (o->digest)
		in->stream = in->digest = stream_digest_new(in->stream);
	if (input_format_of(o->version, o->file, &in->format, f) < 0 ||
	    open_layers(in, o, f) < 0 ||
	    refuse_rejects(in->stream, o->file, f) < 0 ||
	    skip(in, o->start ? o->start->offset : 0, f) < 0 || open_parser(in, o, f) < 0) {
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

bool input_is_layered(const struct input *in)
{
	return in->layers.found != 0;
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
	/* the layers first: each has seen its end, and what it left of the file is nothing of it */
	if (drain(in->stream, &in->ticker, f) < 0 || drain(in->digest, &in->ticker, f) < 0)
		return -1;
	stream_digest_end(in->digest, raw, bytes);
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
