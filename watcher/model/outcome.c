/*
 * outcome - the fate of a file; see the header
 */
#include "watcher/base/base.h"
#include "watcher/model/outcome.h"

enum outcome outcome_of(const struct fault *f)
{
	switch (f->kind) {
	case FAULT_NONE:
		return OUTCOME_DONE;
	case FAULT_DATA:
		return OUTCOME_FAILED;
	case FAULT_KEY:
	case FAULT_CONFIG:
		return OUTCOME_HELD;
	case FAULT_TEMPORARY:
	case FAULT_SYSTEM:
		return OUTCOME_WAITING;
	}
	CHECK(!"a fault kind");
	return OUTCOME_WAITING;
}

const char *outcome_name(enum outcome o)
{
	switch (o) {
	case OUTCOME_DONE:
		return "done";
	case OUTCOME_FAILED:
		return "failed";
	case OUTCOME_HELD:
		return "held";
	case OUTCOME_DUPLICATE:
		return "duplicate";
	case OUTCOME_UNDONE:
		return "undone";
	case OUTCOME_WAITING:
		return "waiting";
	}
	CHECK(!"an outcome");
	return "";
}
