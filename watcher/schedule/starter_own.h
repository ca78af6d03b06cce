/*
 * starter_own - what daemon and starter say to each other; starter.c and starter_serve.c only
 *
 * An order is this struct, for ORDER_START the words of the command line behind it, each with its NUL; its descriptors are errors, then
 * input and socket where they are.  Each order has one answer.
 */
#ifndef SCHEDULE_STARTER_OWN_H
#define SCHEDULE_STARTER_OWN_H

#include "watcher/schedule/spawn.h"

enum starter_order_kind { ORDER_START, ORDER_KILL, ORDER_LIMIT };

#define STARTER_WORDS 256

struct starter_order {
	enum starter_order_kind kind;
	pid_t pid;
	struct spawn_limits limits;
	int nice;
	bool input, socket;
};

struct starter_answer {
	pid_t pid;
	int error; /* errno; 0: done */
};

/* Never returns. */
void starter_serve(int socket, int program) NORETURN;

#endif
