/*
 * base - the first include of every source file
 *
 * Language helpers, the assertion, and the list of functions that are banned because a safer one stands
 * beside them here.  Nothing in it owns memory or can fail.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <alloca.h>
#include <time.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* CHECK: a broken promise of our own code.  Never for what a tenant can cause. */
#define CHECK(x) \
	do { \
		if (__builtin_expect(!(x), 0)) \
			check_failed(#x, __FILE__, __LINE__, __func__); \
	} while (0)

void check_failed(const char *expr, const char *file, int line, const char *func) NORETURN;

/* The x-allocators end the program when memory is out: they never return NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Banned: unbounded, locale- or shell-dependent. */
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets localtime system
#undef alloca
#pragma GCC poison alloca

#endif
