/*
 * document - a record of the journal as a document of MongoDB; see the header
 *
 * Called by batch.  Source: bsonspec.org; RFC 3339 as clock_format writes it.
 */
#include "watcher/base/base.h"
#include "watcher/record/document.h"
#include <jansson.h>
#include <time.h>

#define TIME_LENGTH 24 /* 2026-11-24T00:01:02.003Z */
#define DEPTH_MAX 32

static const struct {
	const char *kind;
	const char *collection;
} kinds[] = {
#define X(id, kind, collection) {kind, collection},
	DOCUMENT_KINDS(X)
#undef X
};

const char *document_collection(enum document_kind kind)
{
	CHECK((size_t)kind < ARRAY_LEN(kinds));
	return kinds[kind].collection;
}

/* false: no time as clock_format writes it. */
static bool parse_time(const char *text, size_t n, int64_t *ms)
{
	struct tm tm = {0};
	const char *rest;

	if (n != TIME_LENGTH)
		return false;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || rest != text + 19 || rest[0] != '.' || rest[4] != 'Z')
		return false;
	for (int i = 1; i <= 3; i++)
		if (rest[i] < '0' || rest[i] > '9')
			return false;
	*ms = (int64_t)timegm(&tm) * 1000 + (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
	return true;
}

static bool put_object(bson_t *out, const json_t *object, bool times, unsigned depth);
static bool put_array(bson_t *out, const json_t *array, unsigned depth);

static bool put_string(bson_t *out, const char *key, int length, const json_t *v, bool time)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	int64_t ms;

	if (time && parse_time(s, n, &ms))
		return bson_append_date_time(out, key, length, ms);
	return n <= DOCUMENT_MAX && bson_append_utf8(out, key, length, s, (int)n);
}

static bool put_inner(bson_t *out, const char *key, int length, const json_t *v, unsigned depth)
{
	bson_t inner;
	bool ok, object = json_is_object(v);

	if (depth >= DEPTH_MAX)
		return false;
	ok = object ? bson_append_document_begin(out, key, length, &inner) :
		      bson_append_array_begin(out, key, length, &inner);
	if (!ok)
		return false;
	ok = object ? put_object(&inner, v, strcmp(key, "times") == 0, depth + 1) :
		      put_array(&inner, v, depth + 1);
	return (object ? bson_append_document_end(out, &inner) : bson_append_array_end(out, &inner)) && ok;
}

static bool put_value(bson_t *out, const char *key, const json_t *v, bool time, unsigned depth)
{
	int length = (int)strlen(key);

	switch (json_typeof(v)) {
	case JSON_STRING:
		return put_string(out, key, length, v, time);
	case JSON_INTEGER:
		return bson_append_int64(out, key, length, json_integer_value(v));
	case JSON_REAL:
		return bson_append_double(out, key, length, json_real_value(v));
	case JSON_TRUE:
	case JSON_FALSE:
		return bson_append_bool(out, key, length, json_is_true(v));
	case JSON_NULL:
		return bson_append_null(out, key, length);
	case JSON_OBJECT:
	case JSON_ARRAY:
		return put_inner(out, key, length, v, depth);
	}
	return false;
}

static bool put_object(bson_t *out, const json_t *object, bool times, unsigned depth)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v)
		if (!put_value(out, key, v, times, depth))
			return false;
	return true;
}

static bool put_array(bson_t *out, const json_t *array, unsigned depth)
{
	char room[16];
	const char *key;

	for (size_t i = 0; i < json_array_size(array); i++) {
		bson_uint32_to_string((uint32_t)i, &key, room, sizeof(room));
		if (!put_value(out, key, json_array_get(array, i), false, depth))
			return false;
	}
	return true;
}

static bool kind_of(const json_t *root, enum document_kind *out)
{
	const char *name = json_string_value(json_object_get(root, "kind"));

	for (size_t i = 0; name && i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].kind, name) == 0) {
			*out = (enum document_kind)i;
			return true;
		}
	return false;
}

/* NULL: for ever. */
static bool put_expires(bson_t *out, const json_t *v)
{
	int64_t ms;

	return !v || (json_is_string(v) && parse_time(json_string_value(v), json_string_length(v), &ms) &&
		      bson_append_date_time(out, "expires", 7, ms));
}

static int make(const json_t *root, struct document *d, struct fault *f)
{
	const json_t *body = json_object_get(root, "body");
	const char *key = json_string_value(json_object_get(root, "key"));

	if (!kind_of(root, &d->kind) || !key || !*key || !json_is_object(body))
		return fault_set(f, FAULT_DATA, "it has no kind, key or body");
	d->key = xstrdup(key);
	d->bson = bson_new();
	if (!bson_append_utf8(d->bson, "_id", 3, key, -1) || !put_object(d->bson, body, false, 0))
		return fault_set(f, FAULT_DATA, "it cannot be written as BSON");
	if (!put_expires(d->bson, json_object_get(root, "expires")))
		return fault_set(f, FAULT_DATA, "its expiry is no time");
	if (d->bson->len > DOCUMENT_MAX)
		return fault_set(f, FAULT_DATA, "it has %u bytes, a document at most %u", d->bson->len,
				 DOCUMENT_MAX);
	return 0;
}

int document_make(struct span object, struct document *out, struct fault *f)
{
	json_error_t e;
	json_t *root = json_loadb(object.p, object.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	struct document d = {0};
	int r = root ? make(root, &d, f) : fault_set(f, FAULT_DATA, "it is no JSON: %s", e.text);

	json_decref(root);
	if (r < 0)
		document_release(&d);
	else
		*out = d;
	return r;
}

void document_release(struct document *d)
{
	free(d->key);
	if (d->bson)
		bson_destroy(d->bson);
	memset(d, 0, sizeof(*d));
}
