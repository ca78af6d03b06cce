/*
 * digest - SHA-256 by libcrypto, base64; see the header
 *
 * The only file that includes EVP for digests.  libcrypto failing to hash is our own error: it has no input that can fail.
 */
#include "watcher/base/digest.h"
#include "watcher/base/strbuf.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <limits.h>

void digest_init(struct digest *d)
{
	d->ctx = EVP_MD_CTX_new();
	CHECK(d->ctx != NULL);
	digest_reset(d);
}

void digest_reset(struct digest *d)
{
	CHECK(EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) == 1);
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	CHECK(EVP_DigestUpdate(d->ctx, p, n) == 1);
}

void digest_end(struct digest *d, unsigned char out[DIGEST_SIZE])
{
	unsigned n = 0;

	CHECK(EVP_DigestFinal_ex(d->ctx, out, &n) == 1 && n == DIGEST_SIZE);
}

void digest_release(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	d->ctx = NULL;
}

void digest_hex(const unsigned char in[DIGEST_SIZE], char out[DIGEST_HEX])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = hex[in[i] >> 4];
		out[2 * i + 1] = hex[in[i] & 15];
	}
	out[2 * DIGEST_SIZE] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_parse_hex(struct span hex, unsigned char out[DIGEST_SIZE])
{
	unsigned char bytes[DIGEST_SIZE];

	if (hex.n != 2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int hi = nibble(hex.p[2 * i]), lo = nibble(hex.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		bytes[i] = (unsigned char)(hi << 4 | lo);
	}
	memcpy(out, bytes, sizeof(bytes));
	return true;
}

void digest_hmac(struct span key, struct span text, unsigned char out[DIGEST_SIZE])
{
	unsigned n = DIGEST_SIZE;

	CHECK(key.n <= INT_MAX);
	CHECK(HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, &n) && n == DIGEST_SIZE);
}

bool digest_equal(const unsigned char a[DIGEST_SIZE], const unsigned char b[DIGEST_SIZE])
{
	return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes (n of them there) to four characters; returns how many characters carry bits. */
static size_t quad(const unsigned char *p, size_t n, const char *alphabet, char out[4])
{
	unsigned v = (unsigned)p[0] << 16;

	if (n > 1)
		v |= (unsigned)p[1] << 8;
	if (n > 2)
		v |= p[2];
	for (int i = 0; i < 4; i++)
		out[i] = alphabet[(v >> (18 - 6 * i)) & 63];
	return n >= 3 ? 4 : n + 1;
}

size_t base64url_encode(const void *p, size_t n, char *out)
{
	const unsigned char *in = p;
	size_t len = 0;

	for (size_t i = 0; i < n; i += 3) {
		char four[4];
		size_t k = quad(in + i, n - i, url_alphabet, four);

		memcpy(out + len, four, k);
		len += k;
	}
	out[len] = '\0';
	return len;
}

void base64_add(struct strbuf *sb, struct span in)
{
	for (size_t i = 0; i < in.n; i += 3) {
		char four[4];
		size_t k = quad((const unsigned char *)in.p + i, in.n - i, std_alphabet, four);

		memset(four + k, '=', 4 - k);
		strbuf_add(sb, four, 4);
	}
}
