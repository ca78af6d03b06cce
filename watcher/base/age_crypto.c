/*
 * age_crypto - X25519, HKDF and ChaCha20-Poly1305 as age v1 puts them together; see the header
 *
 * libcrypto failing where only memory or a missing algorithm can make it fail is a failed CHECK: there is no file to blame.
 */
#include "watcher/base/base.h"
#include "watcher/base/age_crypto.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#define AEAD_NONCE 12
#define X25519_INFO "age-encryption.org/v1/X25519"

void age_random(unsigned char *out, size_t n)
{
	CHECK(n <= INT32_MAX && RAND_bytes(out, (int)n) == 1);
}

bool age_equal(const unsigned char *a, const unsigned char *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void age_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

static void hkdf(struct span secret, struct span salt, const char *info, unsigned char out[AGE_KEY])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[5], *p = params;

	CHECK(kdf && ctx);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.p,
						 secret.n);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
						 strlen(info));
	if (salt.n)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
							 (void *)(uintptr_t)salt.p, salt.n);
	*p = OSSL_PARAM_construct_end();
	CHECK(EVP_KDF_derive(ctx, out, AGE_KEY, params) == 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static struct span bytes(const unsigned char *p, size_t n)
{
	return (struct span){(const char *)p, n};
}

/* --- X25519 --- */

static void public_of(EVP_PKEY *key, unsigned char out[AGE_KEY])
{
	size_t n = AGE_KEY;

	CHECK(EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == AGE_KEY);
}

void age_recipient_of(const unsigned char secret[AGE_KEY], unsigned char recipient[AGE_KEY])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, AGE_KEY);

	CHECK(key != NULL);
	public_of(key, recipient);
	EVP_PKEY_free(key);
}

/* -1: the other side's point is of low order, and the secret would be known to all (RFC 7748, 6.1). */
static int agree(EVP_PKEY *ours, const unsigned char theirs[AGE_KEY], unsigned char shared[AGE_KEY])
{
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs, AGE_KEY);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
	size_t n = AGE_KEY;
	int r = -1;

	CHECK(peer && ctx && EVP_PKEY_derive_init(ctx) == 1);
	if (EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, shared, &n) == 1)
		r = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return r;
}

/* The key that wraps a file key, from the shared secret and both public points. */
static void wrapping_key(unsigned char shared[AGE_KEY], const unsigned char share[AGE_KEY],
			 const unsigned char recipient[AGE_KEY], unsigned char key[AGE_KEY])
{
	unsigned char salt[2 * AGE_KEY];

	memcpy(salt, share, AGE_KEY);
	memcpy(salt + AGE_KEY, recipient, AGE_KEY);
	hkdf(bytes(shared, AGE_KEY), bytes(salt, sizeof(salt)), X25519_INFO, key);
	age_wipe(shared, AGE_KEY);
}

/* --- ChaCha20-Poly1305 --- */

struct age_cipher {
	EVP_CIPHER_CTX *open;
	EVP_CIPHER_CTX *seal;
};

struct age_cipher *age_cipher_new(const unsigned char key[AGE_KEY])
{
	struct age_cipher *c = xcalloc(1, sizeof(*c));

	c->open = EVP_CIPHER_CTX_new();
	c->seal = EVP_CIPHER_CTX_new();
	CHECK(c->open && c->seal &&
	      EVP_DecryptInit_ex(c->open, EVP_chacha20_poly1305(), NULL, key, NULL) == 1 &&
	      EVP_EncryptInit_ex(c->seal, EVP_chacha20_poly1305(), NULL, key, NULL) == 1);
	return c;
}

void age_cipher_free(struct age_cipher **cp)
{
	if (!*cp)
		return;
	EVP_CIPHER_CTX_free((*cp)->open); /* wipes the key */
	EVP_CIPHER_CTX_free((*cp)->seal);
	free(*cp);
	*cp = NULL;
}

static int aead_open(EVP_CIPHER_CTX *ctx, const unsigned char nonce[AEAD_NONCE],
		     const unsigned char *in, size_t n, unsigned char *out)
{
	int text = (int)(n - AGE_TAG), some = 0, rest = 0;

	CHECK(n >= AGE_TAG && n <= AGE_CHUNK + AGE_TAG);
	CHECK(EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
	      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AGE_TAG,
				  (void *)(uintptr_t)(in + text)) == 1);
	if (EVP_DecryptUpdate(ctx, out, &some, in, text) == 1 &&
	    EVP_DecryptFinal_ex(ctx, out + some, &rest) == 1)
		return 0;
	age_wipe(out, (size_t)text);
	return -1;
}

