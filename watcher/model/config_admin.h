/*
 * config_admin - the key admin of ingestd.json; config.c only, everybody else has struct admin_config of config.h
 *
 *	http_address_parse("127.0.0.1:8370", &address, &n, &f)      also who listens there
 *
 * Only a literal loopback address is one: 127.0.0.0/8 or [::1].  A name is not asked about: what it means is the resolver's, and may
 * be another address tomorrow.  FAULT_CONFIG with the value and what is allowed.
 */
#ifndef MODEL_CONFIG_ADMIN_H
#define MODEL_CONFIG_ADMIN_H

#include "watcher/model/config.h"
#include "watcher/model/keys.h"
#include <sys/socket.h>

void config_admin_take(struct admin_config *a, const json_t *value, const char *folder, const char *state,
		       struct keys_report *r);
void config_admin_release(struct admin_config *a);
int http_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *n, struct fault *f) MUST_CHECK;

#endif
