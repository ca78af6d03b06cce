/*
 * circuits_own - a circuit, shared by circuits.c and circuits_view.c only
 */
#ifndef DAEMON_CIRCUITS_OWN_H
#define DAEMON_CIRCUITS_OWN_H

#include "watcher/daemon/circuits.h"

struct circuit {
	char *key;
	enum fault_scope scope;
	char *sink, *credential, *index; /* NULL: all */
	char probe[ULID_TEXT];		 /* "": none */
	int64_t until;			 /* mono */
	int64_t since_ms;		 /* wall */
	unsigned fails;			 /* in a row; 0: suspect */
	bool stalled;			 /* suspect, and its probe gets no answer */
	struct fault fault;
	char *tenant; /* whose file found that: its words may name what is that tenant's */
};

/* Its first attempt gives no sign yet, and the others wait for what becomes of that; nobody is told of it. */
static inline bool is_suspect(const struct circuit *c)
{
	return c->fails == 0;
}

static inline bool waits_for(const struct file *x, const struct circuit *c)
{
	return x->row.state == FILE_WAITING && x->circuit && strcmp(x->circuit, c->key) == 0;
}

#endif