static void aead_seal(EVP_CIPHER_CTX *ctx, const unsigned char nonce[AEAD_NONCE],
		      const unsigned char *in, size_t n, unsigned char *out)
{
	int some = 0, rest = 0;

	CHECK(n <= AGE_CHUNK);
	CHECK(EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1 &&
	      EVP_EncryptUpdate(ctx, out, &some, in, (int)n) == 1 &&
	      EVP_EncryptFinal_ex(ctx, out + some, &rest) == 1 &&
	      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AGE_TAG, out + n) == 1);
}

/* An 11-byte big-endian counter and a byte that marks the last chunk. */
static void chunk_nonce(uint64_t number, bool last, unsigned char nonce[AEAD_NONCE])
{
	memset(nonce, 0, AEAD_NONCE);
	for (size_t i = 0; i < 8; i++)
		nonce[AEAD_NONCE - 2 - i] = (unsigned char)(number >> (8 * i));
	nonce[AEAD_NONCE - 1] = last;
}

int age_cipher_open(struct age_cipher *c, uint64_t number, bool last, const unsigned char *in,
		    size_t n, unsigned char *out)
{
	unsigned char nonce[AEAD_NONCE];

	chunk_nonce(number, last, nonce);
	return aead_open(c->open, nonce, in, n, out);
}

void age_cipher_seal(struct age_cipher *c, uint64_t number, bool last, const unsigned char *in,
		     size_t n, unsigned char *out)
{
	unsigned char nonce[AEAD_NONCE];

	chunk_nonce(number, last, nonce);
	aead_seal(c->seal, nonce, in, n, out);
}

/* --- stanzas, header, payload --- */

int age_unwrap(const unsigned char secret[AGE_KEY], const unsigned char share[AGE_KEY],
	       const unsigned char body[AGE_BODY], unsigned char file_key[AGE_FILE_KEY])
{
	static const unsigned char nonce[AEAD_NONCE];
	EVP_PKEY *ours = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, AGE_KEY);
	unsigned char shared[AGE_KEY], recipient[AGE_KEY], key[AGE_KEY];
	struct age_cipher *c;
	int r;

	CHECK(ours != NULL);
	public_of(ours, recipient);
	r = agree(ours, share, shared);
	EVP_PKEY_free(ours);
	if (r < 0)
		return -1;
	wrapping_key(shared, share, recipient, key);
	c = age_cipher_new(key);
	r = aead_open(c->open, nonce, body, AGE_BODY, file_key);
	age_cipher_free(&c);
	age_wipe(key, sizeof(key));
	return r == 0;
}

int age_wrap(const unsigned char recipient[AGE_KEY], const unsigned char file_key[AGE_FILE_KEY],
	     unsigned char share[AGE_KEY], unsigned char body[AGE_BODY])
{
	static const unsigned char nonce[AEAD_NONCE];
	unsigned char secret[AGE_KEY], shared[AGE_KEY], key[AGE_KEY];
	struct age_cipher *c;
	EVP_PKEY *once;
	int r;

	age_random(secret, sizeof(secret));
	once = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, AGE_KEY);
	age_wipe(secret, sizeof(secret));
	CHECK(once != NULL);
	public_of(once, share);
	r = agree(once, recipient, shared);
	EVP_PKEY_free(once);
	if (r < 0)
		return -1;
	wrapping_key(shared, share, recipient, key);
	c = age_cipher_new(key);
	aead_seal(c->seal, nonce, file_key, AGE_FILE_KEY, body);
	age_cipher_free(&c);
	age_wipe(key, sizeof(key));
	return 0;
}

void age_header_mac(const unsigned char file_key[AGE_FILE_KEY], struct span header,
		    unsigned char mac[AGE_KEY])
{
	unsigned char key[AGE_KEY];
	size_t n = AGE_KEY;

	hkdf(bytes(file_key, AGE_FILE_KEY), SPAN_NONE, "header", key);
	CHECK(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, sizeof(key),
			(const unsigned char *)header.p, header.n, mac, AGE_KEY, &n) != NULL);
	age_wipe(key, sizeof(key));
}

void age_payload_key(const unsigned char file_key[AGE_FILE_KEY], const unsigned char nonce[AGE_NONCE],
		     unsigned char key[AGE_KEY])
{
	hkdf(bytes(file_key, AGE_FILE_KEY), bytes(nonce, AGE_NONCE), "payload", key);
}
