/*
 * age_key - bech32 around 32 bytes; see the header
 *
 * Identities are upper case, recipients lower case; a text of mixed case is none.
 */
#include "watcher/base/base.h"
#include "watcher/base/age_key.h"

#define CHECKSUM 6
#define DIGITS 52 /* five bits each, of 32 bytes */
#define IDENTITY_HEAD "AGE-SECRET-KEY-"
#define RECIPIENT_HEAD "age"

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t polymod(uint32_t c, unsigned digit)
{
	static const uint32_t g[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t top = c >> 25;

	c = (c & 0x1ffffff) << 5 ^ digit;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			c ^= g[i];
	return c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Over the lower-case head, as the checksum is defined. */
static uint32_t polymod_head(const char *head)
{
	uint32_t c = 1;

	for (const char *p = head; *p; p++)
		c = polymod(c, (unsigned char)lower(*p) >> 5);
	c = polymod(c, 0);
	for (const char *p = head; *p; p++)
		c = polymod(c, (unsigned char)lower(*p) & 31);
	return c;
}

static int digit_of(char c, bool upper)
{
	const char *p;

	if (upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z'))
		return -1;
	p = c ? strchr(alphabet, lower(c)) : NULL;
	return p ? (int)(p - alphabet) : -1;
}

static int parse(struct span text, const char *head, bool upper, unsigned char out[AGE_KEY])
{
	size_t h = strlen(head), o = 0;
	uint32_t c = polymod_head(head), bits = 0;
	unsigned have = 0;

	if (text.n != h + 1 + DIGITS + CHECKSUM || memcmp(text.p, head, h) != 0 || text.p[h] != '1')
		return -1;
	for (size_t i = h + 1; i < text.n; i++) {
		int d = digit_of(text.p[i], upper);

		if (d < 0)
			return -1;
		c = polymod(c, (unsigned)d);
		if (i >= text.n - CHECKSUM)
			continue;
		bits = bits << 5 | (unsigned)d;
		have += 5;
		if (have >= 8 && o < AGE_KEY) {
			have -= 8;
			out[o++] = (unsigned char)(bits >> have);
		}
	}
	/* 52 digits are 260 bits: the last four must be zero */
	return c == 1 && o == AGE_KEY && have == 4 && (bits & 15) == 0 ? 0 : -1;
}

struct writer {
	char *p;
	uint32_t checksum;
	bool upper;
};

static void put(struct writer *w, unsigned digit)
{
	char c = alphabet[digit];

	*w->p++ = w->upper && c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	w->checksum = polymod(w->checksum, digit);
}

static void write_text(const unsigned char in[AGE_KEY], const char *head, bool upper, char *text)
{
	struct writer w = {stpcpy(text, head), polymod_head(head), upper};
	uint32_t bits = 0, sum;
	unsigned have = 0;

	*w.p++ = '1';
	for (size_t i = 0; i < AGE_KEY; i++) {
		bits = bits << 8 | in[i];
		have += 8;
		while (have >= 5) {
			have -= 5;
			put(&w, bits >> have & 31);
		}
	}
	put(&w, bits << (5 - have) & 31);
	for (size_t i = 0; i < CHECKSUM; i++)
		w.checksum = polymod(w.checksum, 0);
	sum = w.checksum ^ 1;
	for (size_t i = 0; i < CHECKSUM; i++)
		put(&w, sum >> (5 * (CHECKSUM - 1 - i)) & 31);
	*w.p = '\0';
}

int age_identity_parse(struct span text, unsigned char secret[AGE_KEY])
{
	return parse(text, IDENTITY_HEAD, true, secret);
}

void age_identity_write(const unsigned char secret[AGE_KEY], char text[AGE_IDENTITY_TEXT])
{
	write_text(secret, IDENTITY_HEAD, true, text);
}

int age_recipient_parse(struct span text, unsigned char recipient[AGE_KEY])
{
	return parse(text, RECIPIENT_HEAD, false, recipient);
}

void age_recipient_write(const unsigned char recipient[AGE_KEY], char text[AGE_RECIPIENT_TEXT])
{
	write_text(recipient, RECIPIENT_HEAD, false, text);
}
