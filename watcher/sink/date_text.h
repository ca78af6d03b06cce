/*
 * date_text - would a server take this text for a date?
 *
 *	const char *why = date_text_fault(text, nanos);     NULL: it would; else why not, as a part of a sentence
 *	const char *why = date_text_fault_ms(ms, nanos);    the same for a time that is no text
 *
 * The default format of the servers' types date and date_nanos, strict_date_optional_time||epoch_millis: year, year and month or
 * a day of the calendar, with T an hour, minute, second, fraction of up to nine digits and an offset or zone; or milliseconds
 * since 1970.  Where OpenSearch 2.19 and Elasticsearch 8.19 differ (+12345-01-01, offset +010030) what one of them takes fits: the
 * server itself is the judge of the rest.  Names of zones: those without a slash by a list, `Area/Place` by its area.
 * Source: the references' "format" and "date_nanos" pages, and both servers' answers (tests/e2e/test_b_fit.py).
 */
#ifndef SINK_DATE_TEXT_H
#define SINK_DATE_TEXT_H

#include "watcher/base/span.h"

const char *date_text_fault(struct span s, bool nanos);
const char *date_text_fault_ms(int64_t ms, bool nanos);

#endif
