/*
 * verdict - are there too many rejected rows for the file to be loaded?
 *
 *	if (verdict_rejects(&counters, job->rejects.max_ratio, job->rejects.max_rows, &f) < 0)
 *		... FAULT_DATA "12 of 100 rows rejected, more than max_ratio 0.10 allows; ..."
 *
 * Called in the gate, at its end; a file of 0 rows is fine.
 */
#ifndef QUALITY_VERDICT_H
#define QUALITY_VERDICT_H

#include "watcher/base/fault.h"
#include "watcher/model/counters.h"

/* max_rows -1: no limit by number. */
int verdict_rejects(const struct counters *c, double max_ratio, int64_t max_rows,
		    struct fault *f) MUST_CHECK;

#endif
