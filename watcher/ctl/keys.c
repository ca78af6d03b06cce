/*
 * keys - ingestctl's verbs for a tenant's keys: keygen, key list, key rotate, key retire
 *
 * They work on profiles/TENANT/keys, where the daemon reads a keyring anew for each file, and keep recipients.txt beside the tenant's
 * in/ true to the current key.  No daemon is asked, and a secret never leaves its folder and locked memory.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/secret.h"
#include "watcher/ctl/own.h"
#include "watcher/model/keyring.h"
#include "watcher/model/profile.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_MAX 512 /* of a key that we make */
#define SHORTEST 8   /* letters that name a key */
#define COLUMNS "tenant recipient state since file"

/* One tenant at work. */
struct bench {
	struct config *config;
	const char *tenant;
	int profile; /* its folder */
	int keys;    /* profiles/T/keys, -1: none yet */
	struct keyring *ring;
};

static void release(struct bench *b)
{
	keyring_free(&b->ring);
	fs_close(&b->keys);
	fs_close(&b->profile);
	config_free(&b->config);
}

static int open_config(const struct ctl_options *o, struct bench *b)
{
	struct strbuf errors = STRBUF_INIT;
	int r = ctl_config(o, &b->config, &errors);

	if (r < 0)
		fprintf(stderr, "ingestctl: %s", errors.p);
	strbuf_release(&errors);
	return r;
}

static int open_tenant(struct bench *b, const char *tenant, struct fault *f)
{
	char *path;
	int r;

	b->tenant = tenant;
	if (!tenant_name_valid(span_of(tenant)))
		return fault_set(f, FAULT_CONFIG, "\"%s\" is no tenant's name: [a-z0-9][a-z0-9-]{0,38}", tenant);
	path = xasprintf("%s/%s", b->config->profiles, tenant);
	r = fs_open_dir(path, &b->profile, f);
	free(path);
	if (r == 0)
		r = keyring_open(b->config->profiles, tenant, &b->ring, f);
	return r;
}

/* Who owns the tenant's folder: the daemon's user, where root makes the key. */
static int give(const struct bench *b, int dir, const char *name, struct fault *f)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(b->profile, &st) < 0 ||
	    fchownat(dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give %s to the owner of profiles/%s", name, b->tenant);
	return 0;
}

