/*
 * state - ingestctl's verbs about the state folder: they run ingestd's own, which reads the journal beside a running daemon
 *
 * The journal's library is the daemon's.  Exit codes of ingestd become those of ingestctl: 3 is `partly`, all else `refused`.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static char *writable(const char *literal)
{
	return (char *)(uintptr_t)literal;
}

static int run_daemon(char **argv)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(ctl_become("ingestd", argv));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || !WIFEXITED(status)) {
		fputs("ingestctl: ingestd could not be run to its end\n", stderr);
		return CTL_REFUSED;
	}
	switch (WEXITSTATUS(status)) {
	case 0:
		return CTL_OK;
	case 3:
		return CTL_PARTLY;
	default: /* 1 and 78: it has said why */
		return CTL_REFUSED;
	}
}

int command_journal_check(const struct ctl_options *o)
{
	char *argv[8] = {NULL, writable("--journal-check")};
	size_t n = 2;

	if (o->arg_count)
		return ctl_usage(o);
	if (o->config) {
		argv[n++] = writable("-c");
		argv[n++] = writable(o->config);
	}
	if (o->json)
		argv[n++] = writable("--json");
	if (o->quick)
		argv[n++] = writable("--quick");
	return run_daemon(argv);
}

int command_backup(const struct ctl_options *o)
{
	char *argv[8] = {NULL, writable("--backup")};
	size_t n = 2;

	if (o->arg_count != 1)
		return ctl_usage(o);
	argv[n++] = o->args[0];
	if (o->config) {
		argv[n++] = writable("-c");
		argv[n++] = writable(o->config);
	}
	if (o->json)
		argv[n++] = writable("--json");
	return run_daemon(argv);
}
