/*
 * json_out - JSON text, appended to a strbuf
 *
 * Strings are escaped as RFC 8259 asks (quote, backslash, control bytes); bytes must be valid UTF-8 (callers check, or
 * use json_add_lossy).  Numbers that are already JSON text pass through with strbuf_addspan.
 */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include "watcher/base/strbuf.h"

void json_add_string(struct strbuf *sb, struct span s);   /* with the quotes; s is valid UTF-8 */
void json_add_escaped(struct strbuf *sb, struct span s);  /* what stands between the quotes */
void json_add_lossy(struct strbuf *sb, struct span s);    /* any bytes, invalid ones as U+FFFD */
void json_add_key(struct strbuf *sb, const char *key);    /* "," unless the last byte is { or [ or nothing, then "key": */
void json_add_comma(struct strbuf *sb);                   /* "," unless the last byte is { or [ or sb is empty */
void json_pair_string(struct strbuf *sb, const char *key, const char *s_or_null); /* lossy */
void json_pair_span(struct strbuf *sb, const char *key, struct span s);           /* lossy; p NULL: null */
void json_pair_u64(struct strbuf *sb, const char *key, uint64_t n);
void json_pair_i64(struct strbuf *sb, const char *key, int64_t n);
void json_pair_bool(struct strbuf *sb, const char *key, bool b);
void json_pair_seconds(struct strbuf *sb, const char *key, int64_t ms); /* 1.234; ms < 0: null */
void json_pair_time(struct strbuf *sb, const char *key, int64_t ms);    /* RFC 3339; ms <= 0: null */

/* Is s a number by JSON's grammar?  *integer (may be NULL): no fraction, no exponent. */
bool json_is_number(struct span s, bool *integer);

#endif
