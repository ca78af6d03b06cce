/*
 * store - the database that the records go to; see the header
 *
 * The client is libmongoc's single-threaded one: it looks for its servers inside our calls, no thread of its own does.  It is
 * made anew after each failure of the connection, so that nothing waits for a pause of the driver's own.
 * Sources: mongoc.org/libmongoc/1.23.1, the connection string's options.
 */
#include "watcher/base/base.h"
#include "watcher/record/store.h"
#include "watcher/base/nearest.h"
#include "watcher/record/indexes.h"
#include "watcher/record/judge.h"

#define TIMEOUT_MOST_MS 20000
#define SOCKET_MS 5000

struct store {
	mongoc_uri_t *uri;
	char *database;
	mongoc_client_t *client; /* NULL: no connection */
	store_said_fn *said;
	void *ctx;
};

/* What libmongoc warned of while it read a connection string: an option that it does not know is ignored otherwise. */
static struct {
	bool listening;
	char text[200];
} warned;

void store_log(mongoc_log_level_t level, const char *domain, const char *text, void *ctx)
{
	(void)domain;
	(void)ctx;
	if (warned.listening && level <= MONGOC_LOG_LEVEL_WARNING && !warned.text[0])
		snprintf(warned.text, sizeof(warned.text), "%s", text);
}

/*
 * The option that libmongoc warned of, when it is nearly one that exists: what else it quotes may be a piece of a password
 * that was not escaped.  NULL: none.
 */
static const char *option_meant(const char *text)
{
	static const char *const known[] = {
		"appName", "authMechanism", "authMechanismProperties", "authSource", "compressors", "connectTimeoutMS",
		"directConnection", "heartbeatFrequencyMS", "journal", "loadBalanced", "localThresholdMS",
		"maxStalenessSeconds", "readConcernLevel", "readPreference", "readPreferenceTags", "replicaSet",
		"retryReads", "retryWrites", "serverSelectionTimeoutMS", "serverSelectionTryOnce", "socketCheckIntervalMS",
		"socketTimeoutMS", "srvMaxHosts", "srvServiceName", "ssl", "tls", "tlsAllowInvalidCertificates",
		"tlsAllowInvalidHostnames", "tlsCAFile", "tlsCertificateKeyFile", "tlsCertificateKeyFilePassword",
		"tlsInsecure", "wTimeoutMS", "zlibCompressionLevel",
	};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	while (*text) {
		size_t n = strspn(text, letters);
		const char *near = n > 2 ? nearest_name((struct span){text, n}, known, ARRAY_LEN(known)) : NULL;

		if (near)
			return near;
		text += n ? n : 1;
	}
	return NULL;
}

/* Its reasons may quote the string, and so are not repeated. */
static mongoc_uri_t *parse_uri(const char *uri, struct fault *f)
{
	bson_error_t e = {0};
	mongoc_uri_t *parsed;
	const char *near;

	warned.listening = true;
	warned.text[0] = '\0';
	parsed = mongoc_uri_new_with_error(uri, &e);
	warned.listening = false;
	if (!parsed) {
		near = option_meant(e.message);
		fault_set(f, FAULT_CONFIG,
			  "the connection string cannot be understood%s%s; one looks like "
			  "mongodb://HOST:27017/?replicaSet=NAME",
			  near ? ", look at its " : "", near ? near : "");
		explicit_bzero(&e, sizeof(e));
		return NULL;
	}
	if (!warned.text[0])
		return parsed;
	near = option_meant(warned.text);
	fault_set(f, FAULT_CONFIG, "the connection string: an option is not known or has a wrong value%s%s%s",
		  near ? "; is it " : "", near ? near : "", near ? "?" : "");
	explicit_bzero(warned.text, sizeof(warned.text));
	mongoc_uri_destroy(parsed);
	return NULL;
}

static void limit_timeout(mongoc_uri_t *uri, const char *option, int32_t ms)
{
	int32_t given = mongoc_uri_get_option_as_int32(uri, option, 0);

	if (given <= 0 || given > TIMEOUT_MOST_MS)
		(void)mongoc_uri_set_option_as_int32(uri, option, ms);
}

int store_new(const char *uri, const char *database, store_said_fn *said, void *ctx, struct store **out,
	      struct fault *f)
{
	mongoc_uri_t *parsed = parse_uri(uri, f);
	struct store *s;

	if (!parsed)
		return -1;
	limit_timeout(parsed, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 2000);
	limit_timeout(parsed, MONGOC_URI_CONNECTTIMEOUTMS, 2000);
	limit_timeout(parsed, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
	limit_timeout(parsed, MONGOC_URI_HEARTBEATFREQUENCYMS, 1000);
	if (!mongoc_uri_get_appname(parsed))
		(void)mongoc_uri_set_appname(parsed, "ingestd");
	s = xcalloc(1, sizeof(*s));
	s->uri = parsed;
	s->database = xstrdup(database);
	s->said = said;
	s->ctx = ctx;
	*out = s;
	return 0;
}

size_t store_files(const struct store *s, const char *files[2])
{
	static const char *const options[] = {MONGOC_URI_TLSCAFILE, MONGOC_URI_TLSCERTIFICATEKEYFILE};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		files[n] = mongoc_uri_get_option_as_utf8(s->uri, options[i], NULL);
		n += files[n] != NULL;
	}
	return n;
}

