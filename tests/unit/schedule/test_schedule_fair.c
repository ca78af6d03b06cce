/*
 * test_schedule_fair - whose turn it is, over the real scheduler and real processes: judged by its trace, no clock in it
 */
#include "tests/unit/schedule/fake_daemon.h"

static const struct {
	const char *tenant;
	uint64_t bytes; /* of a file */
	size_t files;
} load[] = {{"alice", 20000, 120}, {"bob", 400000, 6}, {"carol", 60000, 40}};

struct seen {
	double served[ARRAY_LEN(load)];
	size_t files[ARRAY_LEN(load)];
	size_t decisions, under_load;
	bool over; /* somebody has nothing left: what is served after that is no measure */
};

static size_t index_of(const char *tenant)
{
	for (size_t i = 0; i < ARRAY_LEN(load); i++)
		if (strcmp(load[i].tenant, tenant) == 0)
			return i;
	fail_msg("%s", tenant);
	return 0;
}

static bool look(void *ctx, const struct decision *d)
{
	struct seen *seen = ctx;
	size_t i = index_of(d->tenant);

	assert_int_equal(d->number, ++seen->decisions);
	assert_int_equal(d->bytes, load[i].bytes);
	if (d->why.deficit > d->why.least)
		fail_msg("decision %llu: %s owed %llu, a rival %llu", (unsigned long long)d->number, d->tenant,
			 (unsigned long long)d->why.deficit, (unsigned long long)d->why.least);
	if (seen->over)
		return true;
	seen->under_load++;
	seen->served[i] += (double)d->bytes;
	seen->over = ++seen->files[i] == load[i].files;
	return true;
}

/* Three tenants with files of 20, 60 and 400 kB and more than two workers can do: equal bytes. */
static void test_jain(void **state)
{
	struct job_of_test j[166] = {{0}};
	double sum = 0, squares = 0;
	struct seen seen = {.over = false};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(load); i++)
		for (size_t k = 0; k < load[i].files; k++)
			j[n++] = (struct job_of_test){.tenant = load[i].tenant, .file = "ok", .bytes = load[i].bytes};
	assert_int_equal(n, ARRAY_LEN(j));
	begin(2, 0);
	for (size_t i = 0; i < ARRAY_LEN(load); i++)
		schedule_tenant(s, load[i].tenant, 2);
	run_jobs(j, n);
	schedule_trace(s, look, &seen);
	assert_int_equal(seen.decisions, n);
	assert_true(seen.under_load > 100);
	for (size_t i = 0; i < ARRAY_LEN(load); i++) {
		sum += seen.served[i];
		squares += seen.served[i] * seen.served[i];
	}
	print_message("bytes served: %.0f %.0f %.0f, Jain's index %.4f\n", seen.served[0], seen.served[1], seen.served[2],
		      sum * sum / ((double)ARRAY_LEN(load) * squares));
	assert_true(sum * sum / ((double)ARRAY_LEN(load) * squares) >= 0.95);
	end();
}

/* --- 100,000 files of one tenant --- */

static struct job_of_test many[100000], first;
static size_t through;
static uint64_t before;

static bool newest(void *ctx, const struct decision *d)
{
	*(struct decision *)ctx = *d;
	return true;
}

static void then_another(struct job_of_test *j)
{
	struct decision d = {0};

	if (j == &first)
		ev_break(EV_DEFAULT, EVBREAK_ALL);
	if (++through != 5)
		return;
	schedule_trace(s, newest, &d);
	before = d.number;
	first.task = schedule_add(s, "bob", &first, RESOURCES_MEDIUM, false);
}

static bool is_bobs(void *ctx, const struct decision *d)
{
	if (strcmp(d->tenant, "bob") != 0)
		return true;
	assert_int_equal(d->waited, 0);
	*(uint64_t *)ctx = d->number;
	return true;
}

/* Another's first file is the next of all, whatever the sizes. */
static void test_first_after_a_hundred_thousand(void **state)
{
	static const uint64_t bytes[][2] = {{10, 10}, {10, 1000000000}, {1000000000, 10}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		uint64_t at = 0;

		begin(1, 0);
		through = 0;
		on_result = then_another;
		first = (struct job_of_test){.tenant = "bob", .file = "ok", .bytes = bytes[i][1]};
		for (size_t k = 0; k < ARRAY_LEN(many); k++)
			many[k] = (struct job_of_test){.tenant = "alice", .file = "ok", .bytes = bytes[i][0]};
		run_jobs(many, ARRAY_LEN(many));
		schedule_trace(s, is_bobs, &at);
		assert_int_equal(first.results, 1);
		assert_int_equal(at, before + 1);
		assert_int_equal(schedule_queued(s, "alice"), ARRAY_LEN(many) - 5);
		end();
	}
}

/* --- what will be --- */

static bool name_of(void *ctx, const struct task *t, size_t position, int64_t wait_ms)
{
	char *names = ctx;

	assert_int_equal(strlen(names), position - 1);
	assert_int_equal(wait_ms, -1); /* none has ended yet */
	names[position - 1] = t->tenant[0];
	return position < 30;
}

static bool waits_longer(void *ctx, const struct task *t, size_t position, int64_t wait_ms)
{
	int64_t *last = ctx;

	(void)t;
	assert_true(position == 1 || wait_ms >= *last);
	*last = wait_ms;
	return true;
}

static void look_ahead(struct job_of_test *j)
{
	int64_t last = -1;

	(void)j;
	if (++through != 3)
		return;
	schedule_forecast(s, waits_longer, &last);
	assert_true(last >= 0);
}

/* The forecast is what comes: one slot, one after the other. */
static void test_forecast(void **state)
{
	struct job_of_test j[12] = {{0}};
	char foretold[32] = "", came[32] = "";
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		j[n++] = (struct job_of_test){.tenant = "alice", .file = "ok", .bytes = 10000};
	for (size_t i = 0; i < 2; i++)
		j[n++] = (struct job_of_test){.tenant = "bob", .file = "ok", .bytes = 30000};
	for (size_t i = 0; i < 2; i++)
		j[n++] = (struct job_of_test){.tenant = "carol", .file = "ok", .bytes = 1};
	begin(1, 0);
	through = 0;
	on_result = look_ahead;
	queue_jobs(j, n);
	schedule_forecast(s, name_of, foretold);
	assert_string_equal(foretold, "abccaabaaaaa");
	for (size_t i = 0; i < n; i++)
		schedule_remove(s, j[i].task);
	run_jobs(j, n);
	for (size_t i = 0; i < n; i++)
		came[j[i].begun - 1] = j[i].tenant[0];
	assert_string_equal(came, foretold);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jain),
		cmocka_unit_test(test_first_after_a_hundred_thousand),
		cmocka_unit_test(test_forecast),
	};

	return run_group(argc, argv, tests, ARRAY_LEN(tests));
}
