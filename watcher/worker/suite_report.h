/*
 * suite_report - the results of test cases: lines, one JSON object, JUnit's XML
 *
 *	struct suite_report r = {.json = false};
 *	suite_report_add(&r, file, number, description, diff)       diff empty: passed
 *	suite_report_end(&r, junit or NULL, &f)                     the sum, and what was kept for the end
 */
#ifndef WORKER_SUITE_REPORT_H
#define WORKER_SUITE_REPORT_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

struct suite_report {
	bool json;
	size_t passed, failed;
	struct strbuf cases; /* JSON */
	struct strbuf xml;
};

void suite_report_add(struct suite_report *r, const char *file, size_t number, struct span description,
		      struct span diff);
int suite_report_end(struct suite_report *r, const char *junit, struct fault *f) MUST_CHECK;

#endif
