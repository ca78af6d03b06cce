/*
 * tokens - the file of tokens_file; see the header
 *
 * Called by the daemon's listener for each request with a token, and by `ingestctl token`.
 */
#include "watcher/base/base.h"
#include "watcher/model/tokens.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/map.h"
#include "watcher/model/profile.h"
#include "watcher/model/secret_file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024)
#define BEGIN "ingest_"
#define SECRET_BYTES 32
#define OPERATOR "operator"
#define TENANT "tenant:"
#define SHA "sha256:"
#define WHAT "tokens_file"

/* --- reading --- */

/* The next word of a line; empty: there is none. */
static struct span word_of(struct span *line)
{
	struct span w;

	while (line->n && (*line->p == ' ' || *line->p == '\t'))
		line->p++, line->n--;
	w.p = line->p;
	for (w.n = 0; w.n < line->n && w.p[w.n] != ' ' && w.p[w.n] != '\t'; w.n++)
		;
	line->p += w.n;
	line->n -= w.n;
	return w;
}

static struct span behind(struct span s, const char *with)
{
	return (struct span){s.p + strlen(with), s.n - strlen(with)};
}

static bool is_id(struct span s)
{
	if (s.n != TOKEN_ID - 1 || s.p[0] != 'K')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!strchr("0123456789ABCDEF", s.p[i]) || !s.p[i])
			return false;
	return true;
}

static bool take_scope(struct span s, char out[TOKEN_SCOPE])
{
	out[0] = '\0';
	if (span_is(s, OPERATOR))
		return true;
	if (!span_starts(s, SPAN_LITERAL(TENANT)) || !tenant_name_valid(behind(s, TENANT)))
		return false;
	s = behind(s, TENANT);
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* NULL: it is one; else what is wrong. */
static const char *take_line(struct span line, struct token *t)
{
	struct span id = word_of(&line), scope = word_of(&line), hash = word_of(&line), made = word_of(&line);

	if (!is_id(id))
		return "no id of a token";
	if (!take_scope(scope, t->scope))
		return "neither `operator` nor `tenant:NAME`";
	if (!span_starts(hash, SPAN_LITERAL(SHA)) || !digest_parse_hex(behind(hash, SHA), t->hash))
		return "no sha256: with 64 digits";
	if (!made.n || made.n >= sizeof(t->made) || word_of(&line).n)
		return "no time of its making at the end";
	memcpy(t->id, id.p, id.n);
	t->id[id.n] = '\0';
	memcpy(t->made, made.p, made.n);
	t->made[made.n] = '\0';
	return NULL;
}

static int take_text(struct tokens *t, struct span text, const char *path, struct fault *f)
{
	for (size_t number = 1; text.n; number++) {
		const char *end = memchr(text.p, '\n', text.n);
		struct span line = {text.p, end ? (size_t)(end - text.p) : text.n}, rest = line;
		struct span first = word_of(&rest);
		const char *wrong;

		text.p += line.n + (end != NULL);
		text.n -= line.n + (end != NULL);
		if (!first.n || *first.p == '#')
			continue;
		if (t->count == TOKENS_MAX)
			return fault_set(f, FAULT_KEY, WHAT " %s: more than %d tokens", path, TOKENS_MAX);
		t->list = xrealloc(t->list, (t->count + 1) * sizeof(*t->list));
		memset(&t->list[t->count], 0, sizeof(*t->list));
		wrong = take_line(line, &t->list[t->count]);
		if (wrong)
			return fault_set(f, FAULT_KEY,
					 WHAT " %s: line %zu: %s; no token of it is taken until the line is mended", path,
					 number, wrong);
		t->count++;
	}
	return 0;
}

/* 0: there is none. */
static uint64_t print_of(const char *path)
{
	struct stat st;
	struct {
		uint64_t dev, ino, size, mtime, mnano, ctime, cnano;
	} of = {0};

	if (stat(path, &st) < 0)
		return 0;
	of.dev = st.st_dev;
	of.ino = st.st_ino;
	of.size = (uint64_t)st.st_size;
	of.mtime = (uint64_t)st.st_mtim.tv_sec;
	of.mnano = (uint64_t)st.st_mtim.tv_nsec;
	of.ctime = (uint64_t)st.st_ctim.tv_sec;
	of.cnano = (uint64_t)st.st_ctim.tv_nsec;
	return map_hash((struct span){(const char *)&of, sizeof(of)}) | 1;
}

bool tokens_changed(const struct tokens *t, const char *path)
{
	return t->print != print_of(path);
}

int tokens_load(const char *path, struct tokens **out, struct fault *f)
{
	struct tokens *t = xcalloc(1, sizeof(*t));
	char *text = NULL;
	int r = 0;

	/* before it is read: a change meanwhile is seen at the next look */
	t->print = print_of(path);
	if (t->print)
		r = secret_file_read(-1, path, WHAT, true, FILE_MAX, &text, f);
	if (r == 0 && text)
		r = take_text(t, span_of(text), path, f);
	free(text);
	if (r < 0) {
		tokens_free(&t);
		return -1;
	}
	*out = t;
	return 0;
}

void tokens_free(struct tokens **tp)
{
	struct tokens *t = *tp;

	if (!t)
		return;
	free(t->list);
	free(t);
	*tp = NULL;
}

static void hash_of(const char *text, unsigned char out[DIGEST_SIZE])
{
	struct digest d;

	digest_init(&d);
	digest_add(&d, text, strlen(text));
	digest_end(&d, out);
	digest_release(&d);
}

const struct token *tokens_find(const struct tokens *t, const char *presented)
{
	const struct token *found = NULL;
	unsigned char hash[DIGEST_SIZE];

	hash_of(presented, hash);
	/* all of them: how long it takes tells nothing */
	for (size_t i = 0; i < t->count; i++)
		if (digest_equal(t->list[i].hash, hash))
			found = &t->list[i];
	return found;
}

/* --- writing --- */

/* The folder, locked: whoever else writes the file waits. */
static int lock_folder(const char *path, int *fd, struct fault *f)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	int r = fs_open_dir(folder, fd, f);

	if (r == 0 && flock(*fd, LOCK_EX) < 0) {
		r = fault_errno(f, FAULT_SYSTEM, "cannot lock %s", folder);
		fs_close(fd);
	}
	free(folder);
	return r;
}

