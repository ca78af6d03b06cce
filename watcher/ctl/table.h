/*
 * table - lists and objects for people
 *
 * table_print prints an array of objects as aligned columns (only keys that stand in `columns`, blank-separated, nested ones by
 * a dot: "rows.read"); object_print prints one object as `key: value` lines.  Control bytes are escaped: names are tenants'.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "watcher/base/base.h"
#include <jansson.h>

void table_print(FILE *to, const json_t *list, const char *columns);
void object_print(FILE *to, const json_t *object);

#endif
