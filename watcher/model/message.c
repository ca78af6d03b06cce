/*
 * message - what ingestd and ingest-worker say to each other; see the header
 *
 * Each field has one row in a table of offsets, so that writing, reading and the check of its type cannot drift apart.  A message
 * holds only the fields that are set; reading refuses wrong types, not absent ones, and then checks what its type needs.
 */
#include "watcher/base/base.h"
#include "watcher/model/message.h"
#include "watcher/base/ipc.h"
#include "watcher/base/json_out.h"
#include "watcher/model/config_sink.h"
#include "watcher/model/keys.h"

#define TEXT_ROOM 8192 /* of one string that may be long */

static const char *const type_names[] = {
#define X(id, name) name,
	MESSAGE_TYPES(X)
#undef X
};

#define COUNTER_FIELDS(X) \
	X(read) X(indexed) X(duplicates) X(rejected) X(filtered) X(blank) X(unsent) \
	X(documents) X(requests) X(retries) X(bytes_sent)

const char *message_type_name(enum message_type t)
{
	CHECK((size_t)t < ARRAY_LEN(type_names));
	return type_names[t];
}

void message_init(struct message *m, enum message_type type)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
}

void message_release(struct message *m)
{
	free(m->tenant);
	free(m->file);
	sink_config_release(&m->sink);
	free(m->index);
	free(m->first_error_column);
	free(m->first_error_text);
	free(m->coercions_json);
	free(m->manifest);
	free(m->job);
	strings_free(m->names, m->name_count);
	explicit_bzero(m, sizeof(*m));
}

bool message_holds_key(const struct message *m)
{
	return m->type == MESSAGE_KEY && m->has_file_key;
}

bool message_reads_rows(const struct message *m)
{
	return m->mode == MODE_LOAD || m->mode == MODE_UNDO;
}

static void put_text(struct strbuf *out, const char *key, const char *s)
{
	struct span v = span_of(s);

	if (!s)
		return;
	if (v.n > TEXT_ROOM)
		v.n = TEXT_ROOM;
	json_pair_span(out, key, v);
}

/* "" is none. */
static void put_some(struct strbuf *out, const char *key, const char *s)
{
	put_text(out, key, s[0] ? s : NULL);
}

/* What is 0 or false stays out: a message has thirty of them, and half of its cost is theirs. */
static void put_u64(struct strbuf *out, const char *key, uint64_t n)
{
	if (n)
		json_pair_u64(out, key, n);
}

static void put_i64(struct strbuf *out, const char *key, int64_t n)
{
	if (n)
		json_pair_i64(out, key, n);
}

static void put_bool(struct strbuf *out, const char *key, bool b)
{
	if (b)
		json_pair_bool(out, key, b);
}

static void put_checkpoint(struct strbuf *out, const struct checkpoint *c)
{
	json_add_key(out, "checkpoint");
	strbuf_addc(out, '{');
	put_u64(out, "next_row", c->next_row);
	put_u64(out, "offset", c->offset);
	put_u64(out, "line", c->line);
	put_u64(out, "rejects_length", c->rejects_length);
#define X(name) put_u64(out, #name, c->counters.name);
	COUNTER_FIELDS(X)
#undef X
	strbuf_addc(out, '}');
}

static void put_fault(struct strbuf *out, const struct fault *f)
{
	json_add_key(out, "fault");
	strbuf_addc(out, '{');
	put_u64(out, "kind", (uint64_t)f->kind);
	put_i64(out, "error", f->error);
	put_u64(out, "line", f->line);
	put_u64(out, "scope", (uint64_t)f->scope);
	put_i64(out, "pause_ms", f->pause_ms);
	put_some(out, "field", f->field);
	put_some(out, "text", f->text);
	strbuf_addc(out, '}');
}

static void put_names(struct strbuf *out, const struct message *m)
{
	json_add_key(out, "names");
	strbuf_addc(out, '[');
	for (size_t i = 0; i < m->name_count; i++) {
		json_add_comma(out);
		json_add_string(out, span_of(m->names[i]));
	}
	strbuf_addc(out, ']');
}

