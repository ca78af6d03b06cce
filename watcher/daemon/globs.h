/*
 * globs - can one name match two shell patterns?
 *
 * For `ingestd -t`: two arrival jobs whose patterns overlap hold files.  Exact for literals, ?, * and [...] with ranges and negation; a
 * backslash quotes; character classes ([[:alpha:]]) count as any byte.  Names longer than the patterns' product of states are no
 * matter: it is a walk over pairs of positions.
 */
#ifndef DAEMON_GLOBS_H
#define DAEMON_GLOBS_H

#include "watcher/base/base.h"

bool globs_overlap(const char *a, const char *b);

#endif
