/*
 * rate - so many requests a second for each of many names: token buckets
 *
 *	rate_init(&r, 50, 200)                       50 a second, 200 at once
 *	rate_take(&r, "127.0.0.1", now_ms)           false: too many; ask again in a second
 *	rate_release(&r)
 *
 * At most RATE_NAMES are remembered; a new one takes the place of the one that has rested longest, so who changes names all the time
 * gets no more than if nobody were remembered.  now_ms is the monotonic clock.
 */
#ifndef ADMIN_RATE_H
#define ADMIN_RATE_H

#include "watcher/base/span.h"

#define RATE_NAMES 256

struct rate_name {
	uint64_t hash; /* 0: free */
	double left;
	int64_t at_ms;
};

struct rate {
	double per_second, most;
	struct rate_name *names;
};

void rate_init(struct rate *r, double per_second, double most);
void rate_release(struct rate *r);
bool rate_take(struct rate *r, const char *name, int64_t now_ms);

#endif
