/*
 * ipc - packets with descriptors; see the header
 *
 * Source: unix(7), SOCK_SEQPACKET and SCM_RIGHTS.  A truncated packet or control message is a fault, and descriptors
 * that came with it are closed.
 */
#include "watcher/base/ipc.h"
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr header; /* alignment */
	char bytes[CMSG_SPACE(sizeof(int) * IPC_FDS)];
};

int ipc_pair(int out[2], struct fault *f)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) < 0)
		return fault_errno(f, FAULT_SYSTEM, "socketpair");
	return 0;
}

int ipc_send(int fd, struct span text, const int *fds, size_t nfds, struct fault *f)
{
	union control control;
	struct iovec iov = {(void *)(uintptr_t)text.p, text.n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	CHECK(text.n > 0 && text.n <= IPC_MAX && nfds <= IPC_FDS);
	if (nfds) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * nfds);
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fault_errno(f, FAULT_SYSTEM, "send a message");
	return 0;
}

/* Copies at most *nfds descriptors out, closes the rest. */
static void take_fds(struct msghdr *msg, int *fds, size_t *nfds)
{
	size_t room = *nfds;

	*nfds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*nfds < room)
				fds[(*nfds)++] = fd;
			else
				close(fd);
		}
	}
}

static void drop_fds(const int *fds, size_t *nfds)
{
	for (size_t i = 0; i < *nfds; i++)
		close(fds[i]);
	*nfds = 0;
}

int ipc_recv(int fd, struct strbuf *text, int *fds, size_t *nfds, struct fault *f)
{
	union control control;
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	CHECK(*nfds <= IPC_FDS);
	strbuf_reset(text);
	strbuf_reserve(text, IPC_MAX);
	iov.iov_base = text->p;
	iov.iov_len = IPC_MAX;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		*nfds = 0;
		if (errno == ECONNRESET)
			return 0;
		return fault_errno(f, FAULT_SYSTEM, "receive a message");
	}
	take_fds(&msg, fds, nfds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		drop_fds(fds, nfds);
		if (msg.msg_flags & MSG_TRUNC)
			return fault_set(f, FAULT_SYSTEM, "message longer than %d bytes", IPC_MAX);
		return fault_set(f, FAULT_SYSTEM, "message with too many descriptors");
	}
	text->n = (size_t)n;
	text->p[text->n] = '\0';
	if (n > 0)
		return 1;
	drop_fds(fds, nfds);
	return 0;
}

int ipc_sealed(const char *name, struct span content, int *out, struct fault *f)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = -1;

	if (fd < 0)
		return fault_errno(f, FAULT_SYSTEM, "memory to hand over");
	if (fs_write_all(fd, content.p, content.n, f) == 0) {
		r = lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0;
		r = r ? fault_errno(f, FAULT_SYSTEM, "cannot seal memory") : 0;
	}
	if (r < 0)
		fs_close(&fd);
	else
		*out = fd;
	return r;
}
