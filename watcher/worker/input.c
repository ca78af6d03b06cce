/*
 * input - the claimed file as records; see the header
 *
 * Called by the gate, the load and --convert.
 */
#include "watcher/base/base.h"
#include "watcher/worker/input.h"
#include "watcher/base/crash.h"
#include "watcher/decode/sniff.h"
#include "watcher/worker/row.h"

static const char rejects_head[] = "_line,_column,_error,";

/* The name's extension and the profile decide; a job may say what the content is. */
static int choose_format(const struct version *v, const char *file, unsigned *out, struct fault *f)
{
	unsigned by_name = format_of_name(file);
	unsigned format = by_name;

	if (v->job->input.format != INPUT_BY_EXTENSION)
		format = v->job->input.format == INPUT_CSV ? FORMAT_CSV : FORMAT_TXT;
	if (!format || (by_name && !(v->formats & by_name)) || !(v->formats & format))
		return fault_set(f, FAULT_DATA,
				 "File format not allowed: \"%s\"; this tenant may send %s%s%s", file,
				 v->formats & FORMAT_CSV ? ".csv" : "",
				 v->formats == (FORMAT_CSV | FORMAT_TXT) ? " and " : "",
				 v->formats & FORMAT_TXT ? ".txt" : "");
	*out = format;
	return 0;
}

static int refuse_rejects(struct stream *s, const char *file, struct fault *f)
{
	char head[sizeof(rejects_head)];
	size_t got = 0;

	if (!span_ends(span_of(file), SPAN_LITERAL(".rejects.csv")))
		return 0;
	if (stream_look(s, 0, head, sizeof(rejects_head) - 1, &got, f) < 0)
		return -1;
	if (span_equal((struct span){head, got}, SPAN_LITERAL("_line,_column,_error,")))
		return fault_set(f, FAULT_DATA,
				 "repair by rejects file: not in this version; mend the rows and send "
				 "them as a file of their own");
	return 0;
}

static int read_window(void *stream, void *buf, size_t n, size_t *got, struct fault *f)
{
	int r = stream_read(stream, buf, n, got, f);

	crash_point("decode");
	return r;
}

int input_open(int fd, const struct version *v, const char *file, const struct parser_start *start,
	       struct input *out, struct fault *f)
{
	struct parser_options o = {0};
	struct parser_source source;
	struct input in = {0};

	if (choose_format(v, file, &in.format, f) < 0)
		return -1;
	in.stream = stream_digest_new(stream_file_new(fd, start ? start->offset : 0));
	o.format = in.format == FORMAT_CSV ? PARSER_CSV : PARSER_TXT;
	o.header = v->job->input.header;
	o.split_fields = row_wants_fields(v, in.format);
	o.max_columns = (size_t)v->max_columns;
	o.max_row_bytes = (size_t)v->max_row_bytes;
	source = (struct parser_source){in.stream, read_window, stream_look};
	if (sniff_check(in.stream, format_name((enum format_bit)in.format), f) < 0 ||
	    refuse_rejects(in.stream, file, f) < 0 ||
	    parser_new(&o, &source, start, &in.parser, f) < 0) {
		input_close(&in);
		return -1;
	}
	*out = in;
	return 0;
}

int input_next(struct input *in, struct record *rec, struct fault *f)
{
	int r = parser_next(in->parser, rec, f);

	crash_point("parse");
	return r;
}

int input_digest(struct input *in, char hex[DIGEST_HEX], unsigned char raw[DIGEST_SIZE],
		 uint64_t *bytes, struct fault *f)
{
	if (stream_drain(in->stream, f) < 0)
		return -1;
	stream_digest_end(in->stream, raw, bytes);
	digest_hex(raw, hex);
	crash_point("digest");
	return 0;
}

void input_close(struct input *in)
{
	parser_free(&in->parser);
	stream_free(&in->stream);
}

int input_digest_of(int fd, char hex[DIGEST_HEX], uint64_t *bytes, struct fault *f)
{
	struct stream *s = stream_digest_new(stream_file_new(fd, 0));
	unsigned char raw[DIGEST_SIZE];
	int r = stream_drain(s, f);

	if (r == 0) {
		stream_digest_end(s, raw, bytes);
		digest_hex(raw, hex);
	}
	stream_free(&s);
	return r;
}