static int open_keys(struct bench *b, struct fault *f)
{
	if (fs_make_dir_at(b->profile, KEYS_FOLDER, 0700, f) < 0 || give(b, b->profile, KEYS_FOLDER, f) < 0)
		return -1;
	b->keys = openat(b->profile, KEYS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (b->keys < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open profiles/%s/" KEYS_FOLDER, b->tenant);
	return fs_fsync(b->profile, b->tenant, f);
}

/* --- what senders are told --- */

/* A tenant may have a key before the daemon has seen it: then the folder is made as the daemon would, for its user. */
static int make_staging(const struct bench *b, const char *folder, struct fault *f)
{
	int dir = -1, r = 0;

	if (access(folder, F_OK) == 0)
		return 0;
	if (fs_make_dirs(b->config->staging, 0755, f) < 0 || fs_open_dir(b->config->staging, &dir, f) < 0)
		return -1;
	if (fs_make_dir_at(dir, b->tenant, 0755, f) < 0 || give(b, dir, b->tenant, f) < 0)
		r = -1;
	fs_close(&dir);
	return r;
}

static int write_recipients(struct bench *b, const char *recipient, struct fault *f)
{
	char *folder = xasprintf("%s/%s", b->config->staging, b->tenant);
	char *path = xasprintf("%s/recipients.txt", folder);
	struct strbuf text = STRBUF_INIT;
	int r = make_staging(b, folder, f);

	strbuf_addf(&text, "# files for %s: " KEYRING_LINE "\n%s\n", b->tenant, recipient);
	if (r == 0)
		r = fs_replace_file(path, strbuf_span(&text), 0644, f);
	strbuf_release(&text);
	free(path);
	free(folder);
	return r;
}

/* --- list --- */

static const char *state_of(const struct keyring *ring, const struct keyring_key *k)
{
	if (k == keyring_current(ring))
		return "current";
	return k->from == KEY_RETIRED ? "retired" : "accepted";
}

static void add_key(json_t *list, const struct bench *b, const struct keyring_key *k)
{
	char since[CLOCK_TEXT];
	const char *folder = k->from == KEY_RETIRED ? KEYS_FOLDER "/" KEYS_RETIRED "/" :
			     k->from == KEY_CREDENTIAL ? "credential " :
							 KEYS_FOLDER "/";
	char *file = xasprintf("%s%s", folder, k->file);

	clock_format(k->since_ms, since);
	json_array_append_new(list, json_pack("{ssssssssss}", "tenant", b->tenant, "recipient", k->recipient, "state",
					      state_of(b->ring, k), "since", since, "file", file));
	free(file);
}

static int list_tenant(const struct ctl_options *o, const char *tenant, json_t *list)
{
	struct bench b = {.profile = -1, .keys = -1};
	struct fault f = FAULT_INIT;
	int r = open_config(o, &b) < 0 ? CTL_USAGE : CTL_OK;

	if (r == CTL_OK && open_tenant(&b, tenant, &f) < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		r = CTL_REFUSED;
	}
	for (size_t i = 0; r == CTL_OK && i < b.ring->count; i++)
		add_key(list, &b, &b.ring->keys[i]);
	release(&b);
	return r;
}

static int is_tenant(const struct dirent *e)
{
	return tenant_name_valid(span_of(e->d_name));
}

/* Every folder; one whose keys cannot be read is said and makes the answer partial. */
static int list_all(const struct ctl_options *o, json_t *list)
{
	struct bench b = {.profile = -1, .keys = -1};
	struct dirent **names = NULL;
	int n, r = CTL_OK;

	if (open_config(o, &b) < 0)
		return CTL_USAGE;
	n = scandir(b.config->profiles, &names, is_tenant, alphasort);
	for (int i = 0; i < n; i++) {
		if (list_tenant(o, names[i]->d_name, list) != CTL_OK)
			r = CTL_PARTLY;
		free(names[i]);
	}
	free(names);
	release(&b);
	return r;
}

int command_key_list(const struct ctl_options *o)
{
	json_t *list = json_array();
	int r;

	if (o->arg_count > 1)
		return ctl_usage(o);
	r = o->arg_count ? list_tenant(o, o->args[0], list) : list_all(o, list);
	if (r == CTL_OK || r == CTL_PARTLY)
		ctl_print(o, list, COLUMNS);
	json_decref(list);
	return r;
}

/* --- keygen, rotate --- */

/* Names sort by time, and the last is the current one. */
static int new_name(const struct bench *b, const char *recipient, char out[KEYRING_NAME], struct fault *f)
{
	const struct keyring_key *current = keyring_current(b->ring);
	char when[CLOCK_TEXT];
	int64_t now = clock_now_ms();

	clock_strftime(now, "%Y%m%dT%H%M%S", when, sizeof(when));
	snprintf(out, KEYRING_NAME, "%s.%03dZ-%.8s" KEYS_SUFFIX, when, (int)(now % 1000), recipient + 4);
	if (!current || current->from == KEY_CREDENTIAL || strcmp(out, current->file) > 0)
		return 0;
	return fault_set(f, FAULT_CONFIG,
			 "the name of the current key, %s, sorts behind that of a new one, %s, which would not become the "
			 "current one; rename it (or try again when the clock is right)",
			 current->file, out);
}

/* The text is age-keygen's, in locked memory. */
static int write_key(struct bench *b, const unsigned char *secret, const char *recipient, struct fault *f)
{
	char name[KEYRING_NAME], when[CLOCK_TEXT];
	char *text = secret_new(FILE_MAX, f);
	unsigned char *wiped = (unsigned char *)text;
	int n, r;

	if (!text)
		return -1;
	clock_format(clock_now_ms(), when);
	n = snprintf(text, FILE_MAX, "# created: %s\n# public key: %s\n", when, recipient);
	age_identity_write(secret, text + n);
	n += AGE_IDENTITY_TEXT;
	text[n - 1] = '\n';
	r = new_name(b, recipient, name, f);
	if (r == 0)
		r = fs_replace_at(b->keys, name, (struct span){text, (size_t)n}, 0600, f);
	if (r == 0)
		r = give(b, b->keys, name, f);
	secret_free(&wiped, FILE_MAX);
	return r;
}

static int make_key(struct bench *b, char recipient[AGE_RECIPIENT_TEXT], struct fault *f)
{
	unsigned char *secret = secret_new(AGE_KEY, f), public[AGE_KEY];
	int r;

	if (!secret)
		return -1;
	age_random(secret, AGE_KEY);
	age_recipient_of(secret, public);
	age_recipient_write(public, recipient);
	r = open_keys(b, f);
	if (r == 0)
		r = write_key(b, secret, recipient, f);
	secret_free(&secret, AGE_KEY);
	return r == 0 ? write_recipients(b, recipient, f) : -1;
}

static int check_first(const struct bench *b, bool first, struct fault *f)
{
	const struct keyring_key *current = keyring_current(b->ring);

	if (first && current)
		return fault_set(f, FAULT_CONFIG, "%s has a key, %s; `ingestctl key rotate %s` makes the next one",
				 b->tenant, current->recipient, b->tenant);
	if (!first && !current)
		return fault_set(f, FAULT_CONFIG, "%s has no key yet; `ingestctl keygen %s` makes the first one",
				 b->tenant, b->tenant);
	return 0;
}

static int new_key(const struct ctl_options *o, bool first)
{
	struct bench b = {.profile = -1, .keys = -1};
	char recipient[AGE_RECIPIENT_TEXT];
	struct fault f = FAULT_INIT;
	json_t *answer;

	if (open_config(o, &b) < 0) {
		release(&b);
		return CTL_USAGE;
	}
	if (open_tenant(&b, o->args[0], &f) < 0 || check_first(&b, first, &f) < 0 || make_key(&b, recipient, &f) < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		release(&b);
		return CTL_REFUSED;
	}
	answer = json_pack("{ssssss}", "tenant", b.tenant, "recipient", recipient, "encrypt", KEYRING_LINE);
	json_object_set_new(answer, "recipients_file",
			    json_sprintf("%s/%s/recipients.txt", b.config->staging, b.tenant));
	ctl_print(o, answer, NULL);
	json_decref(answer);
	release(&b);
	return CTL_OK;
}

int command_keygen(const struct ctl_options *o)
{
	return o->arg_count == 1 ? new_key(o, true) : ctl_usage(o);
}

int command_key_rotate(const struct ctl_options *o)
{
	return o->arg_count == 1 ? new_key(o, false) : ctl_usage(o);
}

/* --- retire --- */

static int find_key(const struct bench *b, const char *begin, const struct keyring_key **out, struct fault *f)
{
	size_t n = strlen(begin), found = 0;

	if (strncmp(begin, "age1", 4) != 0 || n < SHORTEST)
		return fault_set(f, FAULT_CONFIG, "\"%s\" names no key: give the recipient (age1...), %d letters at least",
				 begin, SHORTEST);
	for (size_t i = 0; i < b->ring->count; i++)
		if (strncmp(b->ring->keys[i].recipient, begin, n) == 0) {
			*out = &b->ring->keys[i];
			found++;
		}
	if (found == 1)
		return 0;
	return fault_set(f, FAULT_CONFIG, found ? "%s: several keys of %s begin so" : "%s: no such key of %s; "
										    "`ingestctl key list` shows them",
			 begin, b->tenant);
}

static int may_retire(const struct bench *b, const struct keyring_key *k, struct fault *f)
{
	if (k->from == KEY_RETIRED)
		return fault_set(f, FAULT_CONFIG, "%s is retired already", k->recipient);
	if (k->from == KEY_CREDENTIAL)
		return fault_set(f, FAULT_CONFIG, "%s is a credential of systemd (%s): take it out of the unit",
				 k->recipient, k->file);
	if (k == keyring_current(b->ring))
		return fault_set(f, FAULT_CONFIG, "%s is the current key; `ingestctl key rotate %s` first, and tell the "
						  "senders", k->recipient, b->tenant);
	for (size_t i = 0; i < b->ring->count; i++) {
		const struct keyring_key *other = &b->ring->keys[i];

		if (other != k && other->from == k->from && strcmp(other->file, k->file) == 0)
			return fault_set(f, FAULT_CONFIG, "%s/%s holds several keys; put each into a file of its own",
					 KEYS_FOLDER, k->file);
	}
	return 0;
}

static int move_away(struct bench *b, const struct keyring_key *k, struct fault *f)
{
	int retired, r = 0;

	if (open_keys(b, f) < 0 || fs_make_dir_at(b->keys, KEYS_RETIRED, 0700, f) < 0 ||
	    give(b, b->keys, KEYS_RETIRED, f) < 0)
		return -1;
	retired = openat(b->keys, KEYS_RETIRED, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (retired < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot open %s/%s", KEYS_FOLDER, KEYS_RETIRED);
	if (renameat2(b->keys, k->file, retired, k->file, RENAME_NOREPLACE) < 0)
		r = fault_errno(f, FAULT_SYSTEM, "cannot move %s into %s/%s", k->file, KEYS_FOLDER, KEYS_RETIRED);
	if (r == 0 && (fs_fsync(retired, KEYS_RETIRED, f) < 0 || fs_fsync(b->keys, KEYS_FOLDER, f) < 0))
		r = -1;
	close(retired);
	return r;
}

int command_key_retire(const struct ctl_options *o)
{
	struct bench b = {.profile = -1, .keys = -1};
	const struct keyring_key *k = NULL;
	struct fault f = FAULT_INIT;
	json_t *answer;

	if (o->arg_count != 2)
		return ctl_usage(o);
	if (open_config(o, &b) < 0) {
		release(&b);
		return CTL_USAGE;
	}
	if (open_tenant(&b, o->args[0], &f) < 0 || find_key(&b, o->args[1], &k, &f) < 0 || may_retire(&b, k, &f) < 0 ||
	    move_away(&b, k, &f) < 0) {
		fprintf(stderr, "ingestctl: %s\n", f.text);
		release(&b);
		return CTL_REFUSED;
	}
	answer = json_pack("{ssssss}", "tenant", b.tenant, "recipient", k->recipient, "state", "retired");
	ctl_print(o, answer, NULL);
	json_decref(answer);
	release(&b);
	return CTL_OK;
}
