/*
 * config_sink - the part of ingestd.json that is one sink, and the credential of a profile; config.c and profile.c only
 *
 * config_sink_keys refuses the keys of another type; config_sink_server takes urls, ca_file and the credential.
 */
#ifndef MODEL_CONFIG_SINK_H
#define MODEL_CONFIG_SINK_H

#include "watcher/model/config.h"
#include "watcher/model/keys.h"

void config_sink_keys(const struct sink_config *s, const json_t *v, const char *where,
		      struct keys_report *r);
void config_sink_server(struct sink_config *s, const json_t *v, const char *folder,
			const char *where, struct keys_report *r);
/* What it lacks or has too much is one error each, at `where`.  folder: its files are relative to that; NULL: they must be bare names
 * and stay so. */
void sink_credential_take(struct sink_credential *c, const json_t *object, const char *folder,
			  const char *where, struct keys_report *r);
void sink_config_release(struct sink_config *s);

#endif
