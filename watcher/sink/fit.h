/*
 * fit - would the index's mapping take this value?
 *
 *	if (!fit_event(mapping, &ev, &column, text))
 *		... the document is REJECTED: column, text
 *
 * The rules of a server's coercion, so that the embedded store refuses what a server refuses:
 * integers in the type's range (a fraction is cut off by the server, so it fits), finite numbers,
 * numbers and booleans as strings too, an empty string as none; dates by date_text, addresses by
 * address_text.  Text-like types take any scalar, object types maps only.  Arrays are judged by
 * their items; null fits everything. Source: Elasticsearch reference, "coerce", "Numeric field
 * types", "Boolean field type". The worker may ask in the gate already, before anything is sent.
 */
#ifndef SINK_FIT_H
#define SINK_FIT_H

#include "watcher/model/event.h"
#include "watcher/model/mapping.h"

#define FIT_TEXT 256

/* text: why not, one sentence; values are cut and still raw (escape before printing). */
bool fit_value(const struct mapping_field *mf, const struct value *v, char text[FIT_TEXT]);
bool fit_event(const struct mapping *m, const struct event *ev, struct span *column,
	       char text[FIT_TEXT]);

/* Decimal integer text of any length, optional sign, to int64. */
bool fit_int64(struct span s, int64_t *out);
/* [+-]digits[.digits][e[+-]digits]; false: no number, not finite, or over 400 characters. */
bool fit_double(struct span s, double *out);

#endif
