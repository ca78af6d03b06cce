/*
 * key_schema - a table of keys as a JSON Schema (draft-07), for editors and the manual
 *
 *	key_schema_write("profile", &sb)      false: no file of that name ("ingestd", "profile", "job")
 *
 * Every key with its sentence, default and example.  What this version does not build may only be absent or say nothing, as the
 * parser has it.  A file that has two forms is anyOf both.  The schema is as strict as one can be; what it cannot say (a job's file
 * name, overlaps of patterns) `ingestd -t` says.
 */
#ifndef MODEL_KEY_SCHEMA_H
#define MODEL_KEY_SCHEMA_H

#include "watcher/base/strbuf.h"

bool key_schema_write(const char *file, struct strbuf *sb);

#endif
