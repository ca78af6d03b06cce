/*
 * compiled - a job version made ready to run; see the header
 *
 * Called by the service for each job, by --check and by --convert.  The cache is a handful of places, the one unused for longest
 * goes first: a tenant's worker sees few versions.
 */
#include "watcher/base/base.h"
#include "watcher/worker/compiled.h"
#include "watcher/base/fsutil.h"
#include "transforms/explain.h"
#include <jansson.h>

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

static void take_vars(const json_t *object, struct filter_vars *vars)
{
	struct filter_var *items = xcalloc(json_object_size(object) + 1, sizeof(*items));
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, name, v)
		items[vars->count++] = (struct filter_var){name, json_string_value(v)};
	vars->items = items;
}

/* The first line of the errors, for where there is one line. */
static int first_error(const struct strbuf *errors, struct fault *f)
{
	size_t n = strcspn(errors->p, "\n");

	return fault_set(f, FAULT_CONFIG, "%.*s", (int)n, errors->p);
}

/* What the text is compiled from; its vars are the object's, until it is released. */
struct material {
	json_t *object;
	struct filter_vars vars;
	struct plan_source src;
};

static void material_init(struct material *m, const struct job *j)
{
	m->object = json_loads(j->vars_json, 0, NULL);
	m->vars = (struct filter_vars){NULL, 0};
	take_vars(m->object, &m->vars);
	m->src = (struct plan_source){.text = span_of(j->filter), .origin = j->filter_origin,
				      .vars = &m->vars, .lenient = j->lenient};
}

static void material_release(struct material *m)
{
	free((void *)(uintptr_t)m->vars.items);
	json_decref(m->object);
}

static int compile_filter(struct compiled *c, struct strbuf *errors, struct strbuf *warnings, struct fault *f)
{
	const struct job *j = c->version->job;
	struct strbuf own = STRBUF_INIT;
	struct strbuf *said = errors ? errors : &own;
	struct material m;
	int r;

	if (is_blank(j->filter))
		return 0;
	material_init(&m, j);
	r = plan_compile(&m.src, &c->plan, said, warnings);
	if (r < 0)
		first_error(said, f);
	material_release(&m);
	strbuf_release(&own);
	return r;
}

void compiled_explain(const struct compiled *c, struct strbuf *out)
{
	struct material m;

	if (!c->plan) {
		strbuf_adds(out, "no filter text: fields take the types of the index's mappings\n");
		return;
	}
	material_init(&m, c->version->job);
	CHECK(plan_explain(&m.src, out) == 0);
	material_release(&m);
}

int compiled_new(struct span text, struct compiled **out, struct strbuf *errors, struct strbuf *warnings,
		 struct fault *f)
{
	struct compiled *c = xcalloc(1, sizeof(*c));

	if (version_parse(text, &c->version, f) < 0 || compile_filter(c, errors, warnings, f) < 0) {
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
	plan_free(&c->plan);
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
		r = compiled_new(strbuf_span(&text), &c, NULL, NULL, f);
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
