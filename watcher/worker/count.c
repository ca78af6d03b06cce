/*
 * count - how many documents of deliveries are in their sinks; see the header
 *
 * Called by main for --count, which ingestd --journal-check starts.  Owns its pool of connections.
 */
#include "watcher/base/base.h"
#include "watcher/worker/count.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/config.h"
#include "watcher/model/profile.h"
#include "watcher/sink/sink.h"
#include <errno.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define FIELDS 5

struct counter {
	struct config *config;
	struct sink_pool *pool;
};

/* The daemon's rule: the tenant's own credential at that sink, else the platform's. */
static int open_access(const struct counter *c, const struct sink_config *s, const char *tenant,
		       struct sink_access *a, struct fault *f)
{
	struct strbuf ignored = STRBUF_INIT; /* what is wrong with a profile is -t's to say */
	struct profile *p = profile_read(c->config->profiles, tenant, &ignored);
	const struct sink_credential *own = p ? profile_credential(p, s->name) : NULL;
	char *folder = xasprintf("%s/%s", c->config->profiles, tenant);
	int dir = -1, r = 0;

	if (own)
		r = fs_open_dir(folder, &dir, f);
	if (r == 0)
		r = sink_access_read(s, own ? own : &s->credential, dir, a, f);
	fs_close(&dir);
	free(folder);
	profile_unref(&p);
	strbuf_release(&ignored);
	return r;
}

/* A store that was never made has nothing, and is not made by looking. */
static bool is_made(const struct sink_config *s, const char *tenant)
{
	char *path;
	bool made;

	if (s->type != SINK_SQLITE)
		return true;
	path = xasprintf("%s/%s/data.db", s->path, tenant);
	made = access(path, F_OK) == 0;
	free(path);
	return made;
}

static int count_leg(struct counter *c, const struct sink_leg *leg, uint64_t rows, uint64_t *found, struct fault *f)
{
	struct sink *s = NULL;
	int r = sink_open(c->pool, leg, &s, f);

	if (r == 0)
		r = sink_count(s, rows, found, f);
	sink_close(&s);
	return r;
}

static int answer(struct counter *c, char *const field[FIELDS], uint64_t *found, struct fault *f)
{
	struct sink_config *s = NULL;
	struct sink_access a = {0};
	struct sink_leg leg = {.tenant = field[0], .index = field[2], .delivery = field[3],
			       .patience_ms = PATIENCE_MS};
	int r = 0;

	for (size_t i = 0; i < c->config->sink_count; i++)
		if (strcmp(c->config->sinks[i].name, field[1]) == 0)
			s = &c->config->sinks[i];
	if (!s)
		return fault_set(f, FAULT_CONFIG, "sink %s is not in %s", field[1], c->config->file);
	if (!tenant_name_valid(span_of(field[0])))
		return fault_set(f, FAULT_DATA, "no tenant's name");
	*found = 0;
	if (!is_made(s, field[0]))
		return 0;
	if (s->type != SINK_SQLITE)
		r = open_access(c, s, field[0], &a, f);
	leg.config = s;
	leg.access = s->type == SINK_SQLITE ? NULL : &a;
	if (r == 0)
		r = count_leg(c, &leg, strtoull(field[4], NULL, 10), found, f);
	sink_access_release(&a);
	return r;
}

/* The line is cut at its tabs. */
static bool cut(char *line, char *field[FIELDS])
{
	size_t n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *p = line; p && n < FIELDS; n++) {
		field[n] = p;
		p = strchr(p, '\t');
		if (p)
			*p++ = '\0';
	}
	return n == FIELDS;
}

static void serve_lines(struct counter *c, FILE *in, FILE *out)
{
	char *line = NULL, *field[FIELDS];
	size_t cap = 0;

	while (getline(&line, &cap, in) > 0) {
		struct fault f = FAULT_INIT;
		uint64_t found = 0;
		int r = -1;

		if (cut(line, field))
			r = answer(c, field, &found, &f);
		else
			fault_set(&f, FAULT_DATA, "a question has %d fields", FIELDS);
		if (r == 0)
			fprintf(out, "%llu\n", (unsigned long long)found);
		else
			fprintf(out, "!%s\n", f.text);
		fflush(out);
	}
	free(line);
}

int count_serve(const char *config, int fd)
{
	struct strbuf errors = STRBUF_INIT;
	struct counter c = {0};
	struct fault f = FAULT_INIT;
	char *path = NULL;
	FILE *in, *out;
	int r = config_find(config, &path, &f);

	if (r < 0)
		fprintf(stderr, "ingest-worker: %s\n", f.text);
	else
		r = config_load(path, &c.config, &errors);
	if (errors.n)
		fputs(errors.p, stderr);
	in = r == 0 ? fdopen(fd, "r") : NULL;
	out = in ? fdopen(dup(fd), "w") : NULL;
	if (out) {
		c.pool = sink_pool_new();
		serve_lines(&c, in, out);
		sink_pool_free(&c.pool);
		fclose(out);
	}
	if (in)
		fclose(in);
	config_free(&c.config);
	strbuf_release(&errors);
	free(path);
	return out ? 0 : 1;
}
