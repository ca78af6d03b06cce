/*
 * age_crypto - the primitives of age v1 with X25519, on libcrypto
 *
 *	age_unwrap(secret, share, body, file_key)         1: ours; 0: another key's; -1: a share that no sender makes
 *	age_wrap(recipient, file_key, share, body)
 *	age_header_mac(file_key, bytes, mac)
 *	age_payload_key(file_key, nonce, key)
 *	struct age_cipher *c = age_cipher_new(key)        chunks of the payload
 *	age_cipher_open(c, number, last, in, n, out)      -1: the tag is wrong, out holds nothing
 *	age_cipher_seal(c, number, last, in, n, out)
 *
 * Who calls: the daemon unwraps, the worker opens payloads, ingestctl makes keys and seals.  The caller wipes its copies.
 * Source: age-encryption.org/v1 (C2SP age.md); RFC 7748, RFC 5869, RFC 8439.
 */
#ifndef BASE_AGE_CRYPTO_H
#define BASE_AGE_CRYPTO_H

#include "watcher/base/span.h"

#define AGE_KEY 32	/* X25519 secrets, recipients, shares; symmetric keys */
#define AGE_FILE_KEY 16
#define AGE_BODY 32	/* a wrapped file key with its tag */
#define AGE_NONCE 16
#define AGE_CHUNK 65536 /* bytes of plaintext; the last one may have fewer */
#define AGE_TAG 16

void age_random(unsigned char *out, size_t n);
void age_recipient_of(const unsigned char secret[AGE_KEY], unsigned char recipient[AGE_KEY]);
int age_unwrap(const unsigned char secret[AGE_KEY], const unsigned char share[AGE_KEY],
	       const unsigned char body[AGE_BODY], unsigned char file_key[AGE_FILE_KEY]) MUST_CHECK;
/* -1: the recipient is a point that no key has. */
int age_wrap(const unsigned char recipient[AGE_KEY], const unsigned char file_key[AGE_FILE_KEY],
	     unsigned char share[AGE_KEY], unsigned char body[AGE_BODY]) MUST_CHECK;
void age_header_mac(const unsigned char file_key[AGE_FILE_KEY], struct span header,
		    unsigned char mac[AGE_KEY]);
void age_payload_key(const unsigned char file_key[AGE_FILE_KEY], const unsigned char nonce[AGE_NONCE],
		     unsigned char key[AGE_KEY]);
/* In constant time. */
bool age_equal(const unsigned char *a, const unsigned char *b, size_t n);
void age_wipe(void *p, size_t n);

struct age_cipher;

struct age_cipher *age_cipher_new(const unsigned char key[AGE_KEY]);
void age_cipher_free(struct age_cipher **c);
/* in: n bytes, the tag's 16 included; out: n - 16. */
int age_cipher_open(struct age_cipher *c, uint64_t number, bool last, const unsigned char *in,
		    size_t n, unsigned char *out) MUST_CHECK;
/* in: n bytes; out: n + 16. */
void age_cipher_seal(struct age_cipher *c, uint64_t number, bool last, const unsigned char *in,
		     size_t n, unsigned char *out);

#endif
