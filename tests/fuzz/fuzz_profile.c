/*
 * fuzz_profile - hostile profile.json and jobs: the loader, and the version that a job is pinned to
 *
 * The input is profile.json, a NUL, and jobs/j.json.
 * Checked: no crash, no leak; what is refused has a line that names the file; what is taken has names and limits within bounds, and its
 * version can be read again under the same hash.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/profile.h"
#include "watcher/model/version.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[64];
static int tenant_fd = -1;

static void clean(void)
{
	static const char *const files[] = {"profile.json", "jobs/j.json"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlinkat(tenant_fd, files[i], 0);
	unlinkat(tenant_fd, "jobs", AT_REMOVEDIR);
	close(tenant_fd);
	tenant_fd = open(top, O_RDONLY | O_DIRECTORY);
	unlinkat(tenant_fd, "t", AT_REMOVEDIR);
	close(tenant_fd);
	rmdir(top);
}

static void start(void)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	char *path;

	snprintf(top, sizeof(top), "%s/fuzz_profile.XXXXXX", base);
	CHECK(mkdtemp(top) != NULL);
	path = xasprintf("%s/t", top);
	CHECK(mkdir(path, 0700) == 0);
	tenant_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(tenant_fd >= 0 && mkdirat(tenant_fd, "jobs", 0700) == 0);
	free(path);
	atexit(clean);
}

static void put(const char *name, const char *text, size_t n)
{
	int fd = openat(tenant_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	close(fd);
}

static void check_version(const struct profile *p, const struct job *j)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct version *v = NULL;
	char hash[VERSION_HASH];

	version_write(p, j, &text, hash);
	if (version_parse(strbuf_span(&text), &v, &f) < 0)
		CHECK(!"a version that we wrote");
	CHECK(strcmp(v->hash, hash) == 0 && strcmp(v->job->name, j->name) == 0);
	CHECK(strcmp(v->job->pattern, j->pattern) == 0 && strcmp(v->job->filter, j->filter) == 0);
	version_free(&v);
	strbuf_release(&text);
}

static void check_profile(const struct profile *p)
{
	size_t count;

	CHECK(strcmp(p->tenant, "t") == 0 && p->settle_ms >= 0 && p->settle_ms <= 3600 * 1000);
	CHECK(p->max_columns > 0 && p->max_row_bytes > 0 && p->job_count <= 1);
	for (size_t i = 0; i < p->job_count; i++) {
		char *index = profile_index_name(p, p->jobs[i]);

		CHECK(span_starts(span_of(index), span_of(p->index_prefix)));
		free(index);
		check_version(p, p->jobs[i]);
	}
	(void)profile_match(p, "a.csv", TRIGGER_ARRIVAL, &count);
	CHECK(count <= p->job_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *nul = memchr(text, '\0', size);
	size_t n = nul ? (size_t)(nul - text) : size;
	struct strbuf errors = STRBUF_INIT;
	struct profile *p = NULL;

	if (tenant_fd < 0)
		start();
	put("profile.json", text, n);
	put("jobs/j.json", nul ? nul + 1 : "{}", nul ? size - n - 1 : 2);
	if (profile_load(top, "t", &p, &errors) < 0) {
		CHECK(errors.n && strstr(errors.p, ".json"));
	} else {
		check_profile(p);
		profile_unref(&p);
	}
	strbuf_release(&errors);
	return 0;
}
