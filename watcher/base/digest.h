/*
 * digest - SHA-256 and the text forms of hashes and ids
 *
 *	struct digest d;
 *	digest_init(&d); digest_add(&d, p, n); digest_end(&d, out); digest_release(&d);
 *
 * The door of libcrypto's EVP digests.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "watcher/base/span.h"

#define DIGEST_SIZE 32
#define DIGEST_HEX 65 /* with NUL */

struct digest {
	void *ctx; /* EVP_MD_CTX */
};

void digest_init(struct digest *d);
void digest_reset(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_end(struct digest *d, unsigned char out[DIGEST_SIZE]); /* d may be reset and used again */
void digest_release(struct digest *d);
void digest_hex(const unsigned char in[DIGEST_SIZE], char out[DIGEST_HEX]);
bool digest_parse_hex(struct span hex, unsigned char out[DIGEST_SIZE]); /* 64 digits, else false */
/* HMAC-SHA-256 (RFC 2104). */
void digest_hmac(struct span key, struct span text, unsigned char out[DIGEST_SIZE]);
/* In constant time: nobody learns from how long it takes where they differ. */
bool digest_equal(const unsigned char a[DIGEST_SIZE], const unsigned char b[DIGEST_SIZE]);

/* base64url without padding; out must hold 4*((n+2)/3)+1 bytes; returns the length. */
size_t base64url_encode(const void *p, size_t n, char *out);
/* RFC 4648 base64 with padding, appended. */
struct strbuf;
void base64_add(struct strbuf *sb, struct span in);

#endif
