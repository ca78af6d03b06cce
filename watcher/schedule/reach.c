/*
 * reach - what a worker may reach; see the header
 *
 * Filled by the daemon (passes), compared and handed on by schedule, made into a command line by worker.
 */
#include "watcher/base/base.h"
#include "watcher/schedule/reach.h"
#include <sys/stat.h>

static void add(struct reach *r, const char *option, const char *value)
{
	strbuf_add(&r->words, option, strlen(option) + 1);
	strbuf_add(&r->words, value, strlen(value) + 1);
}

void reach_init(struct reach *r, const char *tenant)
{
	strbuf_init(&r->words);
	strbuf_init(&r->inodes);
	r->resources = RESOURCES_MEDIUM;
	add(r, "--tenant", tenant);
}

void reach_release(struct reach *r)
{
	strbuf_release(&r->words);
	strbuf_release(&r->inodes);
}

int reach_folder(struct reach *r, const char *path, struct fault *f)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fault_errno(f, FAULT_SYSTEM, "%s", path);
	strbuf_addf(&r->inodes, "%llu:%llu ", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	add(r, "--folder", path);
	return 0;
}

void reach_port(struct reach *r, unsigned port)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", port);
	add(r, "--port", text);
}

bool reach_equal(const struct reach *a, const struct reach *b)
{
	return a->resources == b->resources && span_equal(strbuf_span(&a->words), strbuf_span(&b->words)) &&
	       span_equal(strbuf_span(&a->inodes), strbuf_span(&b->inodes));
}

char **reach_argv(const struct reach *r, const char *program)
{
	size_t count = 0, at = 0;
	char **argv;

	for (size_t i = 0; i < r->words.n; i++)
		count += r->words.p[i] == '\0';
	argv = xcalloc(count + 2, sizeof(*argv));
	argv[0] = (char *)(uintptr_t)program;
	for (size_t i = 1; i <= count; i++) {
		argv[i] = r->words.p + at;
		at += strlen(argv[i]) + 1;
	}
	return argv;
}
