/*
 * config_mongodb - the key mongodb of ingestd.json; config.c only, everybody else has struct mongodb_config of config.h
 *
 * uri holds no password: who has one puts the whole connection string into uri_file (secret_file.h).  What else the string
 * says is libmongoc's to judge (ingest-record --check).
 * Source: the connection string specification, github.com/mongodb/specifications.
 */
#ifndef MODEL_CONFIG_MONGODB_H
#define MODEL_CONFIG_MONGODB_H

#include "watcher/model/config.h"
#include "watcher/model/keys.h"

void config_mongodb_take(struct mongodb_config *m, const json_t *value, const char *folder,
			 struct keys_report *r);
void config_mongodb_release(struct mongodb_config *m);

#endif
