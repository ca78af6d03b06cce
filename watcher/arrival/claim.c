/*
 * claim - take one file out of in/ into work/A so that nobody else can change it; see the header
 *
 * The lease says that nobody has the file open for writing now; the rename takes it out of the
 * tenant's reach; owner and mode stop a descriptor that was kept from being opened again for
 * writing through /proc; the last look at the lease finds a writer that was already waiting in
 * open(2) when the file moved.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/claim.h"
#include "watcher/arrival/claim_side.h"
#include "watcher/arrival/names.h"
#include "watcher/arrival/spares.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* enum claim_result is returned beside a fault that explains it. */
#define FAIL(result, kind, f, ...) (fault_set(f, kind, __VA_ARGS__), (result))
#define FAIL_ERRNO(result, kind, f, ...) (fault_errno(f, kind, __VA_ARGS__), (result))

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool same_content(const struct stat *a, const struct stat *b)
{
	return same_file(a, b) && a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim);
}

static enum claim_result open_failed(struct fault *f)
{
	switch (errno) {
	case ENOENT:
		return FAIL(CLAIM_GONE, FAULT_DATA, f, "it is not in in/ any more");
	case ELOOP:
	case EXDEV:
	case ENXIO:
	case EISDIR:
	case ENODEV:
		return FAIL(CLAIM_NOT_REGULAR, FAULT_DATA, f, "it is not a regular file");
	case EWOULDBLOCK:
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "another program holds a write lease on it");
	case ETXTBSY:
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "another program is using it");
	case EACCES:
	case EPERM:
		return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f, "the daemon may not read it");
	}
	return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot open it");
}

static enum claim_result lease_failed(const struct claim *c, struct fault *f)
{
	switch (errno) {
	case EAGAIN:
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "a writer has it open");
	case EACCES:
	case EPERM:
		return FAIL(CLAIM_NOT_OURS, FAULT_SYSTEM, f,
			    "it belongs to user %u, and the daemon (user %u, without CAP_LEASE) may not "
			    "prove that nobody writes it",
			    (unsigned)c->st.st_uid, (unsigned)geteuid());
	case EINVAL:
	case EOPNOTSUPP:
	case ENOLCK:
	case ENOSYS:
		return FAIL_ERRNO(CLAIM_NO_LEASES, FAULT_SYSTEM, f,
				  "this filesystem has no leases, so that nothing can prove that nobody "
				  "writes it (level plain is refused here)");
	}
	return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot take a read lease");
}

static bool leases_impossible(void)
{
	return errno == EINVAL || errno == EOPNOTSUPP || errno == ENOLCK || errno == ENOSYS;
}

static enum claim_result lease_and_look(struct claim *c, const struct stat *seen, struct fault *f)
{
	if (fstat(c->fd, &c->st) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot look at it");
	if (!S_ISREG(c->st.st_mode))
		return FAIL(CLAIM_NOT_REGULAR, FAULT_DATA, f, "it is not a regular file");
	if (fcntl(c->fd, F_SETLEASE, F_RDLCK) == 0)
		c->leased = true;
	else if (!c->place.unproven || !leases_impossible())
		return lease_failed(c, f);
	/* again: only now can the content not change any more */
	if (fstat(c->fd, &c->st) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot look at it");
	if (seen && (!same_content(&c->st, seen) || !same_time(c->st.st_ctim, seen->st_ctim)))
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "it changed just before the claim");
	if (c->st.st_nlink > 1)
		return FAIL(CLAIM_LINKED, FAULT_DATA, f, "it has %lu names (hard links)",
			    (unsigned long)c->st.st_nlink);
	c->before = c->st;
	return CLAIM_TAKEN;
}

static void set_names(struct claim *c, const char *name)
{
	const char *rule;

	snprintf(c->original, sizeof(c->original), "%s", name);
	c->encoded = names_classify(span_of(name), &rule) == NAMES_ENCODE;
	c->name_rule = c->encoded ? rule : NULL;
	if (c->encoded)
		names_encode(span_of(name), c->stored);
	else
		memcpy(c->stored, c->original, sizeof(c->stored));
}

enum claim_result claim_begin(struct claim *c, const struct claim_place *place, const char *name,
			      const struct stat *seen, struct fault *f)
{
	enum claim_result r;

	CHECK(fs_is_bare_name(span_of(name)) && strlen(name) < sizeof(c->original));
	memset(c, 0, sizeof(*c));
	c->place = *place;
	c->dir_fd = c->side.fd = -1;
	set_names(c, name);
	c->fd = fs_open_beneath(place->in_fd, name, O_RDONLY, 0);
	if (c->fd < 0)
		return open_failed(f);
	r = lease_and_look(c, seen, f);
	if (r == CLAIM_TAKEN)
		r = claim_side_begin(c, f);
	if (r != CLAIM_TAKEN)
		claim_end(c);
	return r;
}

int claim_own_rename(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* a filesystem without RENAME_NOREPLACE */
	if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_fd, from, to_fd, to);
}

static void drop_folder(struct claim *c)
{
	fs_close(&c->dir_fd);
	(void)unlinkat(c->place.work_fd, c->id, AT_REMOVEDIR);
}

static enum claim_result rename_failed(struct fault *f)
{
	switch (errno) {
	case ENOENT:
		return FAIL(CLAIM_GONE, FAULT_DATA, f, "it is not in in/ any more");
	case EXDEV:
		return FAIL(CLAIM_OTHER_DISK, FAULT_SYSTEM, f, "in/ and work/ are on different filesystems");
	case EACCES:
	case EPERM:
		return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f, "the daemon may not move it out of in/");
	}
	return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot move it into work/");
}

enum claim_result claim_move(struct claim *c, struct fault *f)
{
	enum claim_result r;

