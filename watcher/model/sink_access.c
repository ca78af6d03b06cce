/*
 * sink_access - how a sink is reached; see the header
 *
 * Called by the daemon for each job that goes to a server, and by the worker that takes it.
 */
#include "watcher/base/base.h"
#include "watcher/model/sink_access.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/base/json_out.h"
#include "watcher/model/keys.h"
#include "watcher/model/secret_file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PEM_MAX (1024 * 1024)
#define TEXT_MAX (4 * 1024 * 1024)

/* What the servers hand out as "encoded" is the base64 of id:key, and has no colon. */
static void encode_key(struct sink_access *a)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)a->api_key;
	struct strbuf sb = STRBUF_INIT;
	size_t n;

	if (!p || !strchr(a->api_key, ':'))
		return;
	n = strlen(a->api_key);
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0);

		strbuf_addc(&sb, digits[v >> 18]);
		strbuf_addc(&sb, digits[v >> 12 & 63]);
		strbuf_addc(&sb, i + 1 < n ? digits[v >> 6 & 63] : '=');
		strbuf_addc(&sb, i + 2 < n ? digits[v & 63] : '=');
	}
	explicit_bzero(a->api_key, n);
	free(a->api_key);
	a->api_key = strbuf_detach(&sb);
}

/* "ApiKey ..." is copied from a header, "id: key" from a page: the server would only say 401. */
static int check_key(const struct sink_access *a, const char *name, struct fault *f)
{
	if (!a->api_key || !strpbrk(a->api_key, " \t"))
		return 0;
	return fault_set(f, FAULT_KEY, "api_key_file %s must hold nothing but id:key or its base64: leave out \"ApiKey\" and blanks", name);
}

int sink_access_read(const struct sink_config *s, const struct sink_credential *c, int dir_fd,
		     struct sink_access *out, struct fault *f)
{
	struct sink_access a = {0};
	int r;

	a.urls = xcalloc(s->url_count + 1, sizeof(*a.urls));
	for (size_t i = 0; i < s->url_count; i++)
		a.urls[a.url_count++] = xstrdup(s->urls[i]);
	a.username = c->username ? xstrdup(c->username) : NULL;
	r = secret_file_line(dir_fd, c->password_file, "password_file", &a.password, f);
	if (r == 0)
		r = secret_file_line(dir_fd, c->api_key_file, "api_key_file", &a.api_key, f);
	if (r == 0)
		r = check_key(&a, c->api_key_file, f);
	if (r == 0)
		r = secret_file_read(-1, s->ca_file, "ca_file", false, PEM_MAX, &a.ca, f);
	if (r == 0)
		r = secret_file_read(dir_fd, c->client_cert_file, "client_cert_file", false, PEM_MAX, &a.cert, f);
	if (r == 0)
		r = secret_file_read(dir_fd, c->client_key_file, "client_key_file", true, PEM_MAX, &a.key, f);
	if (r < 0) {
		sink_access_release(&a);
		return -1;
	}
	encode_key(&a);
	*out = a;
	return 0;
}

/* --- to the worker --- */

static void put(struct strbuf *sb, const char *key, const char *value)
{
	if (value)
		json_pair_string(sb, key, value);
}

int sink_access_put(const struct sink_access *a, int *fd, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int r;

	strbuf_adds(&sb, "{\"urls\":[");
	for (size_t i = 0; i < a->url_count; i++) {
		json_add_comma(&sb);
		json_add_string(&sb, span_of(a->urls[i]));
	}
	strbuf_addc(&sb, ']');
	put(&sb, "username", a->username);
	put(&sb, "password", a->password);
	put(&sb, "api_key", a->api_key);
	put(&sb, "ca", a->ca);
	put(&sb, "cert", a->cert);
	put(&sb, "key", a->key);
	strbuf_addc(&sb, '}');
	r = ipc_sealed("sink", strbuf_span(&sb), fd, f);
	explicit_bzero(sb.p, sb.n);
	strbuf_release(&sb);
	return r;
}

int sink_access_take(int fd, struct sink_access *out, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	json_t *root = NULL;

	if (fs_read_fd(fd, TEXT_MAX, &sb, f) < 0) {
		strbuf_release(&sb);
		return -1;
	}
	root = json_loadb(sb.p, sb.n, JSON_REJECT_DUPLICATES, NULL);
	explicit_bzero(sb.p, sb.n);
	strbuf_release(&sb);
	if (!json_is_object(root)) {
		json_decref(root);
		return fault_set(f, FAULT_SYSTEM, "the sink's access is ill-formed");
	}
	out->urls = keys_strings(root, "urls", &out->url_count);
	out->username = keys_string(root, "username", NULL);
	out->password = keys_string(root, "password", NULL);
	out->api_key = keys_string(root, "api_key", NULL);
	out->ca = keys_string(root, "ca", NULL);
	out->cert = keys_string(root, "cert", NULL);
	out->key = keys_string(root, "key", NULL);
	json_decref(root);
	return 0;
}

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void sink_access_release(struct sink_access *a)
{
	strings_free(a->urls, a->url_count);
	free(a->username);
	wipe(a->password);
	wipe(a->api_key);
	free(a->ca);
	free(a->cert);
	wipe(a->key);
	memset(a, 0, sizeof(*a));
}
