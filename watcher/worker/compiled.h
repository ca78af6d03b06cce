/*
 * compiled - a job version made ready to run: its parts parsed, its filter text a plan
 *
 *	compiled_new(text, &c, errors, warnings, &f) the text of a version; errors (or NULL) gets the filter's errors whole
 *	compiled_free(&c)
 *
 *	cache = compiled_cache_new();                a worker keeps those it used last
 *	compiled_get(cache, hash, fd, &c, &f)        c is the cache's, good until the next compiled_get
 *	compiled_cache_free(&cache)
 *
 * Errors: FAULT_CONFIG when the filter text is refused, FAULT_SYSTEM when the text is not that of the hash.
 */
#ifndef WORKER_COMPILED_H
#define WORKER_COMPILED_H

#include "watcher/model/version.h"
#include "transforms/plan.h"

struct compiled {
	struct version *version;
	struct plan *plan; /* NULL: no filter text */
};

struct compiled_cache;

/* warnings NULL: not said. */
int compiled_new(struct span text, struct compiled **out, struct strbuf *errors, struct strbuf *warnings,
		 struct fault *f) MUST_CHECK;
/* The filter in words; a sentence when there is none. */
void compiled_explain(const struct compiled *c, struct strbuf *out);
void compiled_free(struct compiled **c);

struct compiled_cache *compiled_cache_new(void);
void compiled_cache_free(struct compiled_cache **cache);
int compiled_get(struct compiled_cache *cache, const char *hash, int fd, struct compiled **out,
		 struct fault *f) MUST_CHECK;

#endif
