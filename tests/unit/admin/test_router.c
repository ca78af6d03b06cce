/*
 * test_router - paths to routes, and who may ask them
 */
#include "watcher/base/base.h"
#include "watcher/admin/admin.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void paths(void **state UNUSED)
{
	static const struct {
		const char *method, *path;
		enum admin_match match;
		enum admin_route route;
		const char *tenant, *job, *id;
	} cases[] = {
		{"GET", "/healthz", ADMIN_FOUND, ROUTE_HEALTH, NULL, NULL, NULL},
		{"GET", "/healthz/", ADMIN_NO_PATH, ROUTE_COUNT, NULL, NULL, NULL},
		{"GET", "healthz", ADMIN_NO_PATH, ROUTE_COUNT, NULL, NULL, NULL},
		{"GET", "", ADMIN_NO_PATH, ROUTE_COUNT, NULL, NULL, NULL},
		{"GET", "/v1/tenants/bob", ADMIN_FOUND, ROUTE_TENANT, "bob", NULL, NULL},
		{"GET", "/v1/tenants//jobs/x", ADMIN_NO_PATH, ROUTE_COUNT, NULL, NULL, NULL},
		{"GET", "/v1/tenants/bob/jobs/vm", ADMIN_FOUND, ROUTE_JOB, "bob", "vm", NULL},
		{"POST", "/v1/tenants/bob/jobs/vm/start", ADMIN_FOUND, ROUTE_JOB_START, "bob", "vm", NULL},
		{"BREW", "/v1/tenants/bob/jobs/vm/start", ADMIN_NO_METHOD, ROUTE_COUNT, NULL, NULL, NULL},
		{"POST", "/v1/files/A1/undo", ADMIN_FOUND, ROUTE_UNDO, NULL, NULL, "A1"},
		{"POST", "/v1/files/A1/undo/x", ADMIN_NO_PATH, ROUTE_COUNT, NULL, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct admin_args args = {0};
		enum admin_route route = ROUTE_COUNT;
		char *path = xstrdup(cases[i].path);

		assert_int_equal(admin_route_of(cases[i].method, path, &route, &args), cases[i].match);
		assert_int_equal(route, cases[i].route);
		assert_string_equal(args.tenant ? args.tenant : "-", cases[i].tenant ? cases[i].tenant : "-");
		assert_string_equal(args.job ? args.job : "-", cases[i].job ? cases[i].job : "-");
		assert_string_equal(args.id ? args.id : "-", cases[i].id ? cases[i].id : "-");
		free(path);
	}
}

static void methods_of_a_path(void **state UNUSED)
{
	struct strbuf sb = STRBUF_INIT;

	admin_allowed("/v1/status", &sb);
	assert_string_equal(sb.p, "GET");
	strbuf_reset(&sb);
	admin_allowed("/v1/nothing", &sb);
	assert_int_equal(sb.n, 0);
	strbuf_release(&sb);
}

static void who(void **state UNUSED)
{
	const struct admin_args operator = {0}, alice = {.scope = "alice"}, nobody = {.scope = ""};

	assert_int_equal(admin_who_of(ROUTE_HEALTH), ADMIN_PUBLIC);
	assert_int_equal(admin_who_of(ROUTE_FILES), ADMIN_TENANT);
	assert_int_equal(admin_who_of(ROUTE_RELOAD), ADMIN_OPERATOR);
	/* what is no route is nobody's but the operator's */
	assert_int_equal(admin_who_of(ROUTE_COUNT), ADMIN_OPERATOR);
	assert_true(admin_sees(&operator, "bob") && admin_sees(&operator, NULL));
	assert_true(admin_sees(&alice, "alice"));
	assert_false(admin_sees(&alice, "bob") || admin_sees(&alice, "alice2") || admin_sees(&alice, NULL));
	assert_false(admin_sees(&nobody, "bob") || admin_sees(&nobody, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(methods_of_a_path),
		cmocka_unit_test(who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
