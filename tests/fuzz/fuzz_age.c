/*
 * fuzz_age - hostile bytes through the armor, the header and the chunks of age
 *
 * The first byte chooses.  Armor: reads and looks give the same.  Header: what is accepted is within its bounds.  Chunks: the rest is the
 * text, sealed as a sender does it, then damaged as the second and third byte say: only the text's begin may come out, all of it only
 * when nothing was damaged, and a skip gives the same end.
 */
#include "watcher/base/base.h"
#include "tests/fuzz/memory_stream.h"
#include "watcher/decode/stream_age.h"
#include "watcher/decode/stream_armor.h"

#define OUTPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char file_key[AGE_FILE_KEY] = "sixteen bytes..";

static void try_armor(struct span bytes, size_t step)
{
	struct strbuf read = STRBUF_INIT, looked = STRBUF_INIT;
	struct fault f = FAULT_INIT, g = FAULT_INIT;
	int r = stream_take(stream_armor_new(memory_stream_new(bytes, step)), false, OUTPUT_MAX, &read, &f);
	int l = stream_take(stream_armor_new(memory_stream_new(bytes, step)), true, OUTPUT_MAX, &looked, &g);

	CHECK(r == l && f.kind == g.kind);
	if (r == 0)
		CHECK(span_equal(strbuf_span(&read), strbuf_span(&looked)));
	else
		CHECK(f.kind == FAULT_DATA && f.text[0]);
	strbuf_release(&read);
	strbuf_release(&looked);
}

static void try_header(struct span bytes, size_t step)
{
	struct stream *s = stream_age_new(memory_stream_new(bytes, step));
	const struct age_header *h;
	struct fault f = FAULT_INIT;

	if (stream_age_header(s, &h, &f) < 0) {
		CHECK(f.kind == FAULT_DATA && f.text[0]);
	} else {
		CHECK(h->x25519_count <= AGE_STANZAS && h->x25519_count + h->other_count > 0);
		CHECK(h->signed_size < h->text.n && h->text.n <= bytes.n && h->text.n <= 64 * 1024);
		CHECK(memcmp(h->text.p, bytes.p, h->text.n) == 0);
		/* nobody can make the MAC without the key */
		CHECK(stream_age_open(s, file_key, &f) < 0 && f.kind == FAULT_DATA);
	}
	stream_free(&s);
}

/* --- chunks --- */

/* A header whose only stanza is a grease one: its key is known all the same. */
static void add_header(struct strbuf *sb)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char mac[AGE_KEY + 1] = {0};

	strbuf_adds(sb, "age-encryption.org/v1\n-> any\n\n---");
	age_header_mac(file_key, strbuf_span(sb), mac);
	strbuf_addc(sb, ' ');
	for (size_t i = 0; i < 43; i++) {
		size_t bit = 6 * i, at = bit / 8;
		unsigned two = (unsigned)mac[at] << 8 | (at + 1 < sizeof(mac) ? mac[at + 1] : 0);

		strbuf_addc(sb, digits[two >> (10 - bit % 8) & 63]);
	}
	strbuf_addc(sb, '\n');
}

static void add_payload(struct strbuf *sb, struct span text)
{
	static const unsigned char nonce[AGE_NONCE];
	unsigned char key[AGE_KEY], *sealed = xmalloc(AGE_CHUNK + AGE_TAG);
	struct age_cipher *c;
	uint64_t number = 0;
	size_t n;

	strbuf_add(sb, nonce, sizeof(nonce));
	age_payload_key(file_key, nonce, key);
	c = age_cipher_new(key);
	do {
		n = text.n < AGE_CHUNK ? text.n : AGE_CHUNK;
		age_cipher_seal(c, number++, text.n == n, (const unsigned char *)text.p, n, sealed);
		strbuf_add(sb, sealed, n + AGE_TAG);
		text = (struct span){text.p + n, text.n - n};
	} while (text.n > 0);
	age_cipher_free(&c);
	free(sealed);
}

static struct stream *open_file(const struct strbuf *file, size_t step, struct fault *f)
{
	struct stream *s = stream_age_new(memory_stream_new(strbuf_span(file), step));
	const struct age_header *h;

	if (stream_age_header(s, &h, f) == 0 && stream_age_open(s, file_key, f) == 0)
		return s;
	stream_free(&s);
	return NULL;
}

/* 0: nothing; 1: a bit; 2: cut; 3: something behind it */
static void damage(struct strbuf *file, unsigned how, size_t at)
{
	at %= file->n;
	if (how == 1)
		file->p[at] = (char)(file->p[at] ^ 1 << at % 8);
	else if (how == 2)
		strbuf_cut(file, at);
	else if (how == 3)
		strbuf_adds(file, "x");
}

static void check_skip(const struct strbuf *file, size_t step, struct span text, size_t offset)
{
	struct strbuf out = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct stream *s = open_file(file, step, &f);

	CHECK(s && stream_skip(s, offset, &f) == 0);
	CHECK(stream_take(s, false, OUTPUT_MAX, &out, &f) == 0);
	CHECK(span_equal(strbuf_span(&out), (struct span){text.p + offset, text.n - offset}));
	strbuf_release(&out);
}

static void try_chunks(struct span bytes, size_t step, unsigned how, size_t at, bool looks)
{
	struct strbuf file = STRBUF_INIT, text = STRBUF_INIT, out = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct stream *s;

	/* several chunks of it now and then */
	for (size_t i = 0; i < (at % 4 == 3 ? 40 : 1); i++)
		strbuf_addspan(&text, bytes);
	add_header(&file);
	add_payload(&file, strbuf_span(&text));
	damage(&file, how, at);
	s = open_file(&file, step, &f);
	if (s && stream_take(s, looks, OUTPUT_MAX, &out, &f) == 0 && !looks)
		CHECK(!how && span_equal(strbuf_span(&out), strbuf_span(&text)));
	else
		CHECK(looks || (how && f.kind == FAULT_DATA));
	CHECK(out.n <= text.n && memcmp(out.p, text.p, out.n) == 0);
	if (!how)
		check_skip(&file, step, strbuf_span(&text), at % (text.n + 1));
	strbuf_release(&file);
	strbuf_release(&text);
	strbuf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {(const char *)data + 4, size - 4};
	size_t step, at;

	if (size < 4)
		return 0;
	step = data[0] & 0x80 ? 1 + data[3] : 65536;
	at = (size_t)data[1] << 8 | data[2];
	if (data[0] % 3 == 0)
		try_armor(rest, step);
	else if (data[0] % 3 == 1)
		try_header(rest, step);
	else
		try_chunks(rest, step, data[3] % 4, at, data[0] & 0x40);
	return 0;
}
