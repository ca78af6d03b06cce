/*
 * recording - what ingestd and ingest-record say to each other; see the header
 */
#include "watcher/base/base.h"
#include "watcher/model/recording.h"
#include "watcher/base/json_out.h"
#include <jansson.h>

static const char *const type_names[] = {
#define X(id, name) name,
	RECORDING_TYPES(X)
#undef X
};

void recording_init(struct recording *m, enum recording_type type)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
}

static void put_refused(const struct recording *m, struct strbuf *out)
{
	json_add_key(out, "refused");
	strbuf_addc(out, '[');
	for (size_t i = 0; i < m->refused_count; i++) {
		json_add_comma(out);
		strbuf_addc(out, '{');
		json_pair_i64(out, "seq", m->refused[i].seq);
		json_pair_string(out, "reason", m->refused[i].reason);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, ']');
}

void recording_write(const struct recording *m, struct strbuf *out)
{
	CHECK(m->refused_count <= RECORDING_ROWS);
	strbuf_addc(out, '{');
	json_pair_string(out, "type", type_names[m->type]);
	json_pair_string(out, "database", m->database);
	json_pair_i64(out, "upto", m->upto);
	json_pair_u64(out, "kind", (uint64_t)m->fault.kind);
	json_pair_string(out, "text", m->fault.text);
	put_refused(m, out);
	strbuf_addc(out, '}');
}

/* --- reading --- */

static bool get_type(const json_t *root, enum recording_type *out)
{
	const char *name = json_string_value(json_object_get(root, "type"));

	for (size_t i = 0; name && i < ARRAY_LEN(type_names); i++)
		if (strcmp(type_names[i], name) == 0) {
			*out = (enum recording_type)i;
			return true;
		}
	return false;
}

static bool get_text(const json_t *o, const char *key, char *out, size_t room)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v) || json_string_length(v) >= room)
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool get_number(const json_t *o, const char *key, int64_t *out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= 0;
}

static bool get_refused(const json_t *list, struct recording *m)
{
	if (!json_is_array(list) || json_array_size(list) > RECORDING_ROWS)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		struct recording_refusal *r = &m->refused[m->refused_count++];

		if (!get_number(v, "seq", &r->seq) || r->seq > m->upto ||
		    !get_text(v, "reason", r->reason, sizeof(r->reason)))
			return false;
	}
	return true;
}

static const char *fill(const json_t *root, struct recording *m)
{
	int64_t kind;

	if (!get_type(root, &m->type))
		return "type";
	if (!get_text(root, "database", m->database, sizeof(m->database)))
		return "database";
	if (!get_number(root, "upto", &m->upto))
		return "upto";
	if (!get_number(root, "kind", &kind) || kind > FAULT_SYSTEM)
		return "kind";
	m->fault.kind = (enum fault_kind)kind;
	if (!get_text(root, "text", m->fault.text, sizeof(m->fault.text)))
		return "text";
	if (!get_refused(json_object_get(root, "refused"), m))
		return "refused";
	return NULL;
}

int recording_parse(struct span text, struct recording *out, struct fault *f)
{
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	const char *bad;

	recording_init(out, RECORDING_SETUP);
	bad = json_is_object(root) ? fill(root, out) : "JSON";
	json_decref(root);
	return bad ? fault_set(f, FAULT_SYSTEM, "ill-formed message: %s", bad) : 0;
}

/* --- rows of a batch --- */

void recording_row_add(struct strbuf *out, int64_t seq, const char *kind, const char *key, int64_t expires_ms, struct span body)
{
	while (body.n && (body.p[body.n - 1] == '\n' || body.p[body.n - 1] == ' '))
		body.n--;
	strbuf_addf(out, "%lld {\"kind\":", (long long)seq);
	json_add_lossy(out, span_of(kind));
	strbuf_adds(out, ",\"key\":");
	json_add_lossy(out, span_of(key));
	if (expires_ms)
		json_pair_time(out, "expires", expires_ms);
	strbuf_adds(out, ",\"body\":");
	strbuf_addspan(out, body);
	strbuf_adds(out, "}\n");
}

bool recording_row_take(struct span *rest, int64_t *seq, struct span *object)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	const char *p = rest->p;
	int64_t n = 0;

	if (!end)
		return false;
	for (; p < end && *p >= '0' && *p <= '9' && n < INT64_MAX / 10 - 1; p++)
		n = n * 10 + (*p - '0');
	if (p == rest->p || *p != ' ')
		return false;
	*seq = n;
	*object = (struct span){p + 1, (size_t)(end - p - 1)};
	rest->n -= (size_t)(end + 1 - rest->p);
	rest->p = end + 1;
	return true;
}
