/*
 * secret_file - a file with a secret, or with a certificate
 *
 *	secret_file_line(-1, "/etc/ingestd/key", "api_key_file", &key, &f)    one line, without its end
 *	secret_file_read(dir_fd, name, what, secret, max, &text, &f)          the whole
 *	secret_file_open(dir_fd, name, what, secret, &fd, &f)                 its descriptor, its mode checked
 *
 * A secret must be a regular file that only its owner, root or the daemon's user, may read.  name NULL: *out stays as it is.
 * dir_fd: the folder of a tenant's files, or -1: name is a path.  what: the key that names it.
 * Ownership: *out is malloc'ed; wipe secrets.
 * Errors: FAULT_KEY with the file and the remedy, never with its content.
 */
#ifndef MODEL_SECRET_FILE_H
#define MODEL_SECRET_FILE_H

#include "watcher/base/fault.h"

int secret_file_open(int dir_fd, const char *name, const char *what, bool secret, int *fd,
		     struct fault *f) MUST_CHECK;
int secret_file_read(int dir_fd, const char *name, const char *what, bool secret, size_t max,
		     char **out, struct fault *f) MUST_CHECK;
int secret_file_line(int dir_fd, const char *name, const char *what, char **out,
		     struct fault *f) MUST_CHECK;

#endif
