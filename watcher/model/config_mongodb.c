/*
 * config_mongodb - where the recorder writes; see the header
 */
#include "watcher/base/base.h"
#include "watcher/model/config_mongodb.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/secret_file.h"
#include <strings.h>

#define WHERE "$.mongodb"

static char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s && *s ? xstrdup(s) : NULL;
}

/* Behind mongodb:// or mongodb+srv://; NULL: neither. */
static const char *behind_scheme(const char *uri)
{
	static const char *const schemes[] = {"mongodb://", "mongodb+srv://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncmp(uri, schemes[i], strlen(schemes[i])) == 0)
			return uri + strlen(schemes[i]);
	return NULL;
}

static bool holds(const char *text, const char *word)
{
	for (size_t n = strlen(word); *text; text++)
		if (strncasecmp(text, word, n) == 0)
			return true;
	return false;
}

/* What is wrong with it; the value is not told: it may hold a password. */
static const char *wrong_uri(const char *uri, bool secret)
{
	const char *rest = behind_scheme(uri);
	const char *at;

	if (!rest)
		return "must begin with mongodb:// or mongodb+srv://";
	if (!*rest || *rest == '/' || *rest == '?')
		return "has no host";
	for (const char *p = uri; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p == 0x7f)
			return "may hold no blanks and no control characters: write them as %20";
	at = strrchr(rest, '@');
	/* else the driver takes a piece of the password for a host, and says so in its errors */
	if (at && rest + strcspn(rest, "@/?#") < at)
		return "holds @, /, ? or # before its host: in a name or password write %40, %2F, %3F, %23";
	if (secret)
		return NULL;
	if ((at && memchr(rest, ':', (size_t)(at - rest))) || holds(rest, "password=") ||
	    holds(rest, "session_token"))
		return "may hold no password: put the whole uri into a file and name it as uri_file";
	return NULL;
}

static bool good_database(const char *name)
{
	static const char *const servers[] = {"admin", "local", "config"};

	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		if (strcasecmp(name, servers[i]) == 0)
			return false;
	return *name && !strpbrk(name, "/\\. \"$*<>:|?");
}

void config_mongodb_take(struct mongodb_config *m, const json_t *value, const char *folder,
			 struct keys_report *r)
{
	char *file;

	if (!json_is_object(value))
		return;
	m->uri = text_of(value, "uri");
	file = text_of(value, "uri_file");
	m->uri_file = file ? fs_join(folder, file) : NULL;
	free(file);
	m->database = keys_string(value, "database", "ingest");
	if (!m->uri == !m->uri_file)
		keys_error(r, WHERE, "%s", m->uri ? "\"uri\" and \"uri_file\": only one of them" :
						    "\"uri\" or \"uri_file\" is missing; e.g. "
						    "\"mongodb://127.0.0.1:27017\"");
	if (m->uri && wrong_uri(m->uri, false))
		keys_error(r, WHERE ".uri", "%s", wrong_uri(m->uri, false));
	if (!good_database(m->database))
		keys_error(r, WHERE ".database",
			   "\"%.80s\" cannot be used: not admin, local or config, and none of / \\ . \" $ * < > : | ? "
			   "or a blank",
			   m->database);
}

void config_mongodb_release(struct mongodb_config *m)
{
	free(m->uri);
	free(m->uri_file);
	free(m->database);
	memset(m, 0, sizeof(*m));
}

bool mongodb_on(const struct mongodb_config *m)
{
	return m->uri || m->uri_file;
}

int mongodb_uri(const struct mongodb_config *m, char **uri, struct fault *f)
{
	const char *wrong;

	CHECK(mongodb_on(m));
	if (m->uri) {
		*uri = xstrdup(m->uri);
		return 0;
	}
	if (secret_file_line(-1, m->uri_file, "uri_file", uri, f) < 0)
		return -1;
	wrong = wrong_uri(*uri, true);
	if (!wrong)
		return 0;
	explicit_bzero(*uri, strlen(*uri));
	free(*uri);
	*uri = NULL;
	return fault_set(f, FAULT_KEY, "uri_file %s: the uri in it %s", m->uri_file, wrong);
}
