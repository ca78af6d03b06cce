/*
 * check - can a job version, or a filter text, be used?
 *
 *	if (check_versions(files) < 0) ...        NULL-terminated; none: standard input
 *
 * Every error of every file goes to standard error, in the words of the filter language.  -1: one was refused.
 */
#ifndef WORKER_CHECK_H
#define WORKER_CHECK_H

#include "watcher/base/base.h"

int check_versions(char **files);

#endif
