/*
 * keyring - the age identities of one tenant
 *
 *	keyring_open(profiles, "alice", &ring, &f)          every key, retired ones too; a tenant without keys has an empty ring
 *	keyring_unwrap(ring, stanzas, n, false, file_key, &key, &f)   1: key opens it; 0: none does; -1: FAULT_DATA, FAULT_KEY
 *	keyring_free(&ring)                                 wiped
 *
 * Keys stand in profiles/TENANT/keys, one or more identities of age a file (NAME.key), in order of their names; the last is the
 * current one, which senders are told.  Those in keys/retired open no new file; the ring knows them to say so, and for files that were
 * taken before (to finish them, to take them back, to explain a row).  Under systemd the
 * credentials age.TENANT and age.TENANT.* ($CREDENTIALS_DIRECTORY) are keys too, never the current one beside files.
 * Both folders have mode 0700, files 0600 or 0400, all the user's own or root's: else FAULT_KEY with the remedy.
 * Read anew for each use, so that a key added or retired is in force at once.
 * Ownership: the ring's, secrets in locked memory (base/secret.h).  While a ring is open the process writes no core dump.
 */
#ifndef MODEL_KEYRING_H
#define MODEL_KEYRING_H

#include "watcher/base/age_key.h"
#include "watcher/base/fault.h"

#define KEYRING_MAX 32 /* identities of one tenant, retired ones apart */
#define KEYRING_NAME 256
/* What a sender does; recipients.txt lies beside in/. */
#define KEYRING_LINE "age -R recipients.txt -o FILE.age FILE"
#define KEYS_FOLDER "keys"
#define KEYS_RETIRED "retired"
#define KEYS_SUFFIX ".key"

enum keyring_from { KEY_ACTIVE, KEY_RETIRED, KEY_CREDENTIAL };

struct keyring_key {
	char file[KEYRING_NAME]; /* its name in its folder */
	char recipient[AGE_RECIPIENT_TEXT];
	enum keyring_from from;
	int64_t since_ms; /* when its file was made, or retired */
	unsigned char *secret;
};

struct keyring {
	struct keyring_key *keys; /* credentials, then active ones by name, then retired ones */
	size_t count;
	bool dumpable; /* the process was, before */
};

/* What one recipient needs to find the file key (age's X25519 stanza). */
struct keyring_stanza {
	unsigned char share[AGE_KEY];
	unsigned char body[AGE_BODY];
};

int keyring_open(const char *profiles, const char *tenant, struct keyring **out, struct fault *f) MUST_CHECK;
void keyring_free(struct keyring **ring);
/* The one that senders should use; NULL: the tenant has none. */
const struct keyring_key *keyring_current(const struct keyring *ring);
size_t keyring_active(const struct keyring *ring);
/* taken: the file was taken before.  Else a retired key that would have opened it is a FAULT_KEY that names it. */
int keyring_unwrap(const struct keyring *ring, const struct keyring_stanza *stanzas, size_t n, bool taken,
		   unsigned char file_key[AGE_FILE_KEY], const struct keyring_key **key, struct fault *f) MUST_CHECK;

#endif
