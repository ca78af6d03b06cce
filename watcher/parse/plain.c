/*
 * plain - which scan; see the header
 *
 * Called by parser.c once a file.  Owns nothing.
 */
#include "watcher/base/base.h"
#include "watcher/parse/plain_own.h"

#define NONE "none"
#ifdef __x86_64__
#define HAS_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
#define AVX2 plain_avx2
#define SSE2 plain_sse2
#else
#define HAS_AVX2 0
#define AVX2 NULL
#define SSE2 NULL
#endif

static const char *const names[] = {"avx2", "sse2", "scalar", NULL};

const char *const *plain_names(void)
{
	return names;
}

plain_scan *plain_kernel_named(const char *name)
{
	if (strcmp(name, "avx2") == 0)
		return HAS_AVX2 ? AVX2 : NULL;
	if (strcmp(name, "sse2") == 0)
		return SSE2;
	return strcmp(name, "scalar") == 0 ? plain_scalar : NULL;
}

/* What the environment asks for; NULL: nothing. */
static const char *asked(void)
{
	const char *name = getenv("INGEST_KERNEL");

	return name && *name ? name : NULL;
}

int plain_check(struct fault *f)
{
	const char *name = asked();

	if (!name || strcmp(name, NONE) == 0 || plain_kernel_named(name))
		return 0;
	return fault_set(f, FAULT_CONFIG, "INGEST_KERNEL=%s: this machine has %s%s%s" NONE, name,
			 HAS_AVX2 ? "avx2, " : "", plain_kernel_named("sse2") ? "sse2, " : "", "scalar, ");
}

plain_scan *plain_kernel(void)
{
	const char *name = asked();

	if (name)
		return plain_kernel_named(name);
	for (size_t i = 0; names[i]; i++)
		if (plain_kernel_named(names[i]))
			return plain_kernel_named(names[i]);
	return NULL;
}
