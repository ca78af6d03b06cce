/*
 * notice - what ingestd and ingest-notify say to each other; see the header
 *
 * Called by both; each checks every field of the other.
 */
#include "watcher/base/base.h"
#include "watcher/model/notice.h"
#include "watcher/base/digest.h"
#include "watcher/base/json_out.h"
#include <jansson.h>

void notice_write(const struct notice *n, struct strbuf *out)
{
	strbuf_addc(out, '{');
	json_pair_i64(out, "seq", n->seq);
	json_pair_string(out, "url", n->url);
	json_pair_string(out, "event", n->event);
	strbuf_addc(out, '}');
}

void notice_told_write(const struct notice_told *n, struct strbuf *out)
{
	strbuf_addc(out, '{');
	json_pair_i64(out, "seq", n->seq);
	json_pair_bool(out, "ok", n->ok);
	json_pair_string(out, "reason", n->reason);
	strbuf_addc(out, '}');
}

static bool get_text(const json_t *o, const char *key, char *out, size_t room)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v) || json_string_length(v) >= room)
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool get_seq(const json_t *o, int64_t *out)
{
	const json_t *v = json_object_get(o, "seq");

	*out = json_integer_value(v);
	return json_is_integer(v) && *out > 0;
}

int notice_parse(struct span text, struct notice *out, struct fault *f)
{
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	bool ok = get_seq(root, &out->seq) && get_text(root, "url", out->url, sizeof(out->url)) &&
		  get_text(root, "event", out->event, sizeof(out->event));

	json_decref(root);
	return ok ? 0 : fault_set(f, FAULT_SYSTEM, "ill-formed notice");
}

int notice_told_parse(struct span text, struct notice_told *out, struct fault *f)
{
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	bool ok = get_seq(root, &out->seq) && json_is_boolean(json_object_get(root, "ok")) &&
		  get_text(root, "reason", out->reason, sizeof(out->reason));

	out->ok = json_is_true(json_object_get(root, "ok"));
	json_decref(root);
	return ok ? 0 : fault_set(f, FAULT_SYSTEM, "ill-formed answer of ingest-notify");
}

void notice_sign(struct span secret, int64_t seconds, struct span body, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;
	unsigned char mac[DIGEST_SIZE];
	char hex[DIGEST_HEX];

	strbuf_addf(&text, "%lld.", (long long)seconds);
	strbuf_addspan(&text, body);
	digest_hmac(secret, strbuf_span(&text), mac);
	digest_hex(mac, hex);
	strbuf_addf(out, "t=%lld,v1=%s", (long long)seconds, hex);
	strbuf_release(&text);
}
