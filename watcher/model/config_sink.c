/*
 * config_sink - the part of ingestd.json that is one sink; see the header
 *
 * Called when ingestd.json is read, and for the credentials of a tenant's profile.  A key that means nothing for the sink's type is
 * refused: accepted and ignored it would be a trap.
 */
#include "watcher/base/base.h"
#include "watcher/model/config_sink.h"
#include "watcher/base/fsutil.h"

#define URLS_MAX 64

void config_sink_keys(const struct sink_config *s, const json_t *v, const char *where,
		      struct keys_report *r)
{
	static const char *const server_keys[] = {"urls",	   "username",
						  "password_file", "api_key_file",
						  "ca_file",	   "client_cert_file",
						  "client_key_file"};
	bool server = s->type == SINK_ELASTICSEARCH;

	if (server && json_object_get(v, "path"))
		keys_error(r, where, "\"path\" is a key of type sqlite; a server has \"urls\"");
	for (size_t i = 0; !server && i < ARRAY_LEN(server_keys); i++)
		if (json_object_get(v, server_keys[i]))
			keys_error(r, where, "\"%s\" is a key of type elasticsearch, this sink is of type %s",
				   server_keys[i], sink_type_name(s->type));
}

/* "" and an absent key are the same. */
static char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s && *s ? xstrdup(s) : NULL;
}

static char *file_of(const json_t *object, const char *key, const char *folder, const char *where,
		     struct keys_report *r)
{
	char *name = text_of(object, key);
	char *path;

	if (!name)
		return NULL;
	if (!folder) {
		if (!fs_is_bare_name(span_of(name)) || name[0] == '.')
			keys_error(r, where,
				   "%s \"%.80s\" must be the bare name of a file beside profile.json", key,
				   name);
		return name;
	}
	path = fs_join(folder, name);
	free(name);
	return path;
}

void sink_credential_take(struct sink_credential *c, const json_t *object, const char *folder,
			  const char *where, struct keys_report *r)
{
	c->username = text_of(object, "username");
	c->password_file = file_of(object, "password_file", folder, where, r);
	c->api_key_file = file_of(object, "api_key_file", folder, where, r);
	c->client_cert_file = file_of(object, "client_cert_file", folder, where, r);
	c->client_key_file = file_of(object, "client_key_file", folder, where, r);
	if (c->username && strchr(c->username, ':'))
		keys_error(r, where, "username may not hold a colon");
	if (!c->username != !c->password_file)
		keys_error(r, where, "\"%s\" needs \"%s\"", c->username ? "username" : "password_file",
			   c->username ? "password_file" : "username");
	if (c->api_key_file && c->username)
		keys_error(r, where, "\"api_key_file\" and \"username\" exclude each other");
	if (!c->client_cert_file != !c->client_key_file)
		keys_error(r, where, "\"%s\" needs \"%s\"",
			   c->client_cert_file ? "client_cert_file" : "client_key_file",
			   c->client_cert_file ? "client_key_file" : "client_cert_file");
}

bool sink_credential_given(const struct sink_credential *c)
{
	return c->username || c->password_file || c->api_key_file || c->client_cert_file ||
	       c->client_key_file;
}

void sink_credential_release(struct sink_credential *c)
{
	free(c->username);
	free(c->password_file);
	free(c->api_key_file);
	free(c->client_cert_file);
	free(c->client_key_file);
	memset(c, 0, sizeof(*c));
}

unsigned sink_url_port(const char *url)
{
	bool tls = strncmp(url, "https:", 6) == 0;
	const char *host = strchr(url, '/') + 2;
	const char *colon = host[0] == '[' ? strchr(host, ']') : host;
	size_t n = strcspn(colon ? colon : host, "/:");

	if (!colon || colon[n] != ':')
		return tls ? 443 : 80;
	return (unsigned)strtoul(colon + n + 1, NULL, 10);
}

/* What stands between "//" and the path: a name or an address, [] around one of IPv6, and 1 to 5 digits of a port or none. */
static bool good_port(struct span host)
{
	const char *end = host.p + host.n, *p = host.p;
	unsigned port = 0;

	if (*p == '[')
		p = memchr(p, ']', host.n);
	if (!p)
		return false;
	p = *p == ']' ? p + 1 : p + strcspn(p, ":/");
	if (p == end)
		return true;
	if (*p++ != ':' || p == end || end - p > 5)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		port = port * 10 + (unsigned)(*p - '0');
	}
	return port > 0 && port <= 65535;
}

/* The value is not told: it may hold a password. */
static const char *wrong_url(const char *url)
{
	struct span s = span_of(url), rest = s;

	if (span_starts(s, SPAN_LITERAL("http://")))
		rest = (struct span){s.p + 7, s.n - 7};
	else if (span_starts(s, SPAN_LITERAL("https://")))
		rest = (struct span){s.p + 8, s.n - 8};
	else
		return "must begin with http:// or https://";
	if (memchr(rest.p, '@', rest.n))
		return "may not hold a user or a password: use username and password_file";
	if (!rest.n || rest.p[0] == '/' || rest.p[0] == ':')
		return "has no host";
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || (unsigned char)rest.p[i] >= 0x7f ||
		    strchr("?#\"\\<>{}|^`", rest.p[i]))
			return "may hold a host, a port and a path, nothing else";
	if (!good_port((struct span){rest.p, strcspn(rest.p, "/")}))
		return "has no port of 1 to 65535 behind the host's colon; an address of IPv6 stands in brackets, [::1]:9200";
	return NULL;
}

static void take_urls(struct sink_config *s, const char *where, struct keys_report *r)
{
	if (!s->url_count)
		keys_error(r, where, "\"urls\" is missing; e.g. [\"http://127.0.0.1:9200\"]");
	if (s->url_count > URLS_MAX)
		keys_error(r, where, "%zu urls, at most %d", s->url_count, URLS_MAX);
	for (size_t i = 0; i < s->url_count; i++) {
		char *url = s->urls[i];
		const char *wrong = wrong_url(url);
		size_t n = strlen(url);

		if (wrong)
			keys_error(r, where, "urls[%zu] %s", i, wrong);
		while (n && url[n - 1] == '/')
			url[--n] = '\0';
		for (size_t k = 0; k < i; k++)
			if (strcmp(url, s->urls[k]) == 0)
				keys_error(r, where, "urls[%zu] is urls[%zu] again", i, k);
	}
}

static bool any_tls(const struct sink_config *s)
{
	for (size_t i = 0; i < s->url_count; i++)
		if (strncmp(s->urls[i], "https:", 6) == 0)
			return true;
	return false;
}

void config_sink_server(struct sink_config *s, const json_t *v, const char *folder,
			const char *where, struct keys_report *r)
{
	s->urls = keys_strings(v, "urls", &s->url_count);
	take_urls(s, where, r);
	s->ca_file = file_of(v, "ca_file", folder, where, r);
	sink_credential_take(&s->credential, v, folder, where, r);
	if (any_tls(s))
		return;
	if (s->ca_file)
		keys_error(r, where, "\"ca_file\" needs a url with https");
	if (s->credential.client_cert_file)
		keys_error(r, where, "\"client_cert_file\" needs a url with https");
}

void sink_config_release(struct sink_config *s)
{
	free(s->name);
	free(s->path);
	strings_free(s->urls, s->url_count);
	free(s->ca_file);
	sink_credential_release(&s->credential);
	memset(s, 0, sizeof(*s));
}
