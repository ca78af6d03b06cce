/*
 * landlock - this process and its children reach the named files and ports, and no other
 *
 *	abi = landlock_abi()                                what the kernel has; 0: nothing
 *	landlock_new(&options, &ll, &f)
 *	landlock_file(ll, "/etc/hosts", LANDLOCK_READ, &f)  a file, or a folder with all below it
 *	landlock_port(ll, 9200, &f)                         TCP, to connect to
 *	landlock_enforce(ll, &f)                            no way back; needs no_new_privs
 *	landlock_free(&ll)
 *
 * What the kernel does not know is left out, and landlock_lacks tells it by name.  Descriptors that are open stay as they are: a worker's
 * input and rejects are given to it so.  Not covered by any kernel so far: stat(2), UDP, Unix sockets with a path.
 * Errors: FAULT_SYSTEM; a path that is not there is one, with f->error ENOENT.  Source: landlock(7), Linux include/uapi/linux/landlock.h.
 */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

enum landlock_access {
	LANDLOCK_READ, /* files and folders */
	LANDLOCK_OWN,  /* also write, make and remove regular files */
};

struct landlock_options {
	bool any_port; /* ports are not restricted */
};

struct landlock;

int landlock_abi(void);
/* What this kernel lacks of what we would use, comma-separated; nothing: it has all. */
void landlock_lacks(int abi, struct strbuf *out);

int landlock_new(const struct landlock_options *o, struct landlock **out, struct fault *f) MUST_CHECK;
void landlock_free(struct landlock **ll);
int landlock_file(struct landlock *ll, const char *path, enum landlock_access access, struct fault *f) MUST_CHECK;
int landlock_port(struct landlock *ll, unsigned port, struct fault *f) MUST_CHECK;
int landlock_enforce(struct landlock *ll, struct fault *f) MUST_CHECK;

#endif
