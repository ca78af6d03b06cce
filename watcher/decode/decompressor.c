/*
 * decompressor - members, padding, limits and places around a codec; see the header
 *
 * Called by stream_codec, once for the pass and once more for looks.  Owns the codec's state and a window of input.
 */
#include "watcher/base/base.h"
#include "watcher/decode/decompressor.h"

#define WINDOW (64 * 1024)

enum place {
	BEFORE,  /* a member must begin here */
	INSIDE,  /* of a member */
	BETWEEN, /* behind a member: another one, padding, or the end */
	PADDING, /* zero bytes only */
	DONE,
};

struct decompressor {
	const struct codec *codec;
	struct decompressor_limits limits;
	void *context;
	decode_read_fn read;
	void *state;
	enum place place;
	struct codec_in in;
	uint64_t taken;    /* compressed bytes read */
	uint64_t produced; /* decompressed bytes */
	uint64_t padding;  /* zero bytes since the last member */
	bool eof;
	unsigned char window[WINDOW];
};

struct decompressor *decompressor_new(const struct codec *codec,
				      const struct decompressor_limits *limits, void *context,
				      decode_read_fn read)
{
	struct decompressor *d = xcalloc(1, sizeof(*d));

	CHECK(codec && read && limits->max_ratio > 0);
	d->codec = codec;
	d->limits = *limits;
	d->context = context;
	d->read = read;
	return d;
}

void decompressor_free(struct decompressor **dp)
{
	struct decompressor *d = *dp;

	if (!d)
		return;
	if (d->state)
		d->codec->free(d->state);
	free(d);
	*dp = NULL;
}

/* Where the next compressed byte stands. */
static uint64_t at(const struct decompressor *d)
{
	return d->taken - d->in.n;
}

static int fill(struct decompressor *d, struct fault *f)
{
	size_t got;

	if (d->in.n || d->eof)
		return 0;
	if (d->read(d->context, d->window, sizeof(d->window), &got, f) < 0)
		return -1;
	d->in = (struct codec_in){d->window, got};
	d->taken += got;
	d->eof = got == 0;
	return 0;
}

static int cut_off(const struct decompressor *d, struct fault *f)
{
	return fault_set(f, FAULT_DATA,
			 "the %s data ends at byte %llu, in the middle (%llu bytes decompressed so far): "
			 "the file is not whole; send it again",
			 d->codec->name, (unsigned long long)at(d), (unsigned long long)d->produced);
}

static int left_over(const struct decompressor *d, struct fault *f)
{
	return fault_set(f, FAULT_DATA,
			 "at byte %llu, behind the end of the %s data, there is something else; send the "
			 "compressed file alone",
			 (unsigned long long)at(d), d->codec->name);
}

static int judge_output(const struct decompressor *d, struct fault *f)
{
	if (d->produced > d->limits.max_output)
		return fault_set(f, FAULT_DATA,
				 "the %s data decompresses to more than %llu bytes, the limit for one file; "
				 "send it in parts",
				 d->codec->name, (unsigned long long)d->limits.max_output);
	if (d->produced > d->limits.ratio_from && d->produced / d->limits.max_ratio > at(d))
		return fault_set(f, FAULT_DATA,
				 "the %s data decompresses to more than %llu times its size (%llu bytes from "
				 "%llu); data is not so; send it uncompressed if it is",
				 d->codec->name, (unsigned long long)d->limits.max_ratio,
				 (unsigned long long)d->produced, (unsigned long long)at(d));
	return 0;
}

/* Padding ends at the file's end; xz streams may also be padded apart. */
static int skip_padding(struct decompressor *d, struct fault *f)
{
	while (d->in.n && *d->in.p == 0) {
		d->in.p++;
		d->in.n--;
		d->padding++;
	}
	if (fill(d, f) < 0)
		return -1;
	if (d->in.n && *d->in.p == 0)
		return 0;
	if (d->padding % d->codec->padding != 0)
		return left_over(d, f);
	if (d->eof)
		d->place = DONE;
	else if (d->codec->padding > 1)
		d->place = BEFORE;
	else
		return left_over(d, f);
	return 0;
}

/* What stands behind a member? */
static enum place behind(struct decompressor *d)
{
	if (d->eof)
		return DONE;
	if (*d->in.p != 0 || !d->codec->padding)
		return BEFORE;
	d->padding = 0;
	return PADDING;
}

/* The first byte tells a member from something left over; its codec tells the rest. */
static int begin_member(struct decompressor *d, struct fault *f)
{
	if (d->eof)
		return cut_off(d, f);
	if (!d->state) {
		d->state = d->codec->start(f);
		if (!d->state)
			return -1;
	} else if (!d->codec->begins(*d->in.p)) {
		return left_over(d, f);
	}
	d->place = INSIDE;
	return 0;
}

static int run_member(struct decompressor *d, struct codec_out *out, struct fault *f)
{
	size_t before = out->n, had = d->in.n;
	enum codec_result r = d->codec->run(d->state, &d->in, out, f);

	d->produced += before - out->n;
	switch (r) {
	case CODEC_FAULT:
		return fault_prefix(f, "the %s data cannot be decompressed at byte %llu",
				    d->codec->name, (unsigned long long)at(d));
	case CODEC_END:
		d->place = BETWEEN;
		break;
	case CODEC_MORE:
		/* what is buffered inside the codec came out when nothing more does */
		if (d->eof && before == out->n && had == d->in.n)
			return cut_off(d, f);
		break;
	}
	return judge_output(d, f);
}

static int step(struct decompressor *d, struct codec_out *out, struct fault *f)
{
	if (fill(d, f) < 0)
		return -1;
	switch (d->place) {
	case BEFORE:
		return begin_member(d, f);
	case INSIDE:
		return run_member(d, out, f);
	case BETWEEN:
		d->place = behind(d);
		return 0;
	case PADDING:
		return skip_padding(d, f);
	case DONE:
		return 0;
	}
	CHECK(!"a place");
	return -1;
}

int decompressor_read(void *decompressor, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct decompressor *d = decompressor;
	struct codec_out out = {buf, n};

	CHECK(n > 0);
	while (out.n == n && d->place != DONE)
		if (step(d, &out, f) < 0)
			return -1;
	*got = n - out.n;
	return 0;
}
