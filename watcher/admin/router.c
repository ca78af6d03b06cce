/*
 * router - a path of the HTTP API to its route
 *
 * Called by the server for each request and by its test.  The pieces are cut out of the path in place; bad escapes and
 * empty pieces match nothing.
 */
#include "watcher/base/base.h"
#include "watcher/admin/admin.h"

struct route {
	enum admin_route id;
	enum admin_who who;
	bool later;
	const char *method;
	const char *path;
};

static const struct route routes[] = {
#define ROUTE(id, who, method, path, sentence) {ROUTE_##id, ADMIN_##who, false, method, path},
#define ROUTE_LATER(method, path) {ROUTE_COUNT, ADMIN_TENANT, true, method, path},
#include "watcher/admin/routes.def"
#undef ROUTE
#undef ROUTE_LATER
};

/* Does the path have the pattern's form?  Records where pieces begin and end, changes nothing. */
static bool path_matches(const char *pattern, const char *path, size_t at[3], size_t len[3])
{
	size_t i = 0;

	memset(at, 0, 3 * sizeof(*at));
	for (; *pattern; pattern++) {
		size_t n, which;

		if (*pattern != '{') {
			if (path[i] != *pattern)
				return false;
			i++;
			continue;
		}
		which = pattern[1] == 'T' ? 0 : pattern[1] == 'J' ? 1 : 2;
		pattern = strchr(pattern, '}');
		CHECK(pattern != NULL);
		n = strcspn(path + i, "/");
		if (!n)
			return false;
		at[which] = i;
		len[which] = n;
		i += n;
	}
	return path[i] == '\0';
}

static const char *piece(char *path, size_t at, size_t len)
{
	if (!at)
		return NULL;
	path[at + len] = '\0';
	return path + at;
}

bool admin_sees(const struct admin_args *args, const char *tenant)
{
	return !args->scope || (tenant && strcmp(args->scope, tenant) == 0);
}

enum admin_who admin_who_of(enum admin_route route)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (routes[i].id == route && !routes[i].later)
			return routes[i].who;
	return ADMIN_OPERATOR;
}

enum admin_match admin_route_of(const char *method, char *path, enum admin_route *route,
				struct admin_args *args)
{
	enum admin_match best = ADMIN_NO_PATH;
	size_t at[3], len[3];

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct route *r = &routes[i];

		if (!path_matches(r->path, path, at, len))
			continue;
		if (strcmp(method, r->method) != 0) {
			best = ADMIN_NO_METHOD;
			continue;
		}
		if (r->later)
			return ADMIN_LATER;
		*route = r->id;
		args->tenant = piece(path, at[0], len[0]);
		args->job = piece(path, at[1], len[1]);
		args->id = piece(path, at[2], len[2]);
		return ADMIN_FOUND;
	}
	return best;
}

bool admin_public_path(const char *path)
{
	size_t at[3], len[3];

	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (routes[i].who == ADMIN_PUBLIC && path_matches(routes[i].path, path, at, len))
			return true;
	return false;
}

void admin_allowed(const char *path, struct strbuf *out)
{
	size_t at[3], len[3];

	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (!routes[i].later && path_matches(routes[i].path, path, at, len))
			strbuf_addf(out, "%s%s", out->n ? ", " : "", routes[i].method);
}
