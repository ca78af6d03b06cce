/*
 * json_in - a walk over JSON text that is already in memory
 *
 *	struct json_in in;
 *	json_in_init(&in, text);
 *	if (json_in_object(&in))
 *		while (json_in_key(&in, &key)) {
 *			if (span_is(key, "status"))
 *				json_in_u64(&in, &status);
 *			else
 *				json_in_skip(&in);
 *		}
 *	ok = json_in_end(&in);                     the one check: nothing was wrong, and nothing is left
 *
 * Every value must be taken or skipped.  After an error all calls answer false, so a loop ends and the check at the end is
 * enough.  RFC 8259 by structure (nesting to JSON_IN_DEPTH); strings are taken raw (between their quotes, escapes still in them;
 * json_in_unescape makes bytes of them), numbers as their text.
 * Ownership: spans point into the text.  Nothing is allocated.
 */
#ifndef BASE_JSON_IN_H
#define BASE_JSON_IN_H

#include "watcher/base/strbuf.h"

#define JSON_IN_DEPTH 200

struct json_in {
	const char *p, *end;
	unsigned depth;
	bool bad;
	bool first; /* just behind { or [ */
};

void json_in_init(struct json_in *in, struct span text);
/* Is the next value of that kind?  Takes the opening bracket; false: it is not, and nothing is taken (no error). */
bool json_in_object(struct json_in *in);
bool json_in_array(struct json_in *in);
/* The next key; false: the object is over (its bracket is taken), or an error. */
bool json_in_key(struct json_in *in, struct span *key);
/* Is there another item?  false: the array is over (its bracket is taken), or an error. */
bool json_in_item(struct json_in *in);
/* A value of that kind; false: it is another one, which is skipped. */
bool json_in_string(struct json_in *in, struct span *raw);
bool json_in_u64(struct json_in *in, uint64_t *out);
bool json_in_bool(struct json_in *in, bool *out);
/* Any value; its text. */
struct span json_in_skip(struct json_in *in);
/* Is the next value just this text, parts one behind another that are a value?  Then it is taken; false: it is not, and nothing is. */
bool json_in_just(struct json_in *in, const struct span *parts, size_t count);
bool json_in_end(struct json_in *in);

/* The value of a key of an object's text, with the value's own text; p NULL: not there, or no object. */
struct span json_in_member(struct span object, const char *key);
/* Raw string to bytes, appended; an escape that is none, or half a pair, becomes U+FFFD. */
void json_in_unescape(struct strbuf *sb, struct span raw);

#endif
