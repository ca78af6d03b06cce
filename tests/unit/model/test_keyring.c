/*
 * test_keyring - which files are keys, in which order, under which modes; which of them opens what; where the secrets lie
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/secret.h"
#include "watcher/model/keyring.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

#define KEYS_DIR "alice/keys"

struct site {
	char path[64];
	int fd;
};

static struct fault fault;

static int set_up(void **state)
{
	struct site *x = xcalloc(1, sizeof(*x));

	fault_clear(&fault);
	snprintf(x->path, sizeof(x->path), "/tmp/test_keyring.XXXXXX");
	assert_non_null(mkdtemp(x->path));
	assert_int_equal(fs_open_dir(x->path, &x->fd, &fault), 0);
	assert_int_equal(mkdirat(x->fd, "alice", 0755), 0);
	assert_int_equal(mkdirat(x->fd, KEYS_DIR, 0700), 0);
	assert_int_equal(mkdirat(x->fd, KEYS_DIR "/retired", 0700), 0);
	assert_int_equal(mkdirat(x->fd, "credentials", 0755), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
	*state = x;
	return 0;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct site *x = *state;

	close(x->fd);
	nftw(x->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(x);
	return 0;
}

static void write_file(const struct site *x, const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("%s/%s", x->path, name);

	assert_int_equal(fs_replace_file(path, span_of(text), mode, &fault), 0);
	free(path);
}

/* A secret of one repeated byte, as a file of age-keygen's form. */
static void write_key(const struct site *x, const char *name, int byte)
{
	unsigned char secret[AGE_KEY];
	char text[AGE_IDENTITY_TEXT], *file;

	memset(secret, byte, sizeof(secret));
	age_identity_write(secret, text);
	file = xasprintf("# created: some day\r\n\n%s\r\n", text);
	write_file(x, name, file, 0600);
	free(file);
}

static void recipient_of(int byte, char text[AGE_RECIPIENT_TEXT])
{
	unsigned char secret[AGE_KEY], public[AGE_KEY];

	memset(secret, byte, sizeof(secret));
	age_recipient_of(secret, public);
	age_recipient_write(public, text);
}

static struct keyring_stanza stanza_for(int byte, const unsigned char file_key[AGE_FILE_KEY])
{
	unsigned char secret[AGE_KEY], public[AGE_KEY];
	struct keyring_stanza s;

	memset(secret, byte, sizeof(secret));
	age_recipient_of(secret, public);
	assert_int_equal(age_wrap(public, file_key, s.share, s.body), 0);
	return s;
}

static struct keyring *open_ring(const struct site *x)
{
	struct keyring *ring = NULL;

	assert_int_equal(keyring_open(x->path, "alice", &ring, &fault), 0);
	return ring;
}

static void order_and_states(void **state)
{
	const struct site *x = *state;
	static const struct {
		const char *file;
		int byte;
		enum keyring_from from;
	} want[] = {
		{"age.alice", 7, KEY_CREDENTIAL},  {"age.alice.next", 8, KEY_CREDENTIAL}, {"2025.key", 1, KEY_ACTIVE},
		{"2026.key", 2, KEY_ACTIVE},	   {"2024.key", 3, KEY_RETIRED},
	};
	char *folder = xasprintf("%s/credentials", x->path), text[AGE_RECIPIENT_TEXT];
	struct keyring *ring;

	write_key(x, KEYS_DIR "/2026.key", 2);
	write_key(x, KEYS_DIR "/2025.key", 1);
	write_key(x, KEYS_DIR "/retired/2024.key", 3);
	write_key(x, KEYS_DIR "/.hidden.key", 4);
	write_file(x, KEYS_DIR "/notes.txt", "no key", 0644);
	write_key(x, "credentials/age.alice", 7);
	write_key(x, "credentials/age.alice.next", 8);
	write_key(x, "credentials/age.alice2", 9);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	ring = open_ring(x);
	assert_int_equal(ring->count, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		recipient_of(want[i].byte, text);
		assert_string_equal(ring->keys[i].file, want[i].file);
		assert_string_equal(ring->keys[i].recipient, text);
		assert_int_equal(ring->keys[i].from, want[i].from);
	}
	assert_ptr_equal(keyring_current(ring), &ring->keys[3]);
	assert_int_equal(keyring_active(ring), 4);
	keyring_free(&ring);
	free(folder);
}

static void a_tenant_without_keys(void **state)
{
	const struct site *x = *state;
	struct keyring *ring = NULL;

	assert_int_equal(keyring_open(x->path, "bob", &ring, &fault), 0);
	assert_int_equal(ring->count, 0);
	assert_null(keyring_current(ring));
	keyring_free(&ring);
}

