/*
 * secret_file - a file with a secret, or with a certificate; see the header
 *
 * Called by the daemon, each time a secret is needed: a new one is in force at once.
 */
#include "watcher/base/base.h"
#include "watcher/model/secret_file.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SECRET_MAX 8192

static int open_file(int dir_fd, const char *name, const char *what, int *fd, struct fault *f)
{
	*fd = dir_fd < 0 ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) :
			   fs_open_beneath(dir_fd, name, O_RDONLY, 0);
	if (*fd < 0)
		return fault_set(f, FAULT_KEY, "%s %s cannot be opened: %s", what, name, strerror(errno));
	return 0;
}

/* Like ssh with its keys: a secret that others can read is none. */
static int check_mode(int fd, const char *name, const char *what, bool secret, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fault_errno(f, FAULT_KEY, "%s %s", what, name);
	if (!S_ISREG(st.st_mode))
		return fault_set(f, FAULT_KEY, "%s %s is no regular file", what, name);
	if (!secret)
		return 0;
	if (st.st_mode & 077)
		return fault_set(f, FAULT_KEY, "%s %s has mode %04o, others can read it: chmod 600 %s", what,
				 name, (unsigned)(st.st_mode & 07777), name);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fault_set(f, FAULT_KEY, "%s %s belongs to user %u, not to the daemon's user or root",
				 what, name, (unsigned)st.st_uid);
	return 0;
}

int secret_file_open(int dir_fd, const char *name, const char *what, bool secret, int *fd,
		     struct fault *f)
{
	if (open_file(dir_fd, name, what, fd, f) < 0)
		return -1;
	if (check_mode(*fd, name, what, secret, f) == 0)
		return 0;
	fs_close(fd);
	return -1;
}

int secret_file_read(int dir_fd, const char *name, const char *what, bool secret, size_t max,
		     char **out, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int fd = -1, r;

	if (!name)
		return 0;
	r = secret_file_open(dir_fd, name, what, secret, &fd, f);
	if (r == 0 && fs_read_fd(fd, max, &sb, f) < 0) {
		f->kind = FAULT_KEY;
		r = fault_prefix(f, "%s %s", what, name);
	}
	fs_close(&fd);
	if (r == 0 && memchr(sb.p, '\0', sb.n))
		r = fault_set(f, FAULT_KEY,
			      "%s %s holds a NUL byte: it must be text, a certificate or its key as PEM "
			      "(openssl x509 -inform der makes that of DER)",
			      what, name);
	if (r == 0)
		*out = strbuf_detach(&sb);
	explicit_bzero(sb.p, sb.n);
	strbuf_release(&sb);
	return r;
}

/* One line, whatever editor wrote it. */
static int trim(char *secret, const char *name, const char *what, struct fault *f)
{
	size_t n;

	if (!secret)
		return 0;
	n = strlen(secret);
	while (n && (secret[n - 1] == '\n' || secret[n - 1] == '\r'))
		secret[--n] = '\0';
	if (!n)
		return fault_set(f, FAULT_KEY, "%s %s is empty", what, name);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)secret[i] < ' ')
			return fault_set(f, FAULT_KEY, "%s %s must hold one line without control characters",
					 what, name);
	if (span_starts(span_of(secret), SPAN_LITERAL("\xef\xbb\xbf")) || !utf8_valid(span_of(secret)))
		return fault_set(f, FAULT_KEY, "%s %s must be UTF-8 without a byte order mark: write it anew as that", what,
				 name);
	return 0;
}

int secret_file_line(int dir_fd, const char *name, const char *what, char **out, struct fault *f)
{
	char *secret = NULL;

	if (secret_file_read(dir_fd, name, what, true, SECRET_MAX, &secret, f) < 0)
		return -1;
	if (trim(secret, name, what, f) < 0) {
		if (secret)
			explicit_bzero(secret, strlen(secret));
		free(secret);
		return -1;
	}
	*out = secret;
	return 0;
}
