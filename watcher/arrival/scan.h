/*
 * scan - read a folder in slices
 *
 *	scan_begin(&s, dir_fd, &f)
 *	while ((r = scan_step(&s, 512, fn, ctx, &f)) == SCAN_MORE) ... other work ...
 *	scan_end(&s)                 any time
 *
 * Every name but "." and ".." that was there from begin to the end is given at least once; others
 * may be.
 * Owns its own open description of the folder: the caller's descriptor keeps its offset and may be
 * closed.
 */
#ifndef ARRIVAL_SCAN_H
#define ARRIVAL_SCAN_H

#include "watcher/base/fault.h"
#include <dirent.h>

enum scan_result { SCAN_MORE, SCAN_DONE, SCAN_FAILED };

struct scan {
	DIR *dir; /* NULL: no scan under way */
};

void scan_init(struct scan *s);
int scan_begin(struct scan *s, int dir_fd, struct fault *f) MUST_CHECK;
enum scan_result scan_step(struct scan *s, size_t max, void (*fn)(void *ctx, const char *name),
			   void *ctx, struct fault *f);
void scan_end(struct scan *s);

#endif
