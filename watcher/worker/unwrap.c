/*
 * unwrap - the key of an encrypted file; see the header
 *
 * Called while a pass opens its input.  The file key stays in the task for its second pass and is wiped with it.
 */
#include "watcher/base/base.h"
#include "watcher/worker/unwrap.h"
#include "watcher/base/crash.h"
#include "watcher/base/ipc.h"
#include "watcher/model/keyring.h"
#include "watcher/worker/local.h"
#include "watcher/worker/task.h"

static int no_key(const struct age_header *h, const char *tenant, struct fault *f)
{
	return fault_set(f, FAULT_KEY,
			 "no key of tenant %s opens the file: it is encrypted to %zu recipient%s, none of them one of ours; "
			 "encrypt it with: " KEYRING_LINE " (recipients.txt lies beside in/)",
			 tenant, h->x25519_count, h->x25519_count == 1 ? "" : "s");
}

static size_t take_stanzas(const struct age_header *h, size_t from, struct keyring_stanza out[MESSAGE_STANZAS])
{
	size_t n = 0;

	for (; n < MESSAGE_STANZAS && from + n < h->x25519_count; n++) {
		memcpy(out[n].share, h->x25519[from + n].share, AGE_KEY);
		memcpy(out[n].body, h->x25519[from + n].body, AGE_BODY);
	}
	return n;
}

/* --- the daemon --- */

static int receive(struct task *t, struct message *m, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	size_t none = 0;
	int r = ipc_recv(t->socket, &text, NULL, &none, f);

	if (r == 0)
		r = fault_set(f, FAULT_SYSTEM, "the daemon is gone");
	else if (r == 1)
		r = message_parse(strbuf_span(&text), m, f);
	explicit_bzero(text.p, text.n);
	strbuf_release(&text);
	if (r < 0)
		return -1;
	if (m->type == MESSAGE_KEY && strcmp(m->arrival, t->job.arrival) == 0)
		return 0;
	t->ill_formed = true;
	fault_set(f, FAULT_SYSTEM, "expected a key, got %s", message_type_name(m->type));
	message_release(m);
	return -1;
}

/* 1: the key; 0: none of these is ours; *why: the first reason that was given. */
static int ask(struct task *t, const struct age_header *h, size_t from, struct fault *why, struct fault *f)
{
	struct message m;

	t->stanza_count = take_stanzas(h, from, t->stanzas);
	if (task_say(t, MESSAGE_UNWRAP) < 0)
		return fault_set(f, FAULT_SYSTEM, "the daemon is gone");
	crash_point("unwrap");
	if (receive(t, &m, f) < 0)
		return -1;
	if (m.has_file_key) {
		memcpy(t->file_key, m.file_key, AGE_FILE_KEY);
		t->has_file_key = true;
	} else if (m.fault.kind != FAULT_NONE && why->kind == FAULT_NONE) {
		*why = m.fault;
	}
	message_release(&m);
	return t->has_file_key;
}

static int find_by_asking(void *context, const struct age_header *h, unsigned char file_key[AGE_FILE_KEY],
			  struct fault *f)
{
	struct fault why = FAULT_INIT;
	struct task *t = context;

	for (size_t i = 0; i < h->x25519_count && !t->has_file_key; i += MESSAGE_STANZAS)
		if (ask(t, h, i, &why, f) < 0)
			return -1;
	if (t->has_file_key) {
		memcpy(file_key, t->file_key, AGE_FILE_KEY);
		return 0;
	}
	if (why.kind == FAULT_NONE)
		return no_key(h, t->job.tenant, f);
	*f = why;
	return -1;
}

struct layers_keys unwrap_asking(struct task *t)
{
	return (struct layers_keys){find_by_asking, t};
}

/* --- here --- */

static int find_in(const struct keyring *ring, const struct age_header *h, const struct local_keys *local,
		   unsigned char file_key[AGE_FILE_KEY], struct fault *f)
{
	struct keyring_stanza stanzas[MESSAGE_STANZAS];
	const struct keyring_key *key;
	int r = 0;

	for (size_t i = 0; i < h->x25519_count && r == 0; i += MESSAGE_STANZAS)
		r = keyring_unwrap(ring, stanzas, take_stanzas(h, i, stanzas), local->taken, file_key, &key, f);
	if (r == 0)
		return no_key(h, local->tenant, f);
	return r == 1 ? 0 : -1;
}

static int find_locally(void *context, const struct age_header *h, unsigned char file_key[AGE_FILE_KEY],
			struct fault *f)
{
	const struct local_keys *local = context;
	struct keyring *ring = NULL;
	char *profiles = NULL;
	int r = local_profiles(local->config, &profiles, f);

	if (r == 0)
		r = keyring_open(profiles, local->tenant, &ring, f);
	if (r == 0)
		r = find_in(ring, h, local, file_key, f);
	keyring_free(&ring);
	free(profiles);
	return r;
}

struct layers_keys unwrap_local(struct local_keys *local)
{
	return (struct layers_keys){find_locally, local};
}
