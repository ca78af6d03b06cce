/*
 * states - names and edges; see states.h
 *
 * Called by the journal for every change of state and by whoever prints one.  Owns nothing; an
 * illegal edge is the caller's CHECK.
 */
#include "watcher/base/base.h"
#include "watcher/spool/states.h"

#define BIT(s) (1u << (unsigned)(s))

static const char *const file_names[] = {
#define X(id, sentence) [FILE_##id] = #id,
	FILE_STATES(X)
#undef X
};
_Static_assert(ARRAY_LEN(file_names) == FILE_STATE_COUNT, "FILE_STATE_COUNT");

static const unsigned file_edges[] = {
	[FILE_CLAIMED] = BIT(FILE_IDENTIFIED) | BIT(FILE_PLACING) | BIT(FILE_WAITING),
	[FILE_IDENTIFIED] = BIT(FILE_GATED) | BIT(FILE_PLACING) | BIT(FILE_WAITING),
	[FILE_GATED] = BIT(FILE_LOADING) | BIT(FILE_PLACING) | BIT(FILE_WAITING),
	[FILE_LOADING] = BIT(FILE_INDEXED) | BIT(FILE_UNDOING) | BIT(FILE_WAITING),
	[FILE_INDEXED] = BIT(FILE_PLACING) | BIT(FILE_UNDOING) | BIT(FILE_REPLACING) |
			 BIT(FILE_WAITING),
	[FILE_PLACING] = BIT(FILE_PLACED) | BIT(FILE_HELD) | BIT(FILE_WAITING),
	[FILE_PLACED] = BIT(FILE_RETAKING),
	[FILE_UNDOING] = BIT(FILE_PLACING) | BIT(FILE_CLAIMED) | BIT(FILE_WAITING),
	/* which of them is the row's resume: journal_set_state knows */
	[FILE_WAITING] = BIT(FILE_CLAIMED) | BIT(FILE_IDENTIFIED) | BIT(FILE_GATED) |
			 BIT(FILE_LOADING) | BIT(FILE_INDEXED) | BIT(FILE_PLACING) |
			 BIT(FILE_UNDOING) | BIT(FILE_RETAKING) | BIT(FILE_REPLACING),
	[FILE_HELD] = BIT(FILE_RETAKING),
	[FILE_RETAKING] = BIT(FILE_CLAIMED) | BIT(FILE_UNDOING) | BIT(FILE_PLACING) |
			  BIT(FILE_WAITING),
	[FILE_REPLACING] = BIT(FILE_PLACING) | BIT(FILE_UNDOING) | BIT(FILE_WAITING),
};
_Static_assert(ARRAY_LEN(file_edges) == FILE_STATE_COUNT, "file_edges");

static const char *const run_names[] = {
#define X(id, name) [RUN_##id] = name,
	RUN_STATES(X)
#undef X
};

static const unsigned run_edges[] = {
	[RUN_CREATED] = BIT(RUN_STARTING) | BIT(RUN_RUNNING) | BIT(RUN_FAILED) | BIT(RUN_STOPPED),
	[RUN_STARTING] = BIT(RUN_RUNNING) | BIT(RUN_FINISHED) | BIT(RUN_FAILED) | BIT(RUN_STOPPED),
	[RUN_RUNNING] = BIT(RUN_FINISHED) | BIT(RUN_FAILED) | BIT(RUN_STOPPED),
	[RUN_FINISHED] = 0,
	[RUN_FAILED] = 0,
	[RUN_STOPPED] = 0,
};
_Static_assert(ARRAY_LEN(run_edges) == ARRAY_LEN(run_names), "run_edges");

const char *file_state_name(enum file_state s)
{
	CHECK((size_t)s < ARRAY_LEN(file_names));
	return file_names[s];
}

bool file_state_parse(const char *name, enum file_state *out)
{
	for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
		if (strcmp(file_names[i], name) != 0)
			continue;
		*out = (enum file_state)i;
		return true;
	}
	return false;
}

bool file_edge_legal(enum file_state from, enum file_state to)
{
	CHECK((size_t)from < ARRAY_LEN(file_edges) && (size_t)to < ARRAY_LEN(file_edges));
	return (file_edges[from] & BIT(to)) != 0;
}

bool file_state_alive(enum file_state s)
{
	return s != FILE_PLACED && s != FILE_HELD;
}

const char *run_state_name(enum run_state s)
{
	CHECK((size_t)s < ARRAY_LEN(run_names));
	return run_names[s];
}

bool run_state_parse(const char *name, enum run_state *out)
{
	for (size_t i = 0; i < ARRAY_LEN(run_names); i++) {
		if (strcmp(run_names[i], name) != 0)
			continue;
		*out = (enum run_state)i;
		return true;
	}
	return false;
}

bool run_edge_legal(enum run_state from, enum run_state to)
{
	CHECK((size_t)from < ARRAY_LEN(run_edges) && (size_t)to < ARRAY_LEN(run_edges));
	return (run_edges[from] & BIT(to)) != 0;
}

bool run_state_over(enum run_state s)
{
	return run_edges[s] == 0;
}
