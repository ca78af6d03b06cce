/*
 * rate - requests a second; see the header
 *
 * Called by access for each request over TCP.
 */
#include "watcher/base/base.h"
#include "watcher/admin/rate.h"
#include "watcher/base/map.h"

void rate_init(struct rate *r, double per_second, double most)
{
	r->per_second = per_second;
	r->most = most;
	r->names = xcalloc(RATE_NAMES, sizeof(*r->names));
}

void rate_release(struct rate *r)
{
	free(r->names);
	r->names = NULL;
}

/* Its place, or the place it takes. */
static struct rate_name *place_of(struct rate *r, uint64_t hash)
{
	struct rate_name *oldest = &r->names[0];

	for (size_t i = 0; i < RATE_NAMES; i++) {
		if (r->names[i].hash == hash)
			return &r->names[i];
		if (oldest->hash && (!r->names[i].hash || r->names[i].at_ms < oldest->at_ms))
			oldest = &r->names[i];
	}
	return oldest;
}

bool rate_take(struct rate *r, const char *name, int64_t now_ms)
{
	uint64_t hash = map_hash(span_of(name)) | 1;
	struct rate_name *n = place_of(r, hash);

	if (n->hash != hash)
		*n = (struct rate_name){hash, r->most, now_ms};
	n->left += (double)(now_ms - n->at_ms) / 1000. * r->per_second;
	if (n->left > r->most)
		n->left = r->most;
	n->at_ms = now_ms;
	if (n->left < 1)
		return false;
	n->left -= 1;
	return true;
}
