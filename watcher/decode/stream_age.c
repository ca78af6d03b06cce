/*
 * stream_age - a layer that decrypts age v1; see the header
 *
 * Made by the worker over the file and its digest.  A pass reads the layer below in order; a chunk is opened when one byte more
 * than it has was read, or the end: then it is known whether it is the last one.
 */
#include "watcher/base/base.h"
#include "watcher/decode/stream_age.h"

#define SEALED (AGE_CHUNK + AGE_TAG)

/* A chunk as it comes, and as it is. */
struct chunk {
	unsigned char sealed[SEALED + 1]; /* and the first byte of the next one */
	size_t have;
	unsigned char plain[AGE_CHUNK];
	uint64_t number;
	size_t size;
	bool valid;
	bool last;
};

struct stream_age {
	struct stream head;
	struct age_header header;
	uint64_t payload; /* where the first chunk begins, in the layer below */
	struct age_cipher *cipher;
	/* what was read for the header: sealed bytes of pass from ahead_at to ahead_end */
	size_t ahead_at;
	size_t ahead_end;
	struct chunk pass;
	size_t taken; /* of pass.plain */
	struct chunk look;
};

static struct stream_age *own(struct stream *s);

/* The header is read byte by byte, the layer below a chunk at a time. */
static int read_ahead(void *context, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_age *sa = context;

	if (sa->ahead_at == sa->ahead_end) {
		sa->ahead_at = 0;
		if (stream_read(sa->head.below, sa->pass.sealed, SEALED, &sa->ahead_end, f) < 0)
			return -1;
	}
	*got = sa->ahead_end - sa->ahead_at < n ? sa->ahead_end - sa->ahead_at : n;
	memcpy(buf, sa->pass.sealed + sa->ahead_at, *got);
	sa->ahead_at += *got;
	return 0;
}

int stream_age_header(struct stream *s, const struct age_header **header, struct fault *f)
{
	struct stream_age *sa = own(s);

	CHECK(!sa->cipher);
	if (age_header_read(sa, read_ahead, &sa->header, f) < 0)
		return -1;
	*header = &sa->header;
	return 0;
}

static int read_nonce(struct stream_age *sa, unsigned char nonce[AGE_NONCE], struct fault *f)
{
	size_t have = 0, got = 1;

	while (have < AGE_NONCE && got > 0) {
		if (read_ahead(sa, nonce + have, AGE_NONCE - have, &got, f) < 0)
			return -1;
		have += got;
	}
	if (have < AGE_NONCE)
		return fault_set(f, FAULT_DATA,
				 "the age file ends behind its header: it is not whole; send it again");
	return 0;
}

int stream_age_open(struct stream *s, const unsigned char file_key[AGE_FILE_KEY], struct fault *f)
{
	struct stream_age *sa = own(s);
	unsigned char nonce[AGE_NONCE], key[AGE_KEY];
	struct chunk *c = &sa->pass;

	CHECK(!sa->cipher);
	if (age_header_verify(&sa->header, file_key, f) < 0 || read_nonce(sa, nonce, f) < 0)
		return -1;
	sa->payload = sa->header.text.n + AGE_NONCE;
	age_payload_key(file_key, nonce, key);
	sa->cipher = age_cipher_new(key);
	age_wipe(key, sizeof(key));
	/* what was read ahead is the begin of the first chunk */
	c->have = sa->ahead_end - sa->ahead_at;
	memmove(c->sealed, c->sealed + sa->ahead_at, c->have);
	return 0;
}

static int damaged(const struct stream_age *sa, const struct chunk *c, const char *what,
		   struct fault *f)
{
	return fault_set(f, FAULT_DATA,
			 "the encrypted data is damaged in chunk %llu (bytes %llu to %llu of the age data): "
			 "%s; send the file again",
			 (unsigned long long)c->number + 1,
			 (unsigned long long)(sa->payload + c->number * SEALED),
			 (unsigned long long)(sa->payload + c->number * SEALED + c->have - 1), what);
}

static bool try_open(struct stream_age *sa, struct chunk *c, size_t n, bool last)
{
	c->last = last;
	return age_cipher_open(sa->cipher, c->number, last, c->sealed, n, c->plain) == 0;
}

/*
 * c->sealed holds the chunk, and one byte more when others follow.  A full chunk whose tag is right comes out, as every tool does
 * it; that bytes are missing or left over behind it is the fault of the next one.
 */
static int open_chunk(struct stream_age *sa, struct chunk *c, struct fault *f)
{
	bool more = c->have > SEALED;
	size_t n = more ? SEALED : c->have;

	c->valid = false;
	if (n < AGE_TAG)
		return damaged(sa, c, n ? "it ends in the middle" : "it is missing: the file is not whole", f);
	if (!try_open(sa, c, n, !more) && (n < SEALED || !try_open(sa, c, n, more)))
		return damaged(sa, c, "it was changed, cut off, or something was added", f);
	if (c->last && n == AGE_TAG && c->number > 0)
		return damaged(sa, c, "the last chunk is empty", f);
	c->size = n - AGE_TAG;
	c->valid = true;
	return 0;
}

