/*
 * secret - memory for keys; see the header
 *
 * Called by the keyring, in the daemon and in ingestctl.  The arena lives as long as the process.
 */
#include "watcher/base/base.h"
#include "watcher/base/secret.h"
#include <openssl/crypto.h>

#define ARENA (128 * 1024) /* of two: a keyring at its limits needs a third of it */
#define PIECE 32

/* 1: there and locked; -1: it cannot be; 0: not tried. */
static int arena;

static int open_arena(struct fault *f)
{
	if (!arena)
		arena = CRYPTO_secure_malloc_init(ARENA, PIECE) == 1 ? 1 : -1;
	if (arena == 1)
		return 0;
	return fault_set(f, FAULT_KEY,
			 "no memory can be locked for keys; allow it (LimitMEMLOCK=1M in the unit, or ulimit -l 1024) and "
			 "start again");
}

void *secret_new(size_t n, struct fault *f)
{
	void *p;

	CHECK(n > 0);
	if (open_arena(f) < 0)
		return NULL;
	p = OPENSSL_secure_zalloc(n);
	if (!p)
		fault_set(f, FAULT_KEY, "the locked memory for keys is full");
	return p;
}

void secret_free(unsigned char **p, size_t n)
{
	if (*p)
		OPENSSL_secure_clear_free(*p, n);
	*p = NULL;
}