static int connect_it(struct store *s, struct fault *f)
{
	mongoc_write_concern_t *concern;
	bson_error_t e = {0};

	if (s->client)
		return 0;
	s->client = mongoc_client_new_from_uri_with_error(s->uri, &e);
	if (!s->client) {
		judge_command(&e, mongoc_uri_get_password(s->uri), f);
		return -1;
	}
	(void)mongoc_client_set_error_api(s->client, MONGOC_ERROR_API_VERSION_2);
	concern = mongoc_write_concern_new();
	/* the server's answer that the majority is late must come before the socket is given up */
	mongoc_write_concern_set_wmajority(
		concern, (mongoc_uri_get_option_as_int32(s->uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS) + 1) / 2);
	mongoc_client_set_write_concern(s->client, concern);
	mongoc_write_concern_destroy(concern);
	return 0;
}

int store_open(struct store *s, struct fault *f)
{
	const char *secret = mongoc_uri_get_password(s->uri);
	bson_t ping = BSON_INITIALIZER;
	bson_error_t e = {0};
	bool ok;

	if (connect_it(s, f) < 0)
		return -1;
	BSON_APPEND_INT32(&ping, "ping", 1);
	ok = mongoc_client_command_simple(s->client, s->database, &ping, NULL, NULL, &e);
	bson_destroy(&ping);
	if (ok)
		ok = indexes_make(s->client, s->database, s->said, s->ctx, &e);
	if (ok)
		return 0;
	judge_command(&e, secret, f);
	store_close(s);
	return -1;
}

/* --- writing --- */

/* The first of the array of this name in the reply: its index, code and text.  false: there is none. */
static bool first_error(const bson_t *reply, const char *name, struct store_written *w)
{
	bson_iter_t iter, array, one, field;

	if (!bson_iter_init_find(&iter, reply, name) || !BSON_ITER_HOLDS_ARRAY(&iter) ||
	    !bson_iter_recurse(&iter, &array) || !bson_iter_next(&array) || !bson_iter_recurse(&array, &one))
		return false;
	w->code = 0;
	snprintf(w->reason, sizeof(w->reason), "no reason was given");
	field = one;
	if (bson_iter_find(&field, "code"))
		w->code = (int32_t)bson_iter_as_int64(&field);
	field = one;
	if (bson_iter_find(&field, "errmsg") && BSON_ITER_HOLDS_UTF8(&field))
		snprintf(w->reason, sizeof(w->reason), "%s", bson_iter_utf8(&field, NULL));
	field = one;
	if (bson_iter_find(&field, "index"))
		w->done = (size_t)bson_iter_as_int64(&field);
	return true;
}

static mongoc_bulk_operation_t *make_bulk(mongoc_collection_t *c, const struct document *docs, size_t count,
					  bson_error_t *e)
{
	mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(c, NULL);
	bson_t upsert = BSON_INITIALIZER;
	bool ok = true;

	BSON_APPEND_BOOL(&upsert, "upsert", true);
	for (size_t i = 0; i < count && ok; i++) {
		bson_t which = BSON_INITIALIZER;

		BSON_APPEND_UTF8(&which, "_id", docs[i].key);
		ok = mongoc_bulk_operation_replace_one_with_opts(bulk, &which, docs[i].bson, &upsert, e);
		bson_destroy(&which);
	}
	bson_destroy(&upsert);
	if (ok)
		return bulk;
	mongoc_bulk_operation_destroy(bulk);
	return NULL;
}

static int judge(struct store *s, bool ok, const bson_t *reply, const bson_error_t *e, size_t count,
		 struct store_written *w, struct fault *f)
{
	struct store_written unconfirmed = {0};

	if (first_error(reply, "writeConcernErrors", &unconfirmed))
		return fault_set(f, FAULT_TEMPORARY, "MongoDB has not confirmed the write by a majority: %s",
				 unconfirmed.reason);
	if (first_error(reply, "writeErrors", w) && w->done < count) {
		w->one_failed = true;
		return 0;
	}
	w->done = 0;
	if (ok) {
		w->done = count;
		return 0;
	}
	judge_command(e, mongoc_uri_get_password(s->uri), f);
	store_close(s);
	return -1;
}

int store_write(struct store *s, const struct document *docs, size_t count, struct store_written *w,
		struct fault *f)
{
	mongoc_collection_t *collection;
	mongoc_bulk_operation_t *bulk;
	bson_t reply = BSON_INITIALIZER;
	bson_error_t e = {0};
	bool ok = false;
	int r;

	CHECK(count);
	memset(w, 0, sizeof(*w));
	if (connect_it(s, f) < 0)
		return -1;
	collection = mongoc_client_get_collection(s->client, s->database, document_collection(docs[0].kind));
	bulk = make_bulk(collection, docs, count, &e);
	if (bulk) {
		bson_destroy(&reply);
		ok = mongoc_bulk_operation_execute(bulk, &reply, &e) != 0;
		mongoc_bulk_operation_destroy(bulk);
	}
	mongoc_collection_destroy(collection);
	r = judge(s, ok, &reply, &e, count, w, f);
	bson_destroy(&reply);
	return r;
}

void store_close(struct store *s)
{
	if (s->client)
		mongoc_client_destroy(s->client);
	s->client = NULL;
}

void store_free(struct store **sp)
{
	struct store *s = *sp;

	if (!s)
		return;
	store_close(s);
	mongoc_uri_destroy(s->uri);
	free(s->database);
	free(s);
	*sp = NULL;
}
