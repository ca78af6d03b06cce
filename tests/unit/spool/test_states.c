/*
 * test_states - the table of edges: the ones delivery.md names, and none beside them
 */
#include "tests/unit/spool/fixture.h"
#include "watcher/spool/states.h"

#define S(id) FILE_##id

/* every legal edge but those from and to WAITING */
static const enum file_state edges[][2] = {
	{S(CLAIMED), S(IDENTIFIED)}, {S(CLAIMED), S(PLACING)}, {S(IDENTIFIED), S(GATED)},
	{S(IDENTIFIED), S(PLACING)}, {S(GATED), S(LOADING)},   {S(GATED), S(PLACING)},
	{S(LOADING), S(INDEXED)},    {S(LOADING), S(UNDOING)}, {S(INDEXED), S(PLACING)},
	{S(INDEXED), S(UNDOING)},    {S(PLACING), S(PLACED)},  {S(PLACING), S(HELD)},
	{S(UNDOING), S(PLACING)},    {S(UNDOING), S(CLAIMED)}, {S(HELD), S(RETAKING)},
	{S(PLACED), S(RETAKING)},    {S(RETAKING), S(CLAIMED)}, {S(RETAKING), S(UNDOING)},
	{S(RETAKING), S(PLACING)},   {S(INDEXED), S(REPLACING)}, {S(REPLACING), S(PLACING)}, {S(REPLACING), S(UNDOING)},
};

static bool wanted(enum file_state from, enum file_state to)
{
	if (from == FILE_WAITING)
		return file_state_alive(to) && to != FILE_WAITING;
	if (to == FILE_WAITING)
		return file_state_alive(from);
	for (size_t i = 0; i < ARRAY_LEN(edges); i++)
		if (edges[i][0] == from && edges[i][1] == to)
			return true;
	return false;
}

static void test_edges(void **state UNUSED)
{
	for (unsigned from = 0; from < FILE_STATE_COUNT; from++)
		for (unsigned to = 0; to < FILE_STATE_COUNT; to++)
			if (file_edge_legal(from, to) != wanted(from, to))
				fail_msg("%s -> %s", file_state_name(from), file_state_name(to));
}

static void test_names(void **state UNUSED)
{
	for (unsigned s = 0; s < FILE_STATE_COUNT; s++) {
		enum file_state back = FILE_HELD;

		assert_true(file_state_parse(file_state_name(s), &back));
		assert_int_equal(back, s);
	}
	for (unsigned s = RUN_CREATED; s <= RUN_STOPPED; s++) {
		enum run_state back = RUN_CREATED;

		assert_true(run_state_parse(run_state_name(s), &back));
		assert_int_equal(back, s);
	}
	assert_false(file_state_parse("claimed", &(enum file_state){0}));
	assert_false(run_state_parse("", &(enum run_state){0}));
}

static void test_runs(void **state UNUSED)
{
	assert_true(run_edge_legal(RUN_CREATED, RUN_STARTING));
	assert_true(run_edge_legal(RUN_STARTING, RUN_FAILED));
	assert_true(run_edge_legal(RUN_RUNNING, RUN_FINISHED));
	assert_false(run_edge_legal(RUN_RUNNING, RUN_STARTING));
	assert_false(run_edge_legal(RUN_FINISHED, RUN_RUNNING));
	assert_true(run_state_over(RUN_STOPPED));
	assert_false(run_state_over(RUN_RUNNING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
