/*
 * config_webhook - the key webhooks of ingestd.json; config.c only, everybody else has struct webhook_config of config.h
 *
 * A url is http or https with a host, without a name and password in it (the secret signs, it does not log in).
 */
#ifndef MODEL_CONFIG_WEBHOOK_H
#define MODEL_CONFIG_WEBHOOK_H

#include "watcher/model/config.h"
#include "watcher/model/keys.h"

void config_webhooks_take(struct config *c, const json_t *webhooks, const char *folder, struct keys_report *r);
void config_webhooks_release(struct config *c);

#endif