static void put_stanzas(struct strbuf *out, const struct message *m)
{
	const unsigned char *p = (const unsigned char *)m->stanzas;

	json_add_key(out, "stanzas");
	strbuf_addc(out, '"');
	for (size_t i = 0; i < m->stanza_count * sizeof(*m->stanzas); i++)
		strbuf_addf(out, "%02x", p[i]);
	strbuf_addc(out, '"');
}

void message_write(const struct message *m, struct strbuf *out)
{
	size_t from = out->n;

	strbuf_addc(out, '{');
	json_pair_string(out, "type", message_type_name(m->type));
	json_pair_string(out, "arrival", m->arrival);
	put_u64(out, "mode", (uint64_t)m->mode);
	put_text(out, "tenant", m->tenant);
	put_text(out, "file", m->file);
	put_some(out, "version", m->version);
	put_u64(out, "bytes", m->bytes);
	put_i64(out, "claimed_ms", m->claimed_ms);
	put_bool(out, "first_attempt", m->first_attempt);
	json_pair_u64(out, "resources", (uint64_t)m->resources);
	put_bool(out, "probe", m->probe);
	put_bool(out, "more", m->more);
	put_bool(out, "is_manifest", m->is_manifest);
	put_text(out, "manifest", m->manifest);
	put_text(out, "job", m->job);
	put_bool(out, "has_stated_rows", m->has_stated_rows);
	put_u64(out, "stated_rows", m->stated_rows);
	put_bool(out, "stalled", m->stalled);
	put_bool(out, "reached", m->reached);
	put_text(out, "sink", m->sink.name);
	put_u64(out, "sink_type", (uint64_t)m->sink.type);
	put_text(out, "sink_path", m->sink.path);
	put_some(out, "delivery", m->delivery);
	put_some(out, "sha256", m->sha256);
	put_text(out, "index", m->index);
	put_checkpoint(out, &m->checkpoint);
	put_u64(out, "extent_rows", m->extent.rows);
	put_u64(out, "extent_parts", m->extent.parts);
	put_fault(out, &m->fault);
	put_bool(out, "has_first_error", m->has_first_error);
	put_u64(out, "first_error_line", m->first_error_line);
	put_text(out, "first_error_column", m->first_error_column);
	put_text(out, "first_error_text", m->first_error_text);
	put_u64(out, "cpu_us", m->cpu_us);
	put_u64(out, "peak_rss", m->peak_rss);
	/* the one part that can be large: left out whole rather than cut */
	if (m->coercions_json && strlen(m->coercions_json) < IPC_MAX - 1024 - (out->n - from)) {
		json_add_key(out, "coercions");
		strbuf_adds(out, m->coercions_json);
	}
	if (m->type == MESSAGE_LISTED)
		put_names(out, m);
	if (m->type == MESSAGE_UNWRAP)
		put_stanzas(out, m);
	if (!message_holds_key(m)) {
		strbuf_addc(out, '}');
		return;
	}
	/* the last thing that is added: no copy of it stays in memory that the text grew out of */
	strbuf_reserve(out, 2 + AGE_FILE_KEY);
	strbuf_add(out, "}", 2);
	strbuf_add(out, m->file_key, AGE_FILE_KEY);
}

static bool get_u64(const json_t *o, const char *key, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*out = (uint64_t)json_integer_value(v);
	return true;
}

static bool get_bool(const json_t *o, const char *key, bool *out)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_boolean(v))
		return false;
	*out = json_is_true(v);
	return true;
}

static bool get_text(const json_t *o, const char *key, char **out)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return true;
	if (!json_is_string(v))
		return false;
	*out = xstrdup(json_string_value(v));
	return true;
}

static bool get_room(const json_t *o, const char *key, char *out, size_t room)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return true;
	if (!json_is_string(v) || json_string_length(v) >= room)
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool get_checkpoint(const json_t *o, struct checkpoint *c)
{
	bool ok = json_is_object(o);

	ok = ok && get_u64(o, "next_row", &c->next_row) && get_u64(o, "offset", &c->offset) &&
	     get_u64(o, "line", &c->line) && get_u64(o, "rejects_length", &c->rejects_length);
#define X(name) ok = ok && get_u64(o, #name, &c->counters.name);
	COUNTER_FIELDS(X)
#undef X
	return ok;
}

