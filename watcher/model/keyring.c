/*
 * keyring - the age identities of one tenant; see the header
 *
 * Called by the daemon for each encrypted file, by ingest-worker --convert and --why, and by ingestctl.  Secrets are read into locked
 * memory and nowhere else; a fault never has a line's text.
 */
#include "watcher/base/base.h"
#include "watcher/model/keyring.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/secret.h"
#include "watcher/model/secret_file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FILE_MAX 8192
#define RETIRED_MAX 256

/* Where keys are read from just now. */
struct reader {
	struct keyring *ring;
	const char *path; /* for people */
	int dir;
	enum keyring_from from;
	size_t max;
	uid_t owner; /* of the tenant's folder */
};

static size_t count_of(const struct keyring *ring, bool retired)
{
	size_t n = 0;

	for (size_t i = 0; i < ring->count; i++)
		n += (ring->keys[i].from == KEY_RETIRED) == retired;
	return n;
}

static int take_line(struct reader *r, const char *file, size_t number, int64_t since, struct span line,
		     struct fault *f)
{
	struct keyring *ring = r->ring;
	unsigned char recipient[AGE_KEY];
	struct keyring_key *k;

	while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
		line.n--;
	if (!line.n || line.p[0] == '#')
		return 0;
	if (count_of(ring, r->from == KEY_RETIRED) == r->max)
		return fault_set(f, FAULT_KEY, "%s: more than %zu keys; remove those that nobody encrypts to any more",
				 r->path, r->max);
	ring->keys = xrealloc(ring->keys, (ring->count + 1) * sizeof(*ring->keys));
	k = &ring->keys[ring->count];
	*k = (struct keyring_key){.from = r->from, .since_ms = since, .secret = secret_new(AGE_KEY, f)};
	if (!k->secret)
		return -1;
	ring->count++;
	if (age_identity_parse(line, k->secret) < 0)
		return fault_set(f, FAULT_KEY,
				 "%s/%s, line %zu, is no identity of age (AGE-SECRET-KEY-1...); `ingestctl keygen` and "
				 "age-keygen make them",
				 r->path, file, number);
	age_recipient_of(k->secret, recipient);
	age_recipient_write(recipient, k->recipient);
	snprintf(k->file, sizeof(k->file), "%s", file);
	return 0;
}

static int take_text(struct reader *r, const char *file, int64_t since, struct span text, struct fault *f)
{
	size_t before = r->ring->count, number = 0;

	while (text.n) {
		const char *eol = memchr(text.p, '\n', text.n);
		size_t n = eol ? (size_t)(eol - text.p) : text.n;

		if (take_line(r, file, ++number, since, (struct span){text.p, n}, f) < 0)
			return -1;
		n += eol != NULL;
		text = (struct span){text.p + n, text.n - n};
	}
	if (r->ring->count == before)
		return fault_set(f, FAULT_KEY, "%s/%s holds no identity of age", r->path, file);
	return 0;
}

/*
 * Who can read a key can read the tenant's files, who can put one there can make others send them.  Root may look at the daemon's.
 * What systemd hands over is told apart by an access list, not by a mode.
 */
static int check_private(const struct reader *r, const char *file, const char *mode, const struct stat *st,
			 struct fault *f)
{
	if (r->from == KEY_CREDENTIAL)
		return 0;
	if (st->st_mode & (S_ISDIR(st->st_mode) ? 077 : 0177))
		return fault_set(f, FAULT_KEY, "%s%s has mode %04o, others may use it: chmod %s %s%s", r->path, file,
				 (unsigned)(st->st_mode & 07777), mode, r->path, file);
	if (st->st_uid != geteuid() && st->st_uid != 0 && (geteuid() != 0 || st->st_uid != r->owner))
		return fault_set(f, FAULT_KEY, "%s%s belongs to user %u, not to the daemon's user or root", r->path, file,
				 (unsigned)st->st_uid);
	return 0;
}

