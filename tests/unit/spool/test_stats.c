/* stats: percentiles by nearest rank, counted by hand; what is in a time and what is not */
#include "tests/unit/spool/fixture.h"

#include "watcher/spool/stats.h"

#define BASE 1700000000000

/* Done, indexed `wait` ms after its arrival, ended at that time. */
static void add(struct journal *j, unsigned n, int64_t wait, int64_t placed)
{
	static const enum file_state way[] = {FILE_IDENTIFIED, FILE_GATED, FILE_LOADING, FILE_INDEXED, FILE_PLACING, FILE_PLACED};
	struct file_row r;

	row_make(&r, n, n % 2 ? "alice" : "bob", "a.csv");
	r.times.arrived = BASE;
	OK(journal_insert(j, &r, &fault));
	for (size_t i = 0; i < ARRAY_LEN(way); i++) {
		if (way[i] == FILE_GATED) {
			r.leg.state = LEG_GATED;
			file_row_set(&r.leg.sink, "local");
			snprintf(r.delivery, sizeof(r.delivery), "AAAAAAAAAAAAAAAA%04u", n);
		} else if (way[i] == FILE_LOADING) {
			r.leg.state = LEG_LOADING;
			file_row_set(&r.leg.index, "t");
		} else if (way[i] == FILE_INDEXED) {
			r.leg.state = LEG_INDEXED;
			r.times.indexed = BASE + wait;
		} else if (way[i] == FILE_PLACING) {
			r.has_outcome = true;
			r.outcome = OUTCOME_DONE;
			r.has_folder = true;
			r.folder = FOLDER_DONE;
			file_row_set(&r.target, "a.csv");
		} else if (way[i] == FILE_PLACED) {
			r.times.placed = placed;
		}
		OK(journal_set_state(j, &r, way[i], &fault));
	}
	file_row_release(&r);
}

static void expect(struct journal *j, const struct stats_query *q, const char *want)
{
	struct strbuf sb = STRBUF_INIT;
	struct stats s;
	const char *at;

	OK(journal_commit(j, &fault));
	OK(stats_read(j, q, &s, &fault));
	stats_add_json(&sb, &s);
	at = strstr(sb.p, "\"arrival_to_indexed\":");
	assert_non_null(at);
	if (strncmp(at + 21, want, strlen(want)) != 0)
		fail_msg("%.120s\nis not %s", at + 21, want);
	stats_release(&s);
	strbuf_release(&sb);
}

static void test_percentiles(void **state)
{
	static const struct {
		unsigned files;
		const char *want;
	} rows[] = {
		{0, "{\"files\":0,\"p50\":null,\"p95\":null,\"p99\":null}"},
		{1, "{\"files\":1,\"p50\":1.000,\"p95\":1.000,\"p99\":1.000}"},
		{2, "{\"files\":2,\"p50\":1.000,\"p95\":2.000,\"p99\":2.000}"},
		{3, "{\"files\":3,\"p50\":2.000,\"p95\":3.000,\"p99\":3.000}"},
		{20, "{\"files\":20,\"p50\":10.000,\"p95\":19.000,\"p99\":20.000}"},
		{100, "{\"files\":100,\"p50\":50.000,\"p95\":95.000,\"p99\":99.000}"},
		{101, "{\"files\":101,\"p50\":51.000,\"p95\":96.000,\"p99\":100.000}"},
	};
	struct stats_query q = {.since_ms = BASE, .until_ms = BASE + 1000000};
	struct journal *j = open_journal(*state);
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* the largest first: they are sorted */
		for (unsigned more = rows[i].files; more > n; more--)
			add(j, more, more * 1000, BASE + 1);
		n = rows[i].files;
		expect(j, &q, rows[i].want);
	}
	journal_free(&j);
}

static void test_time_and_tenant(void **state)
{
	struct stats_query q = {.since_ms = BASE + 10, .until_ms = BASE + 20};
	struct journal *j = open_journal(*state);

	add(j, 1, 1000, BASE + 9);
	add(j, 2, 2000, BASE + 10);
	add(j, 3, 3000, BASE + 19);
	add(j, 4, 4000, BASE + 20);
	expect(j, &q, "{\"files\":2,\"p50\":2.000,\"p95\":3.000,");
	q.tenant = "alice";
	expect(j, &q, "{\"files\":1,\"p50\":3.000,\"p95\":3.000,");
	q.tenant = "nobody";
	expect(j, &q, "{\"files\":0,");
	journal_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_percentiles, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_time_and_tenant, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
