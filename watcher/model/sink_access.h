/*
 * sink_access - how a sink is reached: its addresses and one credential, secrets and all
 *
 *	sink_access_read(&sink, &credential, dir_fd, &a, &f)    daemon: reads the files, each time, so that a new key is in force at once
 *	sink_access_put(&a, &fd, &f)                            into a sealed descriptor of memory, for the worker
 *	sink_access_take(fd, &a, &f)                            worker
 *	sink_access_release(&a)                                 and wipes
 *
 * A file with a secret must be a regular file that only its owner, root or the daemon's user, may read; a key has no line break in
 * it but the last.  Secrets are in this struct, in that memory and in libcurl, nowhere else.
 * Errors: FAULT_KEY with the file and the remedy, never with its content.
 */
#ifndef MODEL_SINK_ACCESS_H
#define MODEL_SINK_ACCESS_H

#include "watcher/model/config.h"

struct sink_access {
	char **urls;
	size_t url_count;
	char *username; /* NULL: none, as below */
	char *password;
	char *api_key; /* encoded */
	char *ca;      /* PEM texts */
	char *cert;
	char *key;
};

/* dir_fd: the folder of a tenant's credential files, or -1: they are paths. */
int sink_access_read(const struct sink_config *s, const struct sink_credential *c, int dir_fd,
		     struct sink_access *out, struct fault *f) MUST_CHECK;
int sink_access_put(const struct sink_access *a, int *fd, struct fault *f) MUST_CHECK;
int sink_access_take(int fd, struct sink_access *out, struct fault *f) MUST_CHECK;
void sink_access_release(struct sink_access *a);

#endif
