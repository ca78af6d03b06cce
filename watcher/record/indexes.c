/*
 * indexes - the indexes of files, runs and jobs; see the header
 */
#include "watcher/base/base.h"
#include "watcher/record/indexes.h"
#include "watcher/record/judge.h"

struct field {
	const char *name;
	int32_t direction;
};

static const struct index {
	const char *collection;
	const char *name;
	struct field fields[4];
	bool expiry;
} indexes[] = {
#define F(name, direction) {name, direction},
#define INDEX(collection, name, ...) {collection, name, {__VA_ARGS__}, false},
#define EXPIRY(collection, name) {collection, name, {F(name, 1)}, true},
#include "watcher/record/indexes.def"
#undef INDEX
#undef EXPIRY
#undef F
};

static bson_t *command_of(const struct index *x)
{
	bson_t key = BSON_INITIALIZER;
	bson_t *command;

	for (size_t i = 0; i < ARRAY_LEN(x->fields) && x->fields[i].name; i++)
		BSON_APPEND_INT32(&key, x->fields[i].name, x->fields[i].direction);
	command = x->expiry ? BCON_NEW("createIndexes", BCON_UTF8(x->collection), "indexes", "[", "{", "key", BCON_DOCUMENT(&key),
				       "name", BCON_UTF8(x->name), "expireAfterSeconds", BCON_INT32(0), "}", "]") :
			      BCON_NEW("createIndexes", BCON_UTF8(x->collection), "indexes", "[", "{", "key", BCON_DOCUMENT(&key),
				       "name", BCON_UTF8(x->name), "}", "]");
	bson_destroy(&key);
	return command;
}

/* The server said no, and will say so again. */
static bool is_final(const bson_error_t *e)
{
	return e->domain == MONGOC_ERROR_SERVER && (e->code == 13 || judge_document((int32_t)e->code) != JUDGE_AGAIN);
}

static void say(const struct index *x, const bson_error_t *e, store_said_fn *said, void *ctx)
{
	char text[700];

	snprintf(text, sizeof(text), "index %s of %s cannot be made, %s: error %u: %s", x->name, x->collection,
		 x->expiry ? "documents stay when their time is over" : "questions that need it are slow", e->code, e->message);
	said(ctx, text);
}

bool indexes_make(mongoc_client_t *client, const char *database, store_said_fn *said, void *ctx,
		  bson_error_t *e)
{
	for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
		bson_t *command = command_of(&indexes[i]);
		bool ok = mongoc_client_write_command_with_opts(client, database, command, NULL, NULL, e);

		bson_destroy(command);
		if (ok)
			continue;
		if (!is_final(e))
			return false;
		say(&indexes[i], e, said, ctx);
	}
	return true;
}
