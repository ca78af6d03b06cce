/*
 * progress - how far a run is, in one line
 *
 *	progress_line(&view, 80, &sb)      `[#####.....]  52%  1,234,567 rows  12.3 MB/s  0:12 left`, at most 80 columns wide; 0: the words
 *                                       without the bar
 *
 * Rate and remaining time are of the bytes done since the run began; while nothing can be said of them they are left out.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include "watcher/base/strbuf.h"

struct progress_view {
	double percent;
	uint64_t bytes_done, rows;
	int64_t elapsed_ms;
};

void progress_line(const struct progress_view *v, unsigned width, struct strbuf *out);

#endif