	ulid_make(clock_now_ms(), c->id);
	crash_point("claim.before-mkdir");
	if (spares_make(c->place.spares, c->place.work_fd, c->id) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot make its folder in work/");
	c->dir_fd = fs_open_beneath(c->place.work_fd, c->id, O_RDONLY | O_DIRECTORY, 0);
	if (c->dir_fd < 0) {
		r = FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot open its folder in work/");
		drop_folder(c);
		return r;
	}
	r = claim_side_move(c, f);
	if (r != CLAIM_TAKEN) {
		drop_folder(c);
		return r;
	}
	crash_point("claim.before-rename");
	/* claim_undo takes the folder away again, and what may be in it */
	if (claim_own_rename(c->place.in_fd, c->original, c->dir_fd, c->stored) < 0)
		return rename_failed(f);
	c->moved = true;
	crash_point("claim.renamed");
	return CLAIM_TAKEN;
}

static enum claim_result take_over(struct claim *c, struct fault *f)
{
	if (c->st.st_uid != geteuid() && fchown(c->fd, geteuid(), (gid_t)-1) < 0)
		return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f,
				  "it belongs to user %u, and the daemon (user %u) may not take it over",
				  (unsigned)c->st.st_uid, (unsigned)geteuid());
	c->owned = true;
	if (fchmod(c->fd, 0400) < 0)
		return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f, "the daemon may not make it read-only");
	crash_point("claim.owned");
	if (fstat(c->fd, &c->st) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot look at it");
	if (c->st.st_nlink > 1)
		return FAIL(CLAIM_LINKED, FAULT_DATA, f, "it has %lu names (hard links)",
			    (unsigned long)c->st.st_nlink);
	if (!same_content(&c->st, &c->before))
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "it changed during the claim");
	return CLAIM_TAKEN;
}

/* A writer that waits in open(2) has been promised the file; it would write when the lease goes. */
static enum claim_result nobody_waits(struct claim *c, struct fault *f)
{
	if (!c->leased)
		return CLAIM_TAKEN;
	if (fcntl(c->fd, F_GETLEASE) != F_RDLCK || fcntl(c->fd, F_SETLEASE, F_RDLCK) < 0)
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "a writer opened it during the claim");
	return CLAIM_TAKEN;
}

enum claim_result claim_prove(struct claim *c, struct fault *f)
{
	enum claim_result r;
	struct stat there;

	CHECK(c->moved);
	if (fstatat(c->dir_fd, c->stored, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot look at it in work/");
	if (!same_file(&there, &c->before))
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "another file took its name during the claim");
	r = take_over(c, f);
	if (r != CLAIM_TAKEN)
		return r;
	if (flock(c->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return FAIL(CLAIM_WRITER, FAULT_DATA, f, "another program holds a lock on it");
		if (!c->place.unproven)
			return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot lock it");
	}
	r = claim_side_prove(c, f);
	return r == CLAIM_TAKEN ? nobody_waits(c, f) : r;
}

static int give_back_owner(struct claim *c, struct fault *f)
{
	if (!c->owned)
		return 0;
	/* the mode first: after the owner is back, only CAP_FOWNER could set it */
	if (fchmod(c->fd, c->before.st_mode & 0777) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give its mode back");
	if (c->before.st_uid != geteuid() && fchown(c->fd, c->before.st_uid, (gid_t)-1) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give it back to user %u",
				   (unsigned)c->before.st_uid);
	c->owned = false;
	return 0;
}

int claim_undo(struct claim *c, struct fault *f)
{
	char other[256];

	crash_point("claim.before-undo");
	if (c->moved) {
		if (give_back_owner(c, f) < 0)
			goto stays;
		snprintf(other, sizeof(other), "%.228s.%s", c->stored, c->id);
		if (claim_own_rename(c->dir_fd, c->stored, c->place.in_fd, c->original) < 0 &&
		    (errno != EEXIST ||
		     claim_own_rename(c->dir_fd, c->stored, c->place.in_fd, other) < 0)) {
			fault_errno(f, FAULT_SYSTEM, "cannot put it back into in/");
			goto stays;
		}
		c->moved = false;
		crash_point("claim.undone");
	}
	if (claim_side_undo(c, f) < 0)
		goto stays;
	if (c->dir_fd >= 0)
		drop_folder(c);
	return 0;
stays:
	fault_prefix(f, "work/%s", c->id);
	return -1;
}

void claim_give_up_lease(struct claim *c)
{
	if (c->leased && c->fd >= 0)
		(void)fcntl(c->fd, F_SETLEASE, F_UNLCK);
	c->leased = false;
	claim_side_unlease(c);
}

void claim_end(struct claim *c)
{
	claim_give_up_lease(c);
	claim_side_end(c);
	fs_close(&c->fd);
	fs_close(&c->dir_fd);
}

enum claim_result claim_take(const struct claim_place *place, const char *name,
			     const struct stat *seen, struct claim *out, struct fault *f)
{
	enum claim_result r = claim_begin(out, place, name, seen, f);
	struct fault undo = FAULT_INIT;

	if (r != CLAIM_TAKEN)
		return r;
	r = claim_move(out, f);
	if (r == CLAIM_TAKEN)
		r = claim_prove(out, f);
	if (r == CLAIM_TAKEN)
		return r;
	if (claim_undo(out, &undo) < 0) {
		*f = undo;
		return CLAIM_BLOCKED;
	}
	claim_end(out);
	return r;
}

enum claim_result claim_probe(const struct claim_place *place, const char *name,
			      const struct stat *seen, struct fault *f)
{
	struct claim c;
	enum claim_result r = claim_begin(&c, place, name, seen, f);

	if (r == CLAIM_TAKEN)
		claim_end(&c);
	return r;
}