/* The next chunk of the pass. */
static int next_chunk(struct stream_age *sa, struct fault *f)
{
	struct chunk *c = &sa->pass;
	size_t got = 1;

	if (c->valid && c->last)
		return damaged(sa, c, "something was added behind this, the last one", f);
	if (c->valid) {
		/* the byte behind the last chunk is this one's first */
		c->sealed[0] = c->sealed[SEALED];
		c->have = c->have > SEALED;
		c->number++;
	}
	while (c->have <= SEALED && got > 0) {
		if (stream_read(sa->head.below, c->sealed + c->have, SEALED + 1 - c->have, &got,
				f) < 0)
			return -1;
		c->have += got;
	}
	sa->taken = 0;
	return open_chunk(sa, c, f);
}

static bool at_end(const struct chunk *c)
{
	return c->last && c->have <= SEALED;
}

static int read_age(struct stream *s, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_age *sa = own(s);
	struct chunk *c = &sa->pass;

	CHECK(sa->cipher);
	while (!c->valid || (sa->taken == c->size && !at_end(c)))
		if (next_chunk(sa, f) < 0)
			return -1;
	*got = c->size - sa->taken < n ? c->size - sa->taken : n;
	memcpy(buf, c->plain + sa->taken, *got);
	sa->taken += *got;
	return 0;
}

static int look_chunk(struct stream_age *sa, uint64_t number, struct fault *f)
{
	struct chunk *c = &sa->look;
	size_t got = 1;

	c->valid = false;
	c->number = number;
	c->have = 0;
	while (c->have <= SEALED && got > 0) {
		if (stream_look(sa->head.below, sa->payload + number * SEALED + c->have,
				c->sealed + c->have, SEALED + 1 - c->have, &got, f) < 0)
			return -1;
		c->have += got;
	}
	/* behind the last chunk there is nothing, and to look there is no mistake */
	if (c->have == 0 && number > 0)
		return 0;
	return open_chunk(sa, c, f);
}

static int look_age(struct stream *s, uint64_t at, void *buf, size_t n, size_t *got, struct fault *f)
{
	struct stream_age *sa = own(s);
	struct chunk *c = &sa->look;
	size_t from = (size_t)(at % AGE_CHUNK);

	CHECK(sa->cipher);
	*got = 0;
	if (at >= INT64_MAX / 2)
		return 0;
	if (!c->valid || c->number != at / AGE_CHUNK)
		if (look_chunk(sa, at / AGE_CHUNK, f) < 0)
			return -1;
	if (!c->valid || from >= c->size)
		return 0;
	*got = c->size - from < n ? c->size - from : n;
	memcpy(buf, c->plain + from, *got);
	return 0;
}

/* Only before the first read.  What is before the chunk is passed over as it is: its tags were checked in an earlier pass. */
static int skip_age(struct stream *s, uint64_t offset, struct fault *f)
{
	struct stream_age *sa = own(s);
	struct chunk *c = &sa->pass;
	/* an offset at a chunk's end is in it: behind the last one there is none to begin with */
	uint64_t number = offset ? (offset - 1) / AGE_CHUNK : 0, skip = number * SEALED;
	char rest[4096];
	size_t got;

	CHECK(sa->cipher && !c->valid);
	if (skip >= c->have) {
		skip -= c->have;
		c->have = 0;
		if (stream_skip(sa->head.below, skip, f) < 0)
			return -1;
	} else if (skip) {
		memmove(c->sealed, c->sealed + skip, c->have - (size_t)skip);
		c->have -= (size_t)skip;
	}
	c->number = number;
	for (uint64_t left = offset - number * AGE_CHUNK; left > 0; left -= got) {
		if (read_age(s, rest, left < sizeof(rest) ? (size_t)left : sizeof(rest), &got, f) < 0)
			return -1;
		if (got == 0)
			return fault_set(f, FAULT_DATA, "the file ends before the place to go on from");
	}
	return 0;
}

static void release_age(struct stream *s)
{
	struct stream_age *sa = own(s);

	age_header_release(&sa->header);
	age_cipher_free(&sa->cipher);
	age_wipe(&sa->pass, sizeof(sa->pass));
	age_wipe(&sa->look, sizeof(sa->look));
	free(sa);
}

static const struct stream_ops age_ops = {"age", read_age, look_age, skip_age, release_age};

static struct stream_age *own(struct stream *s)
{
	CHECK(s && s->ops == &age_ops);
	return (struct stream_age *)s;
}

struct stream *stream_age_new(struct stream *below)
{
	struct stream_age *sa = xcalloc(1, sizeof(*sa));

	CHECK(below);
	sa->head.ops = &age_ops;
	sa->head.below = below;
	strbuf_init(&sa->header.text);
	return &sa->head;
}