/* A rename into retired/ changes the inode, not the content. */
static int64_t since_of(const struct reader *r, const struct stat *st)
{
	const struct timespec *t = r->from == KEY_RETIRED ? &st->st_ctim : &st->st_mtim;

	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static int take_file(struct reader *r, const char *file, struct fault *f)
{
	unsigned char *text = secret_new(FILE_MAX, f);
	char *slash = xasprintf("/%s", file);
	size_t got = 0;
	struct stat st;
	int fd = -1, result = text ? 0 : -1;

	if (result == 0)
		result = secret_file_open(r->dir, file, r->path, false, &fd, f);
	if (result == 0 && fstat(fd, &st) < 0)
		result = fault_errno(f, FAULT_KEY, "%s/%s", r->path, file);
	if (result == 0)
		result = check_private(r, slash, "600", &st, f);
	if (result == 0)
		result = fs_pread_full(fd, text, FILE_MAX, 0, &got, f);
	if (result == 0 && got == FILE_MAX)
		result = fault_set(f, FAULT_KEY, "%s/%s is too long for a file of keys", r->path, file);
	if (result == 0)
		result = take_text(r, file, since_of(r, &st), (struct span){(char *)text, got}, f);
	fs_close(&fd);
	free(slash);
	secret_free(&text, FILE_MAX);
	return result;
}

/* --- folders --- */

static bool is_key_file(const struct reader *r, const char *tenant, const char *name)
{
	struct span s = span_of(name);
	size_t n = strlen(tenant);

	if (r->from != KEY_CREDENTIAL)
		return name[0] != '.' && span_ends(s, SPAN_LITERAL(KEYS_SUFFIX));
	return strncmp(name, "age.", 4) == 0 && strncmp(name + 4, tenant, n) == 0 &&
	       (name[4 + n] == '\0' || name[4 + n] == '.');
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **list(const struct reader *r, const char *tenant, size_t *count, struct fault *f)
{
	int fd = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char **names = xcalloc(1, sizeof(*names));
	struct dirent *e;

	*count = 0;
	if (!d) {
		fault_errno(f, FAULT_KEY, "cannot list %s", r->path);
		fs_close(&fd);
		free(names);
		return NULL;
	}
	while ((e = readdir(d)) != NULL) {
		if (!is_key_file(r, tenant, e->d_name))
			continue;
		names = xrealloc(names, (*count + 1) * sizeof(*names));
		names[(*count)++] = xstrdup(e->d_name);
	}
	closedir(d);
	qsort(names, *count, sizeof(*names), by_name);
	return names;
}

static int take_folder(struct reader *r, const char *tenant, struct fault *f)
{
	size_t count;
	char **names = list(r, tenant, &count, f);
	int result = names ? 0 : -1;

	for (size_t i = 0; names && i < count; i++) {
		if (result == 0)
			result = take_file(r, names[i], f);
		free(names[i]);
	}
	free(names);
	return result;
}

/* A folder that is not there has no keys. */
static int read_folder(struct keyring *ring, const char *tenant, const char *path, enum keyring_from from,
		       uid_t owner, struct fault *f)
{
	struct reader r = {ring, path, -1, from, from == KEY_RETIRED ? RETIRED_MAX : KEYRING_MAX, owner};
	struct stat st;
	int result = 0;

	r.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r.dir < 0)
		return errno == ENOENT ? 0 : fault_errno(f, FAULT_KEY, "cannot open %s", path);
	if (fstat(r.dir, &st) < 0)
		result = fault_errno(f, FAULT_KEY, "%s", path);
	if (result == 0)
		result = check_private(&r, "", "700", &st, f);
	if (result == 0)
		result = take_folder(&r, tenant, f);
	fs_close(&r.dir);
	return result;
}

static int read_all(struct keyring *ring, const char *profiles, const char *tenant, struct fault *f)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char *folder = xasprintf("%s/%s", profiles, tenant);
	char *keys = xasprintf("%s/" KEYS_FOLDER, folder);
	char *retired = xasprintf("%s/" KEYS_RETIRED, keys);
	struct stat st = {0};
	int r = 0;

	(void)!stat(folder, &st);
	if (credentials && *credentials)
		r = read_folder(ring, tenant, credentials, KEY_CREDENTIAL, st.st_uid, f);
	if (r == 0)
		r = read_folder(ring, tenant, keys, KEY_ACTIVE, st.st_uid, f);
	if (r == 0)
		r = read_folder(ring, tenant, retired, KEY_RETIRED, st.st_uid, f);
	free(retired);
	free(keys);
	free(folder);
	return r;
}

/* Locked memory is in no core dump; what a computation leaves on the stack in between would be. */
int keyring_open(const char *profiles, const char *tenant, struct keyring **out, struct fault *f)
{
	struct keyring *ring = xcalloc(1, sizeof(*ring));

	ring->dumpable = prctl(PR_GET_DUMPABLE) == 1;
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (read_all(ring, profiles, tenant, f) < 0) {
		keyring_free(&ring);
		return -1;
	}
	*out = ring;
	return 0;
}

void keyring_free(struct keyring **rp)
{
	struct keyring *ring = *rp;

	if (!ring)
		return;
	for (size_t i = 0; i < ring->count; i++)
		secret_free(&ring->keys[i].secret, AGE_KEY);
	if (ring->dumpable)
		(void)prctl(PR_SET_DUMPABLE, 1);
	free(ring->keys);
	free(ring);
	*rp = NULL;
}

size_t keyring_active(const struct keyring *ring)
{
	return count_of(ring, false);
}

const struct keyring_key *keyring_current(const struct keyring *ring)
{
	const struct keyring_key *found = NULL;

	for (size_t i = 0; i < ring->count; i++)
		if (ring->keys[i].from != KEY_RETIRED)
			found = &ring->keys[i];
	return found;
}

/* 1: this key opens one of them. */
static int try_key(const struct keyring_key *k, const struct keyring_stanza *stanzas, size_t n,
		   unsigned char file_key[AGE_FILE_KEY], struct fault *f)
{
	for (size_t i = 0; i < n; i++) {
		int r = age_unwrap(k->secret, stanzas[i].share, stanzas[i].body, file_key);

		if (r < 0)
			return fault_set(f, FAULT_DATA,
					 "the age header has a share that no sender makes; encrypt the file anew and "
					 "send it again");
		if (r == 1)
			return 1;
	}
	return 0;
}

static int say_retired(const struct keyring_key *k, struct fault *f)
{
	char when[CLOCK_TEXT];

	clock_format(k->since_ms, when);
	return fault_set(f, FAULT_KEY,
			 "the file is encrypted to %s, which was retired on %.10s; encrypt it to the key of today and send "
			 "it again, or take the key back into force and release the file",
			 k->recipient, when);
}

int keyring_unwrap(const struct keyring *ring, const struct keyring_stanza *stanzas, size_t n, bool taken,
		   unsigned char file_key[AGE_FILE_KEY], const struct keyring_key **key, struct fault *f)
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct keyring_key *k = &ring->keys[i];
		int r = try_key(k, stanzas, n, file_key, f);

		if (r == 1 && k->from == KEY_RETIRED && !taken) {
			explicit_bzero(file_key, AGE_FILE_KEY);
			return say_retired(k, f);
		}
		if (r != 0) {
			*key = k;
			return r;
		}
	}
	return 0;
}
