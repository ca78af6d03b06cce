/*
 * profile_jobs - the jobs of a tenant; see the header
 *
 * Called by profile_load.  What a job may hold only together with its profile (index name with the prefix, sinks) is checked
 * here.
 */
#include "watcher/base/base.h"
#include "watcher/model/profile_jobs.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/nearest.h"
#include "watcher/model/keys.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void check_index(const struct profile *p, const struct job *j, struct keys_report *r)
{
	const char *path = j->seed_form ? "$.logstash_pipeline_config_args.index_name" : "$.index.name";
	char *pattern = profile_index_name(p, j), *name = NULL;
	struct fault f = FAULT_INIT;

	if (index_name_at(pattern, 0, &name, &f) < 0)
		keys_error(r, path, "%s", f.text);
	free(name);
	free(pattern);
}

static void check_sink(const struct profile *p, const char *sink, struct keys_report *r)
{
	const char *near;

	for (size_t i = 0; i < p->sink_count; i++)
		if (strcmp(p->sinks[i], sink) == 0)
			return;
	near = nearest_name(span_of(sink), (const char *const *)p->sinks, p->sink_count);
	keys_error(r, "$.sinks", "\"%.60s\" is not among the sinks of the tenant's profile%s%s%s", sink,
		   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

void profile_check_job(const struct profile *p, const struct job *j, const char *file, struct strbuf *errors)
{
	struct keys_report r = {.file = file, .errors = errors};

	if (job_name_valid(span_of(j->name)))
		check_index(p, j, &r);
	for (size_t i = 0; i < j->sink_count && p->sinks_given; i++)
		check_sink(p, j->sinks[i], &r);
}

static void load_job(struct profile *p, const char *path, int dir_fd, struct strbuf *errors)
{
	struct keys_report r = {.file = path, .errors = errors};
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct job *j = NULL;

	if (fs_read_file(path, KEYS_FILE_MAX, &text, &f) < 0)
		keys_error(&r, "$", "%s", f.text);
	else
		j = job_read(strbuf_span(&text), path, dir_fd, errors);
	if (j) {
		size_t before = errors->n;

		profile_check_job(p, j, path, errors);
		j->wrong |= errors->n > before;
		p->jobs = xrealloc(p->jobs, (p->job_count + 1) * sizeof(*p->jobs));
		p->jobs[p->job_count++] = j;
	}
	strbuf_release(&text);
}

static int is_job(const struct dirent *e)
{
	struct span name = span_of(e->d_name);

	return name.p[0] != '.' && name.n > strlen(".json") && span_ends(name, SPAN_LITERAL(".json"));
}

static int by_name(const void *a, const void *b)
{
	const struct job *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void profile_load_jobs(struct profile *p, const char *folder, struct strbuf *errors)
{
	char *jobs = fs_join(folder, "jobs");
	struct keys_report r = {.file = jobs, .errors = errors};
	int dir_fd = open(jobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **found = NULL;
	int n = dir_fd < 0 ? -1 : scandir(jobs, &found, is_job, by_bytes);

	if (n < 0 && errno != ENOENT)
		keys_error(&r, "$", "cannot be read: %s", strerror(errno));
	if (n > PROFILE_JOBS_MAX)
		keys_error(&r, "$", "%d jobs; allowed: at most %d", n, PROFILE_JOBS_MAX);
	for (int i = 0; i < n; i++) {
		char *path = fs_join(jobs, found[i]->d_name);

		if (n <= PROFILE_JOBS_MAX)
			load_job(p, path, dir_fd, errors);
		free(path);
		free(found[i]);
	}
	free(found);
	if (p->job_count)
		qsort(p->jobs, p->job_count, sizeof(*p->jobs), by_name);
	fs_close(&dir_fd);
	free(jobs);
}