static void unwraps(void **state)
{
	const struct site *x = *state;
	unsigned char file_key[AGE_FILE_KEY] = "0123456789abcde", found[AGE_FILE_KEY];
	struct keyring_stanza s[3] = {stanza_for(5, file_key), stanza_for(6, file_key), stanza_for(2, file_key)};
	struct keyring_stanza low = {.share = {0}};
	const struct keyring_key *k = NULL;
	struct keyring *ring;

	write_key(x, KEYS_DIR "/1.key", 1);
	write_key(x, KEYS_DIR "/2.key", 2);
	write_key(x, KEYS_DIR "/retired/6.key", 6);
	ring = open_ring(x);
	assert_int_equal(keyring_unwrap(ring, s, 1, false, found, &k, &fault), 0);
	assert_int_equal(keyring_unwrap(ring, s, 3, false, found, &k, &fault), 1);
	assert_memory_equal(found, file_key, AGE_FILE_KEY);
	assert_string_equal(k->file, "2.key");
	/* retired: said by name, and nothing is given */
	assert_int_equal(keyring_unwrap(ring, s, 2, false, found, &k, &fault), -1);
	assert_int_equal(fault.kind, FAULT_KEY);
	assert_non_null(strstr(fault.text, "was retired on 20"));
	assert_true(memcmp(found, file_key, AGE_FILE_KEY) != 0);
	fault_clear(&fault);
	/* but for a file that was taken before */
	assert_int_equal(keyring_unwrap(ring, s, 2, true, found, &k, &fault), 1);
	assert_memory_equal(found, file_key, AGE_FILE_KEY);
	assert_string_equal(k->file, "6.key");
	assert_int_equal(keyring_unwrap(ring, &low, 1, false, found, &k, &fault), -1);
	assert_int_equal(fault.kind, FAULT_DATA);
	keyring_free(&ring);
}

static void refuses(const struct site *x, const char *want)
{
	struct keyring *ring = NULL;

	assert_int_equal(keyring_open(x->path, "alice", &ring, &fault), -1);
	assert_null(ring);
	assert_int_equal(fault.kind, FAULT_KEY);
	if (!strstr(fault.text, want))
		fail_msg("\"%s\" is not in \"%s\"", want, fault.text);
	assert_null(strstr(fault.text, "AGE-SECRET-KEY-1Q"));
	fault_clear(&fault);
}

static void strict_modes(void **state)
{
	const struct site *x = *state;

	write_key(x, KEYS_DIR "/1.key", 1);
	assert_int_equal(fchmodat(x->fd, KEYS_DIR "/1.key", 0640, 0), 0);
	refuses(x, "1.key has mode 0640, others may use it: chmod 600");
	assert_int_equal(fchmodat(x->fd, KEYS_DIR "/1.key", 0400, 0), 0);
	assert_int_equal(fchmodat(x->fd, KEYS_DIR, 0750, 0), 0);
	refuses(x, "has mode 0750, others may use it: chmod 700");
	assert_int_equal(fchmodat(x->fd, KEYS_DIR, 0700, 0), 0);
	assert_int_equal(symlinkat("1.key", x->fd, KEYS_DIR "/2.key"), 0);
	refuses(x, "2.key cannot be opened");
	assert_int_equal(unlinkat(x->fd, KEYS_DIR "/2.key", 0), 0);
	assert_int_equal(mkfifoat(x->fd, KEYS_DIR "/2.key", 0600), 0);
	refuses(x, "2.key is no regular file");
	assert_int_equal(unlinkat(x->fd, KEYS_DIR "/2.key", 0), 0);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(x->fd, KEYS_DIR "/1.key", 4711, 4711, 0), 0);
		refuses(x, "belongs to user 4711");
	}
}

static void bad_files(void **state)
{
	const struct site *x = *state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "1.key holds no identity of age"},
		{"# only a comment\n", "1.key holds no identity of age"},
		{"\nAGE-SECRET-KEY-1QQQQQQQQ\n", "1.key, line 2, is no identity of age"},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\n", "line 1, is no identity of age"},
	};
	char *text = xmalloc(9000);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_file(x, KEYS_DIR "/1.key", cases[i].text, 0600);
		refuses(x, cases[i].want);
	}
	memset(text, '#', 8999);
	text[8999] = '\0';
	write_file(x, KEYS_DIR "/1.key", text, 0600);
	refuses(x, "too long");
	free(text);
	for (int i = 0; i <= KEYRING_MAX; i++) {
		char *name = xasprintf(KEYS_DIR "/%d.key", i);

		write_key(x, name, i + 1);
		free(name);
	}
	refuses(x, "more than 32 keys");
}

/* --- memory --- */

/* The VmFlags of the mapping that holds p. */
static void flags_of(const void *p, char *out, size_t cap)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	bool here = false;
	char line[512];

	assert_non_null(maps);
	out[0] = '\0';
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (unsigned long)(uintptr_t)p >= from && (unsigned long)(uintptr_t)p < to;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(out, cap, "%s", line + 8);
	}
	fclose(maps);
}

static void secrets_are_locked_and_in_no_core(void **state)
{
	const struct site *x = *state;
	struct keyring *ring;
	char flags[512];

	write_key(x, KEYS_DIR "/1.key", 1);
	ring = open_ring(x);
	flags_of(ring->keys[0].secret, flags, sizeof(flags));
	assert_non_null(strstr(flags, " lo "));
	assert_non_null(strstr(flags, " dd "));
	keyring_free(&ring);
}

static void secrets_are_wiped(void **state UNUSED)
{
	unsigned char *p = secret_new(256, &fault), *there = p;

	assert_non_null(p);
	memset(p, 0x5a, 256);
	secret_free(&p, 256);
	assert_null(p);
	/* the arena stays mapped; its own list stands in the first bytes of a free piece */
	for (size_t i = 2 * sizeof(void *); i < 256; i++)
		assert_int_equal(there[i], 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(order_and_states),
		CASE(a_tenant_without_keys),
		CASE(unwraps),
		CASE(strict_modes),
		CASE(bad_files),
		CASE(secrets_are_locked_and_in_no_core),
		cmocka_unit_test(secrets_are_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
