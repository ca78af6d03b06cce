/*
 * claim_side - NAME.sha256 goes into work/A with NAME; see the header
 *
 * A sidecar that cannot be proven keeps its file in in/: taken without it the file would be read unchecked.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/claim_side.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/sidecar.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FAIL(result, kind, f, ...) (fault_set(f, kind, __VA_ARGS__), (result))
#define FAIL_ERRNO(result, kind, f, ...) (fault_errno(f, kind, __VA_ARGS__), (result))

static enum claim_result no_side(const struct claim *c, struct fault *f)
{
	if (!c->place.needs_side)
		return CLAIM_TAKEN;
	return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "its checksum is not in in/ any more");
}

static enum claim_result open_failed(const char *name, struct fault *f)
{
	if (errno == EWOULDBLOCK || errno == ETXTBSY)
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "another program is using %s", name);
	return FAIL_ERRNO(CLAIM_CHANGED, FAULT_DATA, f, "cannot open %s", name);
}

static enum claim_result lease(struct claim *c, const char *name, struct fault *f)
{
	if (fcntl(c->side.fd, F_SETLEASE, F_RDLCK) == 0) {
		c->side.leased = true;
		return CLAIM_TAKEN;
	}
	if (errno == EAGAIN)
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "a writer has %s open", name);
	/* the file itself was leased, or is taken unproven: so is this */
	if (c->place.unproven)
		return CLAIM_TAKEN;
	return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f, "nothing can prove that nobody writes %s", name);
}

static enum claim_result look(struct claim *c, const char *name, struct fault *f)
{
	struct stat *st = &c->side.before;

	if (fstat(c->side.fd, st) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot look at %s", name);
	if (!S_ISREG(st->st_mode))
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "%s is not a regular file", name);
	if (st->st_nlink > 1)
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "%s has %lu names (hard links)", name,
			    (unsigned long)st->st_nlink);
	return CLAIM_TAKEN;
}

/* The one that is there; two would have to agree, and which is newer nobody knows. */
static enum claim_result open_one(struct claim *c, struct fault *f)
{
	char name[256];
	int fd;

	for (size_t i = 0; i < (c->place.sum_only ? SIDECAR_SUM + 1 : SIDECAR_KINDS); i++) {
		if (!sidecar_name(c->original, (enum sidecar_kind)i, name))
			continue;
		fd = fs_open_beneath(c->place.in_fd, name, O_RDONLY, 0);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return open_failed(name, f);
		if (c->side.fd >= 0) {
			close(fd);
			return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "%s and %s are both there: remove one of them", c->side.name, name);
		}
		c->side.fd = fd;
		memcpy(c->side.name, name, sizeof(name));
	}
	return c->side.fd < 0 ? no_side(c, f) : CLAIM_TAKEN;
}

enum claim_result claim_side_begin(struct claim *c, struct fault *f)
{
	enum claim_result r;

	c->side.fd = -1;
	if (c->encoded)
		return no_side(c, f);
	r = open_one(c, f);
	if (r != CLAIM_TAKEN || c->side.fd < 0)
		return r;
	r = look(c, c->side.name, f);
	if (r == CLAIM_TAKEN)
		r = lease(c, c->side.name, f);
	/* again: only now can it not change any more */
	return r == CLAIM_TAKEN ? look(c, c->side.name, f) : r;
}

enum claim_result claim_side_move(struct claim *c, struct fault *f)
{
	const char *name = c->side.name;

	if (c->side.fd < 0)
		return CLAIM_TAKEN;
	crash_point("claim.before-sidecar");
	if (claim_own_rename(c->place.in_fd, name, c->dir_fd, name) < 0)
		return FAIL_ERRNO(errno == ENOENT ? CLAIM_CHANGED : CLAIM_BLOCKED,
				  errno == ENOENT ? FAULT_DATA : FAULT_SYSTEM, f, "cannot move %s into work/", name);
	c->side.moved = true;
	crash_point("claim.sidecar-renamed");
	return CLAIM_TAKEN;
}

static enum claim_result take_over(struct claim *c, const char *name, struct fault *f)
{
	const struct stat *before = &c->side.before;
	struct stat now;

	if (before->st_uid != geteuid() && fchown(c->side.fd, geteuid(), (gid_t)-1) < 0)
		return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f, "the daemon may not take %s over", name);
	c->side.owned = true;
	if (fchmod(c->side.fd, 0400) < 0)
		return FAIL_ERRNO(CLAIM_NOT_OURS, FAULT_SYSTEM, f, "the daemon may not make %s read-only", name);
	if (fstat(c->side.fd, &now) < 0 || now.st_nlink > 1 || now.st_size != before->st_size ||
	    now.st_mtim.tv_sec != before->st_mtim.tv_sec || now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "%s changed during the claim", name);
	if (c->side.leased && (fcntl(c->side.fd, F_GETLEASE) != F_RDLCK || fcntl(c->side.fd, F_SETLEASE, F_RDLCK) < 0))
		return FAIL(CLAIM_WRITER, FAULT_DATA, f, "a writer opened %s during the claim", name);
	return CLAIM_TAKEN;
}

enum claim_result claim_side_prove(struct claim *c, struct fault *f)
{
	const char *name = c->side.name;
	struct stat there;

	if (c->side.fd < 0)
		return CLAIM_TAKEN;
	CHECK(c->side.moved);
	if (fstatat(c->dir_fd, name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return FAIL_ERRNO(CLAIM_BLOCKED, FAULT_SYSTEM, f, "cannot look at %s in work/", name);
	if (there.st_dev != c->side.before.st_dev || there.st_ino != c->side.before.st_ino)
		return FAIL(CLAIM_CHANGED, FAULT_DATA, f, "another file took the name %s during the claim", name);
	return take_over(c, name, f);
}

static int give_back_owner(struct claim *c, const char *name, struct fault *f)
{
	const struct stat *before = &c->side.before;

	if (!c->side.owned)
		return 0;
	if (fchmod(c->side.fd, before->st_mode & 0777) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give the mode of %s back", name);
	if (before->st_uid != geteuid() && fchown(c->side.fd, before->st_uid, (gid_t)-1) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give %s back to user %u", name, (unsigned)before->st_uid);
	c->side.owned = false;
	return 0;
}

int claim_side_undo(struct claim *c, struct fault *f)
{
	const char *name = c->side.name;

	if (!c->side.moved)
		return 0;
	if (give_back_owner(c, name, f) < 0)
		return -1;
	if (claim_own_rename(c->dir_fd, name, c->place.in_fd, name) < 0) {
		if (errno != EEXIST)
			return fault_errno(f, FAULT_SYSTEM, "cannot put %s back into in/", name);
		/* a newer one is there: it speaks for the file that comes with it */
		if (unlinkat(c->dir_fd, name, 0) < 0)
			return fault_errno(f, FAULT_SYSTEM, "cannot remove the older %s", name);
	}
	c->side.moved = false;
	return 0;
}

void claim_side_unlease(struct claim *c)
{
	if (c->side.leased && c->side.fd >= 0)
		(void)fcntl(c->side.fd, F_SETLEASE, F_UNLCK);
	c->side.leased = false;
}

void claim_side_end(struct claim *c)
{
	claim_side_unlease(c);
	fs_close(&c->side.fd);
}
