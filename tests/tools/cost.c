/*
 * cost - a program to its end, and what it took: CPU and memory of it and of what it waited for, by the kernel
 *
 *	cost FILE PROGRAM ARGUMENT...
 *
 * FILE gets one line of JSON: user and system seconds, the largest peak of memory in bytes, seconds, its pid.  Small on purpose: a peak
 * begins with that of the process that forked it, so that a child of Python never has less than Python.  SIGTERM goes on to the program.
 * Exits as the program does, 128 and the signal if one ended it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t child;

static void pass_on(int number)
{
	if (child > 0)
		kill(child, number);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct sigaction on_end = {.sa_handler = pass_on};
	struct rusage ru;
	double begin = now();
	FILE *out = argc > 2 ? fopen(argv[1], "we") : NULL;
	int status;

	if (!out) {
		fputs("usage: cost FILE PROGRAM ARGUMENT...\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &on_end, NULL);
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	while (wait4((pid_t)child, &status, 0, &ru) < 0)
		if (errno != EINTR)
			return 2;
	fprintf(out, "{\"user\":%.6f,\"system\":%.6f,\"peak\":%lld,\"seconds\":%.6f,\"pid\":%d}\n", seconds(&ru.ru_utime),
		seconds(&ru.ru_stime), (long long)ru.ru_maxrss * 1024, now() - begin, (int)child);
	if (fclose(out) != 0)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
