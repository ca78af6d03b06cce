/*
 * age_header - the head of an age v1 file: who can open it; see the header
 *
 * Called by stream_age.  A line is read whole before it is judged; a header that is not exactly as the specification says is
 * refused, as every tool that reads age does.
 */
#include "watcher/base/base.h"
#include "watcher/decode/age_header.h"

#define HEADER_MAX (64 * 1024)
#define VERSION_LINE "age-encryption.org/v1"
#define BODY_COLUMNS 64
#define BODY_MAX 4096 /* of a stanza, decoded: more than any known type has */

struct reader {
	void *context;
	decode_read_fn read;
	struct age_header *header;
	size_t line_at; /* of the current line in header->text */
	size_t line;
};

static int bad(const struct reader *r, struct fault *f, const char *what)
{
	return fault_set(f, FAULT_DATA,
			 "the age header is damaged or not of age v1 (its line %zu: %s); encrypt the file "
			 "anew and send it again",
			 r->line, what);
}

/* The next line without its LF. */
static int next_line(struct reader *r, struct span *out, struct fault *f)
{
	struct strbuf *text = &r->header->text;
	size_t got;
	char c;

	r->line_at = text->n;
	r->line++;
	for (;;) {
		if (r->read(r->context, &c, 1, &got, f) < 0)
			return -1;
		if (got == 0)
			return bad(r, f, "the file ends here");
		if (text->n == HEADER_MAX)
			return bad(r, f, "the header is over 64 KiB");
		strbuf_addc(text, c);
		if (c == '\n')
			break;
	}
	*out = (struct span){text->p + r->line_at, text->n - r->line_at - 1};
	return 0;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Without padding, canonical: the bits that are left over are zero. */
static bool base64(struct span s, unsigned char *out, size_t room, size_t *n)
{
	uint32_t bits = 0;
	unsigned have = 0;

	*n = 0;
	if (s.n % 4 == 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = base64_digit(s.p[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (unsigned)d;
		have += 6;
		if (have < 8)
			continue;
		if (*n == room)
			return false;
		have -= 8;
		out[(*n)++] = (unsigned char)(bits >> have);
	}
	return (bits & ((1u << have) - 1)) == 0;
}

static bool base64_exactly(struct span s, unsigned char *out, size_t want)
{
	size_t n;

	return base64(s, out, want, &n) && n == want;
}

/* A stanza's body: full lines, then one that is shorter, if only empty. */
static int read_body(struct reader *r, unsigned char *body, size_t *size, struct fault *f)
{
	struct span line;
	size_t n;

	*size = 0;
	do {
		if (next_line(r, &line, f) < 0)
			return -1;
		if (line.n > BODY_COLUMNS)
			return bad(r, f, "longer than 64 characters");
		if (!base64(line, body + *size, BODY_MAX - *size, &n))
			return bad(r, f, "no canonical base64");
		*size += n;
	} while (line.n == BODY_COLUMNS);
	return 0;
}

/* The words of a stanza's first line: one blank apart, printable, none of them empty. */
struct words {
	const char *p;
	const char *end;
	bool more;
};

static bool next_word(struct words *w, struct span *out)
{
	const char *from = w->p;

	if (!w->more)
		return false;
	while (w->p < w->end && *w->p >= 0x21 && *w->p <= 0x7e)
		w->p++;
	*out = (struct span){from, (size_t)(w->p - from)};
	w->more = w->p < w->end;
	if (w->more && *w->p++ != ' ')
		return false;
	return out->n > 0;
}

static int take_x25519(struct reader *r, struct words w, struct fault *f)
{
	struct age_header *h = r->header;
	unsigned char body[BODY_MAX];
	struct age_stanza s;
	struct span share;
	size_t n;

	if (!next_word(&w, &share) || w.more || !base64_exactly(share, s.share, AGE_KEY))
		return bad(r, f, "an X25519 stanza has one argument of 32 bytes");
	if (read_body(r, body, &n, f) < 0)
		return -1;
	if (n != AGE_BODY)
		return bad(r, f, "an X25519 stanza has a body of 32 bytes");
	memcpy(s.body, body, AGE_BODY);
	if (h->x25519_count == AGE_STANZAS)
		return bad(r, f, "more than 64 X25519 recipients");
	h->x25519[h->x25519_count++] = s;
	return 0;
}

static int take_other(struct reader *r, struct span type, struct words w, struct fault *f)
{
	struct age_header *h = r->header;
	unsigned char body[BODY_MAX];
	struct span word;
	size_t n;

	while (w.more)
		if (!next_word(&w, &word))
			return bad(r, f, "an empty argument, or a character that is not allowed");
	h->passphrase = h->passphrase || span_is(type, "scrypt");
	if (h->other_count++ == 0)
		snprintf(h->other_type, sizeof(h->other_type), "%.*s", SPAN_FMT(type));
	return read_body(r, body, &n, f);
}

static int take_stanza(struct reader *r, struct span line, struct fault *f)
{
	struct words w = {line.p + 3, line.p + line.n, true};
	struct span type;

	if (!next_word(&w, &type))
		return bad(r, f, "a stanza without a type");
	if (span_is(type, "X25519"))
		return take_x25519(r, w, f);
	return take_other(r, type, w, f);
}

static int take_mac(struct reader *r, struct span line, struct fault *f)
{
	r->header->signed_size = r->line_at + 3;
	if (!base64_exactly((struct span){line.p + 4, line.n - 4}, r->header->mac, AGE_KEY))
		return bad(r, f, "the MAC is no canonical base64 of 32 bytes");
	return 0;
}

/* scrypt must be alone: who can make such a stanza could have made the file. */
static int judge(const struct reader *r, struct fault *f)
{
	const struct age_header *h = r->header;

	if (h->x25519_count + h->other_count == 0)
		return bad(r, f, "there is no recipient");
	if (h->passphrase && h->x25519_count + h->other_count > 1)
		return bad(r, f, "a passphrase beside other recipients");
	return 0;
}

int age_header_read(void *context, decode_read_fn read, struct age_header *h, struct fault *f)
{
	struct reader r = {context, read, h, 0, 0};
	struct span line;

	memset(h, 0, sizeof(*h));
	strbuf_init(&h->text);
	if (next_line(&r, &line, f) < 0)
		return -1;
	if (!span_is(line, VERSION_LINE))
		return bad(&r, f, "it does not say " VERSION_LINE);
	for (;;) {
		if (next_line(&r, &line, f) < 0)
			return -1;
		if (span_starts(line, SPAN_LITERAL("--- ")))
			break;
		if (!span_starts(line, SPAN_LITERAL("-> ")))
			return bad(&r, f, "neither a stanza nor the MAC");
		if (take_stanza(&r, line, f) < 0)
			return -1;
	}
	return take_mac(&r, line, f) < 0 ? -1 : judge(&r, f);
}

int age_header_verify(const struct age_header *h, const unsigned char file_key[AGE_FILE_KEY],
		      struct fault *f)
{
	unsigned char mac[AGE_KEY];

	age_header_mac(file_key, (struct span){h->text.p, h->signed_size}, mac);
	if (age_equal(mac, h->mac, AGE_KEY))
		return 0;
	return fault_set(f, FAULT_DATA,
			 "the age header was changed after the file was encrypted (its MAC is wrong); send "
			 "the file again");
}

void age_header_release(struct age_header *h)
{
	strbuf_release(&h->text);
}
