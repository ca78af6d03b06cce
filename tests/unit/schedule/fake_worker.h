/*
 * fake_worker - a worker whose file's name says what it does: "ok", "drop", "segv", "kill", "exit", "babble", "silent", "unwrap", ...
 *
 * Speaks on descriptor 3 as ingest-worker does; fake_worker() does not return.
 */
#ifndef TEST_SCHEDULE_FAKE_WORKER_H
#define TEST_SCHEDULE_FAKE_WORKER_H

#include "watcher/base/base.h"
#include "watcher/base/ipc.h"
#include "watcher/model/message.h"
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static void send_message(struct message *m, const char *arrival)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	snprintf(m->arrival, sizeof(m->arrival), "%s", arrival);
	if (m->type == MESSAGE_GATED) {
		memset(m->sha256, 'a', DIGEST_HEX - 1);
		memset(m->delivery, 'a', DELIVERY_TEXT - 1);
	}
	message_write(m, &sb);
	if (ipc_send(3, strbuf_span(&sb), NULL, 0, &f) < 0)
		_exit(9);
	strbuf_release(&sb);
}

static void say(enum message_type type, const char *arrival)
{
	struct message m;

	message_init(&m, type);
	send_message(&m, arrival);
	message_release(&m);
}

static bool receive(struct message *m)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int fds[IPC_FDS];
	size_t n = IPC_FDS;

	if (ipc_recv(3, &sb, fds, &n, &f) <= 0)
		return false;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	if (message_parse(strbuf_span(&sb), m, &f) < 0)
		_exit(8);
	strbuf_release(&sb);
	return true;
}

static void be_bad(const char *file, const char *arrival)
{
	struct fault f = FAULT_INIT;

	if (strcmp(file, "segv") == 0)
		raise(SIGSEGV);
	else if (strcmp(file, "kill") == 0)
		raise(SIGKILL);
	else if (strcmp(file, "exit") == 0)
		_exit(5);
	else if (strcmp(file, "silent") == 0)
		pause();
	else if (strcmp(file, "close") == 0) {
		close(3);
		pause();
	} else if (strcmp(file, "babble") == 0)
		(void)!ipc_send(3, SPAN_LITERAL("{\"type\":\"nonsense\"}"), NULL, 0, &f);
	else if (strcmp(file, "early") == 0)
		say(MESSAGE_CHECKPOINT, arrival);
	else if (strcmp(file, "gives key") == 0)
		say(MESSAGE_KEY, arrival);
	else if (strcmp(file, "stranger") == 0)
		say(MESSAGE_GATED, "01M85P8SAH5NWN36TH784ZGCJ2");
	else if (strcmp(file, "noise") == 0)
		fprintf(stderr, "one line\nand \033[31manother");
}

/* Two questions, as for a file with more recipients than one holds; the second is answered with a key. */
static void unwrap(const char *arrival)
{
	struct message m, answer;

	for (int i = 0; i < 2; i++) {
		message_init(&m, MESSAGE_UNWRAP);
		m.stanza_count = 1;
		m.stanzas[0].share[0] = (unsigned char)i;
		send_message(&m, arrival);
		message_release(&m);
		if (!receive(&answer) || answer.type != MESSAGE_KEY || answer.has_file_key != (i == 1))
			_exit(7);
		message_release(&answer);
	}
}

static void gate(const struct message *m)
{
	say(MESSAGE_PROGRESS, m->arrival);
	be_bad(m->file, m->arrival);
	if (strstr(m->file, "unwrap"))
		unwrap(m->arrival);
	say(MESSAGE_GATED, m->arrival);
}

static void load_it(const struct message *m)
{
	if (strstr(m->file, "unwrap"))
		unwrap(m->arrival);
	say(MESSAGE_RESULT, m->arrival);
	if (strcmp(m->file, "last") == 0)
		raise(SIGSEGV); /* after the result: the result counts */
}

#define FAKE_GROUP 64

/* A job, or all of a group: gated one behind the other, and told when all are answered. */
static inline void fake_worker(void)
{
	struct message all[FAKE_GROUP], answers[FAKE_GROUP];

	signal(SIGSEGV, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		size_t n = 0;

		do
			if (!receive(&all[n]))
				_exit(0);
		while (all[n++].more && n < FAKE_GROUP);
		for (size_t i = 0; i < n; i++)
			gate(&all[i]);
		for (size_t i = 0; i < n; i++)
			if (!receive(&answers[i]) || strcmp(answers[i].arrival, all[i].arrival) != 0)
				_exit(0);
		for (size_t i = 0; i < n; i++) {
			if (answers[i].type == MESSAGE_LOAD)
				load_it(&all[i]);
			message_release(&answers[i]);
			message_release(&all[i]);
		}
	}
}

#endif
