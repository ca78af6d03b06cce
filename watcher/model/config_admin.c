/*
 * config_admin - where the HTTP API listens and whose tokens it takes; see the header
 *
 * Called by config.c once, and by the listener for the address.
 */
#include "watcher/base/base.h"
#include "watcher/model/config_admin.h"
#include "watcher/base/fsutil.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#define WHERE "$.admin"
#define RATE_DEFAULT 50

static int wrong(struct fault *f, const char *text, const char *why)
{
	return fault_set(f, FAULT_CONFIG,
			 "\"%.80s\": %s; allowed: a loopback address and a port, like 127.0.0.1:8370 or [::1]:8370; "
			 "other hosts come through a reverse proxy with TLS on this one",
			 text, why);
}

static bool take_port(const char *text, in_port_t *out)
{
	size_t n = strlen(text);
	unsigned long port = strtoul(text, NULL, 10);

	if (!n || n > 5 || strspn(text, "0123456789") != n || !port || port > 65535)
		return false;
	*out = htons((in_port_t)port);
	return true;
}

static int take_v6(const char *text, const char *host, in_port_t port, struct sockaddr_storage *out,
		   socklen_t *n, struct fault *f)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = port};

	if (inet_pton(AF_INET6, host, &a.sin6_addr) != 1)
		return wrong(f, text, "no IPv6 address in the brackets");
	if (!IN6_IS_ADDR_LOOPBACK(&a.sin6_addr))
		return wrong(f, text, "that is no loopback address");
	memcpy(out, &a, sizeof(a));
	*n = sizeof(a);
	return 0;
}

static int take_v4(const char *text, const char *host, in_port_t port, struct sockaddr_storage *out,
		   socklen_t *n, struct fault *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port};

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		return wrong(f, text, "no IPv4 address before the port");
	if (ntohl(a.sin_addr.s_addr) >> 24 != 127)
		return wrong(f, text, "that is no loopback address");
	memcpy(out, &a, sizeof(a));
	*n = sizeof(a);
	return 0;
}

int http_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *n, struct fault *f)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	in_port_t port;
	size_t len;

	memset(out, 0, sizeof(*out));
	if (!colon || !take_port(colon + 1, &port))
		return wrong(f, text, "no port behind the last colon");
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return wrong(f, text, "too long for an address");
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] != '[')
		return take_v4(text, host, port, out, n, f);
	if (host[len - 1] != ']')
		return wrong(f, text, "no ] before the port");
	host[len - 1] = '\0';
	return take_v6(text, host + 1, port, out, n, f);
}

void config_admin_take(struct admin_config *a, const json_t *value, const char *folder, const char *state,
		       struct keys_report *r)
{
	char *path = keys_string(value, "socket", NULL), *tokens = keys_string(value, "tokens_file", "");
	struct sockaddr_storage address;
	struct fault f = FAULT_INIT;
	socklen_t n;

	a->socket = path ? fs_join(folder, path) : fs_join(state, "ingestd.sock");
	a->http = keys_string(value, "http", NULL);
	a->tokens_file = *tokens ? fs_join(folder, tokens) : NULL;
	a->requests_per_second = (unsigned)keys_int(value, "requests_per_second", RATE_DEFAULT);
	if (a->http && http_address_parse(a->http, &address, &n, &f) < 0)
		keys_error(r, WHERE ".http", "%s", f.text);
	free(tokens);
	free(path);
}

void config_admin_release(struct admin_config *a)
{
	free(a->socket);
	free(a->http);
	free(a->tokens_file);
	memset(a, 0, sizeof(*a));
}
