/*
 * main - the program ingestd: options, configuration, then one of run, test, help
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/daemon/audit.h"
#include "watcher/daemon/backup.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/stats_child.h"
#include "watcher/daemon/verify.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* 0, 1 and 2 are open, so that no socket or journal ever is one of them. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
	for (int i = 0; i <= 2; i++)
		(void)fcntl(i, F_SETFD, 0);
}

/* What can be read of the configuration, its errors printed; NULL: nothing. */
static struct config *read_config(const struct options *o)
{
	struct strbuf errors = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct config *c = NULL;
	char *path = NULL;

	if (config_find(o->config, &path, &f) < 0)
		fprintf(stderr, "ingestd: %s\n", f.text);
	else
		c = config_read(path, &errors);
	if (errors.n)
		fputs(errors.p, stderr);
	strbuf_release(&errors);
	free(path);
	return c;
}

static int run(const struct options *o)
{
	struct ingestd d;
	int code = EXIT_CONFIG;

	ingestd_init(&d, o);
	d.config = read_config(o);
	if (d.config && !d.config->wrong)
		code = ingestd_run(&d);
	ingestd_release(&d);
	return code;
}

static int test(const struct options *o)
{
	struct config *config = read_config(o);
	int code = config ? verify(config) : EXIT_CONFIG;

	config_free(&config);
	return code;
}

static int journal_check(const struct options *o)
{
	struct audit_options a = {.json = o->json, .quick = o->quick};
	struct config *c = read_config(o);
	int code = c && !c->wrong ? audit_run(c, &a) : EXIT_CONFIG;

	config_free(&c);
	return code;
}

static int backup(const struct options *o)
{
	struct config *c = read_config(o);
	int code = c && !c->wrong ? backup_run(c, o->backup, o->json) : EXIT_CONFIG;

	config_free(&c);
	return code;
}

static int stats(const struct options *o)
{
	struct config *c = read_config(o);
	int code = c && !c->wrong ? stats_print(c, o) : EXIT_CONFIG;

	config_free(&c);
	return code;
}

static int dispatch(const struct options *o)
{
	switch (o->mode) {
	case MODE_RUN:
		return run(o);
	case MODE_TEST:
		return test(o);
	case MODE_JOURNAL_CHECK:
		return journal_check(o);
	case MODE_BACKUP:
		return backup(o);
	case MODE_STATS:
		return stats(o);
	case MODE_HELP:
		options_print_help(stdout);
		return EXIT_WORKED;
	case MODE_VERSION:
		puts("ingestd " INGEST_VERSION);
		return EXIT_WORKED;
	case MODE_CRASH_POINTS:
		crash_points_print(stdout, "ingestd");
		return EXIT_WORKED;
	}
	return EXIT_CONFIG;
}

int main(int argc, char **argv)
{
	struct fault f = FAULT_INIT;
	struct options o;
	int code;

	open_standard();
	signal(SIGPIPE, SIG_IGN);
	if (crash_init("ingestd", &f) < 0 || options_parse(argc, argv, &o, &f) < 0) {
		fprintf(stderr, "ingestd: %s\n", f.text);
		return EXIT_CONFIG;
	}
	code = dispatch(&o);
	options_release(&o);
	return code;
}