static bool get_fault(const json_t *o, struct fault *f)
{
	uint64_t kind = 0, scope = 0, pause = 0;
	bool ok = json_is_object(o) && get_u64(o, "kind", &kind) && get_u64(o, "line", &f->line) &&
		  get_u64(o, "scope", &scope) && scope <= SCOPE_DISK && get_u64(o, "pause_ms", &pause) &&
		  get_room(o, "field", f->field, sizeof(f->field)) &&
		  get_room(o, "text", f->text, sizeof(f->text)) && kind <= FAULT_SYSTEM;

	f->kind = (enum fault_kind)kind;
	f->scope = (enum fault_scope)scope;
	f->pause_ms = (int64_t)(pause < 3600000 ? pause : 3600000);
	f->error = (int)json_integer_value(json_object_get(o, "error"));
	return ok;
}

static bool get_names(const json_t *o, struct message *m)
{
	const json_t *list = json_object_get(o, "names");
	size_t n = json_array_size(list);

	if (!n)
		return false;
	m->names = xcalloc(n, sizeof(*m->names));
	for (; m->name_count < n; m->name_count++) {
		const char *name = json_string_value(json_array_get(list, m->name_count));

		if (!name)
			return false;
		m->names[m->name_count] = xstrdup(name);
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_stanzas(const json_t *o, struct message *m)
{
	const json_t *v = json_object_get(o, "stanzas");
	const char *s = json_string_value(v);
	unsigned char *out = (unsigned char *)m->stanzas;
	size_t n = json_string_length(v) / 2;

	if (!s || n == 0 || n % sizeof(*m->stanzas) != 0 || n > sizeof(m->stanzas) ||
	    json_string_length(v) % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	m->stanza_count = n / sizeof(*m->stanzas);
	return true;
}

static bool get_type(const json_t *root, enum message_type *out)
{
	const char *name = json_string_value(json_object_get(root, "type"));

	for (size_t i = 0; name && i < ARRAY_LEN(type_names); i++)
		if (strcmp(type_names[i], name) == 0) {
			*out = (enum message_type)i;
			return true;
		}
	return false;
}

static const char *fill(const json_t *root, struct message *m)
{
	uint64_t mode = 0, sink = 0, claimed = 0, resources = RESOURCES_MEDIUM;
	const json_t *coercions = json_object_get(root, "coercions");

	if (!get_type(root, &m->type))
		return "type";
	if (!get_room(root, "arrival", m->arrival, sizeof(m->arrival)) ||
	    !ulid_valid(span_of(m->arrival)))
		return "arrival";
	if (!get_u64(root, "mode", &mode) || mode > MODE_LIST)
		return "mode";
	if (!get_u64(root, "sink_type", &sink) || sink > SINK_ELASTICSEARCH)
		return "sink_type";
	if (!get_u64(root, "resources", &resources) || resources >= RESOURCES_COUNT)
		return "resources";
	m->resources = (enum resources)resources;
	m->mode = (enum message_mode)mode;
	m->sink.type = (enum sink_type)sink;
	if (!get_text(root, "tenant", &m->tenant) || !get_text(root, "file", &m->file) ||
	    !get_text(root, "sink", &m->sink.name) || !get_text(root, "sink_path", &m->sink.path) ||
	    !get_text(root, "index", &m->index) || !get_text(root, "manifest", &m->manifest) ||
	    !get_text(root, "job", &m->job) ||
	    !get_text(root, "first_error_column", &m->first_error_column) ||
	    !get_text(root, "first_error_text", &m->first_error_text))
		return "a text";
	if (!get_room(root, "version", m->version, sizeof(m->version)) ||
	    !get_room(root, "delivery", m->delivery, sizeof(m->delivery)) ||
	    !get_room(root, "sha256", m->sha256, sizeof(m->sha256)))
		return "an id";
	if (!get_u64(root, "bytes", &m->bytes) || !get_u64(root, "claimed_ms", &claimed) ||
	    !get_bool(root, "first_attempt", &m->first_attempt) ||
	    !get_bool(root, "probe", &m->probe) || !get_bool(root, "more", &m->more) ||
	    !get_bool(root, "is_manifest", &m->is_manifest) ||
	    !get_bool(root, "has_stated_rows", &m->has_stated_rows) || !get_u64(root, "stated_rows", &m->stated_rows) ||
	    !get_bool(root, "stalled", &m->stalled) || !get_bool(root, "reached", &m->reached) ||
	    !get_bool(root, "has_first_error", &m->has_first_error) ||
	    !get_u64(root, "first_error_line", &m->first_error_line) ||
	    !get_u64(root, "cpu_us", &m->cpu_us) || !get_u64(root, "peak_rss", &m->peak_rss))
		return "a number";
	m->claimed_ms = (int64_t)claimed;
	if (!get_u64(root, "extent_rows", &m->extent.rows) || !get_u64(root, "extent_parts", &m->extent.parts))
		return "extent";
	if (!get_checkpoint(json_object_get(root, "checkpoint"), &m->checkpoint))
		return "checkpoint";
	if (!get_fault(json_object_get(root, "fault"), &m->fault))
		return "fault";
	if (m->type == MESSAGE_UNWRAP && !get_stanzas(root, m))
		return "stanzas";
	if (m->type == MESSAGE_LISTED && !get_names(root, m))
		return "names";
	if (coercions && !json_is_array(coercions))
		return "coercions";
	if (coercions)
		m->coercions_json = json_dumps(coercions, JSON_COMPACT);
	if (m->type == MESSAGE_JOB && (!m->tenant || !m->file || (!m->sink.name && message_reads_rows(m))))
		return "tenant, file or sink";
	if (m->type == MESSAGE_JOB && message_reads_rows(m) && m->sink.type == SINK_SQLITE && !m->sink.path)
		return "the sink's path";
	return NULL;
}

/* What stands behind the object, and only behind that of a key. */
static const char *take_key(struct span tail, struct message *m)
{
	if (!tail.p)
		return NULL;
	if (m->type != MESSAGE_KEY || tail.n != AGE_FILE_KEY)
		return "something behind it";
	memcpy(m->file_key, tail.p, AGE_FILE_KEY);
	m->has_file_key = true;
	return NULL;
}

int message_parse(struct span text, struct message *out, struct fault *f)
{
	struct message m;
	json_error_t e;
	const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL, *bad;
	size_t n = nul ? (size_t)(nul - text.p) : text.n;
	json_t *root = json_loadb(text.p, n, JSON_REJECT_DUPLICATES, &e);

	message_init(&m, MESSAGE_JOB);
	bad = json_is_object(root) ? fill(root, &m) : "JSON";
	json_decref(root);
	if (!bad)
		bad = take_key(nul ? (struct span){nul + 1, text.n - n - 1} : SPAN_NONE, &m);
	if (bad) {
		message_release(&m);
		return fault_set(f, FAULT_SYSTEM, "ill-formed message: %s", bad);
	}
	*out = m;
	return 0;
}

void delivery_id(const char *tenant, const char *job, const char *file,
		 const unsigned char sha256[DIGEST_SIZE], char out[DELIVERY_TEXT])
{
	unsigned char digest[DIGEST_SIZE];
	char text[48];
	struct digest d;

	digest_init(&d);
	digest_add(&d, tenant, strlen(tenant) + 1);
	digest_add(&d, job, strlen(job) + 1);
	digest_add(&d, file, strlen(file) + 1);
	digest_add(&d, sha256, DIGEST_SIZE);
	digest_end(&d, digest);
	digest_release(&d);
	base64url_encode(digest, DELIVERY_BYTES, text);
	memcpy(out, text, DELIVERY_TEXT - 1);
	out[DELIVERY_TEXT - 1] = '\0';
}