static int store(const char *path, const struct tokens *t, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	char hex[DIGEST_HEX];
	int r;

	strbuf_adds(&sb, "# tokens of ingestd: id, whose, hash, made; written by `ingestctl token`\n");
	for (size_t i = 0; i < t->count; i++) {
		const struct token *k = &t->list[i];

		digest_hex(k->hash, hex);
		strbuf_addf(&sb, "%s %s%s " SHA "%s %s\n", k->id, k->scope[0] ? TENANT : "",
			    k->scope[0] ? k->scope : OPERATOR, hex, k->made);
	}
	r = fs_replace_file(path, strbuf_span(&sb), 0600, f);
	strbuf_release(&sb);
	return r;
}

static bool id_taken(const struct tokens *t, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->list[i].id, id) == 0)
			return true;
	return false;
}

static void make(const struct tokens *t, int64_t now_ms, struct token *out, char text[TOKEN_TEXT])
{
	unsigned char secret[SECRET_BYTES];
	uint32_t number;

	do {
		CHECK(getrandom(&number, sizeof(number), 0) == (ssize_t)sizeof(number));
		snprintf(out->id, sizeof(out->id), "K%08X", number);
	} while (id_taken(t, out->id));
	CHECK(getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret));
	memcpy(text, BEGIN, strlen(BEGIN));
	CHECK(base64url_encode(secret, sizeof(secret), text + strlen(BEGIN)) == TOKEN_TEXT - 1 - strlen(BEGIN));
	explicit_bzero(secret, sizeof(secret));
	hash_of(text, out->hash);
	clock_format(now_ms, out->made);
}

static int add(const char *path, int64_t now_ms, struct token *out, char text[TOKEN_TEXT], struct fault *f)
{
	struct tokens *t = NULL;
	int r;

	if (tokens_load(path, &t, f) < 0)
		return -1;
	if (t->count == TOKENS_MAX) {
		r = fault_set(f, FAULT_CONFIG, "%s has %d tokens; revoke some first", path, TOKENS_MAX);
	} else {
		make(t, now_ms, out, text);
		t->list = xrealloc(t->list, (t->count + 1) * sizeof(*t->list));
		t->list[t->count++] = *out;
		r = store(path, t, f);
	}
	tokens_free(&t);
	return r;
}

int tokens_add(const char *path, const char *scope, int64_t now_ms, struct token *out, char text[TOKEN_TEXT],
	       struct fault *f)
{
	int fd = -1, r;

	memset(out, 0, sizeof(*out));
	if (strcmp(scope, OPERATOR) != 0) {
		if (!tenant_name_valid(span_of(scope)))
			return fault_set(f, FAULT_CONFIG, "\"%.60s\" is neither operator nor a tenant's name", scope);
		snprintf(out->scope, sizeof(out->scope), "%s", scope);
	}
	if (lock_folder(path, &fd, f) < 0)
		return -1;
	r = add(path, now_ms, out, text, f);
	fs_close(&fd);
	return r;
}

static bool is_meant(const struct token *k, const char *which)
{
	return strcmp(k->id, which) == 0 || strcmp(k->scope[0] ? k->scope : OPERATOR, which) == 0;
}

int tokens_revoke(const char *path, const char *which, size_t *count, struct fault *f)
{
	struct tokens *t = NULL;
	size_t left = 0;
	int fd = -1, r;

	if (lock_folder(path, &fd, f) < 0)
		return -1;
	r = tokens_load(path, &t, f);
	if (r == 0) {
		for (size_t i = 0; i < t->count; i++)
			if (!is_meant(&t->list[i], which))
				t->list[left++] = t->list[i];
		*count = t->count - left;
		t->count = left;
		if (*count)
			r = store(path, t, f);
	}
	tokens_free(&t);
	fs_close(&fd);
	return r;
}
