/*
 * access - may this request be answered, and as whose?  See the header
 *
 * Called by admin for each request over TCP, before its body is read.
 */
#include "watcher/base/base.h"
#include "watcher/admin/access.h"
#include "watcher/admin/rate.h"
#include "watcher/base/clock.h"
#include <strings.h>

#define SECONDS_AT_ONCE 4
#define TOKENS_A_SOURCE 4 /* several clients behind one proxy have one address */
#define BEARER "Bearer "

struct access {
	char *file;
	struct tokens *tokens; /* NULL: not read yet, or wrong */
	struct fault wrong;
	struct rate sources, names;
};

struct access *access_new(const char *tokens_file, unsigned per_second)
{
	struct access *a = xcalloc(1, sizeof(*a));

	a->file = tokens_file ? xstrdup(tokens_file) : NULL;
	rate_init(&a->names, per_second, (double)per_second * SECONDS_AT_ONCE);
	rate_init(&a->sources, (double)per_second * TOKENS_A_SOURCE,
		  (double)per_second * TOKENS_A_SOURCE * SECONDS_AT_ONCE);
	return a;
}

void access_free(struct access **ap)
{
	struct access *a = *ap;

	if (!a)
		return;
	tokens_free(&a->tokens);
	rate_release(&a->names);
	rate_release(&a->sources);
	free(a->file);
	free(a);
	*ap = NULL;
}

static void renew(struct access *a)
{
	if (a->tokens && !tokens_changed(a->tokens, a->file))
		return;
	tokens_free(&a->tokens);
	fault_clear(&a->wrong);
	/* a file that is wrong is read again each time: it may have been mended */
	if (tokens_load(a->file, &a->tokens, &a->wrong) < 0)
		CHECK(!a->tokens);
}

static enum access_verdict no_token(struct fault *f, const char *why)
{
	fault_set(f, FAULT_KEY, "%s; give `Authorization: Bearer TOKEN` (ingestctl token add makes one)", why);
	return ACCESS_NO_TOKEN;
}

static enum access_verdict judge_token(struct access *a, const char *authorization, enum admin_who who,
				       char scope[TOKEN_SCOPE], struct fault *f)
{
	const struct token *k;

	if (!authorization || strncasecmp(authorization, BEARER, strlen(BEARER)) != 0)
		return no_token(f, "no bearer token");
	renew(a);
	if (!a->tokens) {
		*f = a->wrong;
		return ACCESS_BROKEN;
	}
	k = tokens_find(a->tokens, authorization + strlen(BEARER));
	if (!k)
		return no_token(f, "no such token, or it was revoked");
	memcpy(scope, k->scope, TOKEN_SCOPE);
	if (!rate_take(&a->names, k->id, clock_mono_ms())) {
		fault_set(f, FAULT_TEMPORARY, "too many requests of this token; try again in a second");
		return ACCESS_TOO_MANY;
	}
	if (who != ADMIN_TENANT && scope[0]) {
		fault_set(f, FAULT_CONFIG, "this needs the operator's token; this one is tenant %s's", scope);
		return ACCESS_NOT_YOURS;
	}
	return ACCESS_YES;
}

enum access_verdict access_judge(struct access *a, const char *source, const char *authorization, enum admin_who who,
				 char scope[TOKEN_SCOPE], struct fault *f)
{
	scope[0] = '\0';
	if (!rate_take(&a->sources, source, clock_mono_ms())) {
		fault_set(f, FAULT_TEMPORARY, "too many requests from %s; try again in a second", source);
		return ACCESS_TOO_MANY;
	}
	if (who == ADMIN_PUBLIC || (who == ADMIN_OPEN && !a->file))
		return ACCESS_YES;
	if (a->file)
		return judge_token(a, authorization, who, scope, f);
	fault_set(f, FAULT_CONFIG, "over TCP only /healthz, /readyz and /metrics are served: admin.tokens_file is not set");
	return ACCESS_CLOSED;
}
