/*
 * verdict - rejects against the job's limits
 *
 * Called by the worker when the gate pass is through.  Owns nothing.  The ratio is compared with a
 * grain of slack, so that 29 of 100 are not over 0.29 because of how 0.29 is stored.
 */
#include "watcher/base/base.h"
#include "watcher/quality/verdict.h"

#define SLACK (1 + 1e-12)

int verdict_rejects(const struct counters *c, double max_ratio, int64_t max_rows, struct fault *f)
{
	unsigned long long rejected = c->rejected, read = c->read;

	if (rejected == 0)
		return 0;
	if (max_rows >= 0 && c->rejected > (uint64_t)max_rows)
		return fault_set(f, FAULT_DATA,
				 "%llu of %llu rows rejected, more than max_rows %lld allows; "
				 "nothing was indexed",
				 rejected, read, (long long)max_rows);
	if ((double)c->rejected > max_ratio * (double)c->read * SLACK) {
		int digits = max_ratio * 100 == (double)(int)(max_ratio * 100) ? 2 : 6;

		return fault_set(f, FAULT_DATA,
				 "%llu of %llu rows rejected, more than max_ratio %.*f allows; "
				 "nothing was indexed",
				 rejected, read, digits, max_ratio);
	}
	return 0;
}
