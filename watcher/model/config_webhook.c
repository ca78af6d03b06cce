/*
 * config_webhook - who can be told of a run's end; see the header
 *
 * Called by config.c.
 */
#include "watcher/base/base.h"
#include "watcher/model/config_webhook.h"
#include "watcher/base/fsutil.h"

#define NAME_MAX_BYTES 64

static bool name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_BYTES && strspn(name, letters) == n && name[0] != '.' && name[0] != '-';
}

/* What is wrong with it; NULL: nothing. */
static const char *wrong_url(const char *url)
{
	const char *rest = strncmp(url, "http://", 7) == 0	? url + 7 :
			   strncmp(url, "https://", 8) == 0 ? url + 8 :
								NULL;
	size_t host;

	if (!rest)
		return "must begin with http:// or https://";
	host = strcspn(rest, "/?#");
	if (!host || rest[0] == ':')
		return "has no host";
	if (memchr(rest, '@', host))
		return "holds a name or a password; what goes there is signed with secret_file";
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return "may hold no blanks, control characters or letters beyond ASCII: write them as %20";
	return NULL;
}

static void take(struct config *c, const char *name, const json_t *v, const char *folder, struct keys_report *r)
{
	struct webhook_config *w = &c->webhooks[c->webhook_count++];
	char *where = keys_path("$.webhooks", name);
	char *at = keys_path(where, "url"), *file = keys_string(v, "secret_file", "");
	const char *wrong;

	w->name = xstrdup(name);
	w->url = keys_string(v, "url", "");
	w->secret_file = *file ? fs_join(folder, file) : NULL;
	wrong = *w->url ? wrong_url(w->url) : NULL;
	if (!name_valid(name))
		keys_error(r, where, "a webhook's name has 1 to %d of A-Z a-z 0-9 _ . -", NAME_MAX_BYTES);
	if (wrong)
		keys_error(r, at, "\"%.80s\" %s", w->url, wrong);
	free(file);
	free(at);
	free(where);
}

void config_webhooks_take(struct config *c, const json_t *webhooks, const char *folder, struct keys_report *r)
{
	const char *name;
	json_t *v;

	c->webhooks = xcalloc(json_object_size(webhooks) + 1, sizeof(*c->webhooks));
	json_object_foreach((json_t *)(uintptr_t)webhooks, name, v)
		take(c, name, v, folder, r);
}

void config_webhooks_release(struct config *c)
{
	for (size_t i = 0; i < c->webhook_count; i++) {
		free(c->webhooks[i].name);
		free(c->webhooks[i].url);
		free(c->webhooks[i].secret_file);
	}
	free(c->webhooks);
}

const struct webhook_config *config_webhook(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->webhook_count; i++)
		if (strcmp(c->webhooks[i].name, name) == 0)
			return &c->webhooks[i];
	return NULL;
}
