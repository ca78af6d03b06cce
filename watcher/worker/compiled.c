/*
 * compiled - a job version made ready to run; see the header
 *
 * Called by the service for each job, by --check and by --convert.  The cache is a handful of places, the one unused for longest
 * goes first: a tenant's worker sees few versions.
 */
#include "watcher/base/base.h"
#include "watcher/worker/compiled.h"
#include "watcher/base/fsutil.h"

#define PLACES 4
#define VERSION_MAX (4 * 1024 * 1024)

struct compiled_cache {
	struct compiled *places[PLACES];
	uint64_t used[PLACES];
	uint64_t now;
};

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

static int compile_filter(struct compiled *c, struct strbuf *errors, struct fault *f)
{
	const struct job *j = c->version->job;

	if (is_blank(j->filter))
		return 0;
	if (errors)
		strbuf_addf(errors, "%s: filter text: not in this version\n", j->filter_origin);
	return fault_set(f, FAULT_CONFIG, "%s: filter text: not in this version", j->filter_origin);
}

int compiled_new(struct span text, struct compiled **out, struct strbuf *errors, struct fault *f)
{
	struct compiled *c = xcalloc(1, sizeof(*c));

	if (version_parse(text, &c->version, f) < 0 || compile_filter(c, errors, f) < 0) {
		compiled_free(&c);
		return -1;
	}
	*out = c;
	return 0;
}

void compiled_free(struct compiled **cp)
{
	struct compiled *c = *cp;

	if (!c)
		return;
	version_free(&c->version);
	free(c);
	*cp = NULL;
}

struct compiled_cache *compiled_cache_new(void)
{
	return xcalloc(1, sizeof(struct compiled_cache));
}

void compiled_cache_free(struct compiled_cache **cache)
{
	if (!*cache)
		return;
	for (size_t i = 0; i < PLACES; i++)
		compiled_free(&(*cache)->places[i]);
	free(*cache);
	*cache = NULL;
}

static int read_version(const char *hash, int fd, struct compiled **out, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	struct compiled *c = NULL;
	int r = fs_read_fd(fd, VERSION_MAX, &text, f);

	if (r == 0)
		r = compiled_new(strbuf_span(&text), &c, NULL, f);
	strbuf_release(&text);
	if (r < 0)
		return -1;
	if (strcmp(c->version->hash, hash) != 0) {
		fault_set(f, FAULT_SYSTEM, "job version %s is not the text of version %s",
			  c->version->hash, hash);
		compiled_free(&c);
		return -1;
	}
	*out = c;
	return 0;
}

int compiled_get(struct compiled_cache *cache, const char *hash, int fd, struct compiled **out,
		 struct fault *f)
{
	struct compiled *c;
	size_t oldest = 0;

	for (size_t i = 0; i < PLACES; i++) {
		c = cache->places[i];
		if (c && strcmp(c->version->hash, hash) == 0) {
			cache->used[i] = ++cache->now;
			*out = c;
			return 0;
		}
		if (cache->used[i] < cache->used[oldest])
			oldest = i;
	}
	if (read_version(hash, fd, &c, f) < 0)
		return -1;
	compiled_free(&cache->places[oldest]);
	cache->places[oldest] = c;
	cache->used[oldest] = ++cache->now;
	*out = c;
	return 0;
}
