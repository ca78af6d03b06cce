/*
 * ipc - one message a packet over a SOCK_SEQPACKET pair, descriptors beside it
 *
 *	int pair[2]; ipc_pair(pair, &f);
 *	ipc_send(fd, text, fds, nfds, &f);
 *	r = ipc_recv(fd, &sb, fds, &nfds, &f);     1 got one, 0 the other side closed, -1 fault
 *
 * Messages are JSON text of at most IPC_MAX bytes; a longer one is our own error (CHECK).  Non-blocking sockets: ipc_recv
 * returns -1 with f->error == EAGAIN when there is none.  Received descriptors are the caller's, O_CLOEXEC.
 */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

#define IPC_MAX (64 * 1024)
#define IPC_FDS 4

int ipc_pair(int out[2], struct fault *f) MUST_CHECK;
int ipc_send(int fd, struct span text, const int *fds, size_t nfds, struct fault *f) MUST_CHECK;
/* On entry *nfds = room in fds (<= IPC_FDS). */
int ipc_recv(int fd, struct strbuf *text, int *fds, size_t *nfds, struct fault *f) MUST_CHECK;
/* What does not fit into a packet, or is no text for one: a descriptor of memory that nobody can change, at its begin. */
int ipc_sealed(const char *name, struct span content, int *out, struct fault *f) MUST_CHECK;

#endif
