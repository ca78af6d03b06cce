/*
 * fuzz_layers - hostile bytes through the decompressors
 *
 * The first byte chooses codec and how finely the bytes come, the second where to go on.  Checked: no crash, no leak, the limit of output;
 * reads and looks give the same bytes and the same end; a skip gives the rest.
 */
#include "watcher/base/base.h"
#include "tests/fuzz/memory_stream.h"
#include "watcher/decode/stream_codec.h"

#define OUTPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stream *open_codec(unsigned which, struct span bytes, size_t step)
{
	static const struct decompressor_limits limits = {OUTPUT_MAX, 250, OUTPUT_MAX / 2};
	static const struct codec *const codecs[] = {&codec_gzip, &codec_zstd, &codec_xz};

	return stream_codec_new(codecs[which % 3], &limits, memory_stream_new(bytes, step));
}

static void check_fault(const struct fault *f)
{
	/* memory for a window is the only other thing that can be wanting */
	CHECK((f->kind == FAULT_DATA || f->kind == FAULT_SYSTEM) && f->text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf read = STRBUF_INIT, looked = STRBUF_INIT, rest = STRBUF_INIT;
	struct span bytes = {(const char *)data + 2, size - 2};
	struct fault f = FAULT_INIT, g = FAULT_INIT, h = FAULT_INIT;
	struct stream *s;
	size_t step, skip;
	int r, l;

	if (size < 2)
		return 0;
	step = data[0] & 0x80 ? 1 + data[0] / 3 % 16 : 65536;
	r = stream_take(open_codec(data[0], bytes, step), false, SIZE_MAX, &read, &f);
	l = stream_take(open_codec(data[0], bytes, 65536), true, SIZE_MAX, &looked, &g);
	CHECK(r == l && f.kind == g.kind && read.n <= OUTPUT_MAX + STREAM_WINDOW);
	if (r < 0) {
		check_fault(&f);
		goto out;
	}
	CHECK(span_equal(strbuf_span(&read), strbuf_span(&looked)));
	skip = data[1] * read.n / 255;
	s = open_codec(data[0], bytes, step);
	CHECK(stream_skip(s, skip, &h) == 0 && stream_take(s, false, SIZE_MAX, &rest, &h) == 0);
	CHECK(span_equal(strbuf_span(&rest), (struct span){read.p + skip, read.n - skip}));
out:
	strbuf_release(&read);
	strbuf_release(&looked);
	strbuf_release(&rest);
	return 0;
}
