/*
 * reference - the filters and their settings as lines, for the reference page and its test
 *
 *	reference_print(&sb)       FILTER<tab>SETTING<tab>TYPE<tab>DEFAULT<tab>SENTENCE; SETTING empty: the filter itself; FILTER `*`: all
 *
 * TYPE is that of the table, `required` and `not in this version` behind it where they apply.
 */
#ifndef TRANSFORMS_REFERENCE_H
#define TRANSFORMS_REFERENCE_H

#include "watcher/base/strbuf.h"

void reference_print(struct strbuf *sb);

#endif
