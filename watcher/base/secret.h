/*
 * secret - memory for keys: never swapped, never in a core dump, wiped when it is given back
 *
 *	unsigned char *key = secret_new(32, &f)      NULL: the system locks no memory
 *	secret_free(&key, 32)                        NULL is fine
 *
 * One locked arena a process (mlock, MADV_DONTDUMP, guard pages), made by the first call; libcrypto takes the private keys it works
 * with from the same one.
 * Errors: FAULT_KEY with the limit that is in the way, or that the arena is full.
 * Source: OPENSSL_secure_malloc(3), mlock(2), madvise(2).
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "watcher/base/fault.h"

void *secret_new(size_t n, struct fault *f);
void secret_free(unsigned char **p, size_t n);

#endif
