/*
 * recover - what a dead daemon left behind; see recover.h
 *
 * Called once at start.  Reads names, sizes and modes only, never content.  What cannot be
 * explained is reported and left alone: a file in work/ is somebody's data.  Entries without a row
 * are in adopt.c.
 */
#include "watcher/base/base.h"
#include "watcher/spool/recover.h"

#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_in.h"
#include "watcher/base/map.h"
#include "watcher/spool/adopt.h"
#include "watcher/spool/durable.h"
#include "watcher/spool/place.h"
#include "watcher/spool/retake.h"
#include "watcher/spool/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define RECEIPT_MAX (16 * 1024 * 1024)

struct recovery {
	struct map tenants; /* name -> struct folders */
	struct journal *j;
	recover_fn *fn;
	void *ctx;
	struct file_row *rows; /* the living ones */
	size_t len;
	size_t cap;
};

static const char *const action_names[] = {
	[RECOVER_ADOPT] = "adopt",
	[RECOVER_GIVEN_BACK] = "given-back",
	[RECOVER_WITHDRAWN] = "withdrawn",
	[RECOVER_REQUEUE] = "requeue",
	[RECOVER_RECEIPT] = "receipt",
	[RECOVER_PLACE] = "place",
	[RECOVER_RETAKE] = "retake",
	[RECOVER_WAIT] = "wait",
	[RECOVER_FAIL] = "fail",
	[RECOVER_LOST] = "lost",
	[RECOVER_PLACED_SINCE] = "placed-since",
	[RECOVER_NO_TENANT] = "no-tenant",
	[RECOVER_ODD] = "odd",
};

const char *recover_action_name(enum recover_action a)
{
	CHECK((size_t)a < ARRAY_LEN(action_names));
	return action_names[a];
}

static bool keep_row(void *ctx, const struct file_row *r)
{
	struct recovery *rec = ctx;

	if (rec->len == rec->cap) {
		rec->cap = rec->cap ? rec->cap * 2 : 64;
		rec->rows = xrealloc(rec->rows, rec->cap * sizeof(*rec->rows));
	}
	file_row_copy(r, &rec->rows[rec->len++]);
	return true;
}

/* What a row that wants its file read again finds in work/A. */
static enum recover_action look_at_file(const struct folders *t, const struct file_row *r,
					struct fault *f)
{
	struct stat st;
	int dir = -1;
	int there;

	if (work_open_dir(t, r->arrival, &dir, f) < 0)
		return f->error == ENOENT ? RECOVER_LOST : RECOVER_ODD;
	there = fstatat(dir, r->file, &st, AT_SYMLINK_NOFOLLOW);
	if (there < 0)
		fault_errno(f, FAULT_SYSTEM, "cannot look at %s/work/%s/%s", t->path, r->arrival,
			    r->file);
	close(dir);
	if (there < 0)
		return f->error == ENOENT ? RECOVER_LOST : RECOVER_ODD;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == r->bytes)
		return RECOVER_REQUEUE;
	fault_set_altered(f, "the file has %lld bytes, it had %llu when it was claimed",
			  (long long)st.st_size, (unsigned long long)r->bytes);
	return RECOVER_FAIL;
}

static enum recover_action action_of(const struct folders *t, const struct file_row *r,
				     struct fault *f)
{
	enum recover_action a;

	switch (r->state) {
	case FILE_CLAIMED:
		a = look_at_file(t, r, f);
		/* one that had been read before and comes again is no mere claim */
		return a == RECOVER_LOST && !r->sha256[0] ? RECOVER_WITHDRAWN : a;
	case FILE_IDENTIFIED:
	case FILE_GATED:
	case FILE_LOADING:
	case FILE_UNDOING:
		return look_at_file(t, r, f);
	case FILE_INDEXED:
		return RECOVER_RECEIPT;
	case FILE_REPLACING:
		return RECOVER_RECEIPT;
	case FILE_PLACING:
		return RECOVER_PLACE;
	case FILE_RETAKING:
		return RECOVER_RETAKE;
	case FILE_WAITING:
		return RECOVER_WAIT;
	case FILE_PLACED:
	case FILE_HELD:
		break;
	}
	CHECK(!"a living row");
	return RECOVER_ODD;
}

/* The receipt of this very arrival; *state: its word. */
static bool is_receipt_of(int dir, const char *target, const struct file_row *r, char state[16])
{
	char *name = xasprintf("%s.receipt.json", target);
	int fd = fs_open_beneath(dir, name, O_RDONLY, 0);
	struct strbuf text = STRBUF_INIT;
	struct fault ignored = FAULT_INIT;
	bool mine = false;

	if (fd >= 0 && fs_read_fd(fd, RECEIPT_MAX, &text, &ignored) == 0) {
		struct span id = json_in_member(strbuf_span(&text), "id");
		struct span word = json_in_member(strbuf_span(&text), "state");

		/* with their quotes; a receipt is ours and escapes neither */
		mine = id.n == strlen(r->arrival) + 2 && memcmp(id.p + 1, r->arrival, id.n - 2) == 0 && word.n > 2;
		if (mine)
			snprintf(state, 16, "%.*s", (int)(word.n - 2), word.p + 1);
	}
	strbuf_release(&text);
	fs_close(&fd);
	free(name);
	return mine;
}

/* It is to come out of the place that the row still names. */
static bool is_retaken(const struct file_row *r)
{
	return r->state == FILE_RETAKING || (r->state == FILE_WAITING && r->resume == FILE_RETAKING);
}

/* A receipt where the row was placed before it was wanted back is older than the row. */
static bool is_older(const struct file_row *r, enum folder place, const char *name)
{
	return is_retaken(r) && r->has_folder && place == r->folder && strcmp(name, r->target) == 0;
}

static bool is_placed_since(const struct folders *t, const struct file_row *r, bool *done)
{
	static const enum folder places[] = {FOLDER_DONE, FOLDER_FAILED, FOLDER_HELD};
	char *other = xasprintf("%s.%s", r->file, r->arrival), state[16] = "";
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(places) && !found; i++)
		found = (!is_older(r, places[i], r->file) && is_receipt_of(folders_fd(t, places[i]), r->file, r, state)) ||
			(!is_older(r, places[i], other) && is_receipt_of(folders_fd(t, places[i]), other, r, state));
	*done = strcmp(state, "done") == 0;
	free(other);
	return found;
}

/* PLACING looks at its target by itself; a row that only waits, or is to come back, has not been looked at. */
static enum recover_action judge(const struct folders *t, const struct file_row *r, bool *done, struct fault *f)
{
	enum recover_action a = action_of(t, r, f);
	struct fault ignored = FAULT_INIT;
	bool gone = a == RECOVER_LOST;

	if ((a == RECOVER_WAIT && r->resume != FILE_PLACING) || a == RECOVER_RECEIPT || a == RECOVER_RETAKE)
		gone = look_at_file(t, r, &ignored) == RECOVER_LOST;
	if (gone && is_retaken(r))
		gone = retake_look(t, r, &ignored) == RETAKE_MISSING;
	return gone && is_placed_since(t, r, done) ? RECOVER_PLACED_SINCE : a;
}

static int report_odd(struct recovery *rec, struct folders *t, const char *name,
		      const struct fault *why, struct fault *f)
{
	const struct recovered out = {
		.action = RECOVER_ODD,
		.tenant = t->tenant,
		.folders = t,
		.arrival = name,
		.fault = why,
	};

	return rec->fn(rec->ctx, &out, f);
}

static int recover_row(struct recovery *rec, const struct file_row *r, struct fault *f)
{
	struct fault why = FAULT_INIT;
	struct recovered out = {
		.action = RECOVER_NO_TENANT,
		.tenant = r->tenant,
		.folders = map_get(&rec->tenants, span_of(r->tenant)),
		.row = r,
		.arrival = r->arrival,
		.fault = &why,
	};

	if (out.folders)
		out.action = judge(out.folders, r, &out.placed_done, &why);
	else
		fault_set(&why, FAULT_CONFIG, "tenant %s has no profile", r->tenant);
	if (rec->fn(rec->ctx, &out, f) < 0)
		return -1;
	if (out.action == RECOVER_WITHDRAWN || out.action == RECOVER_PLACED_SINCE) {
		if (place_clean(out.folders, r, &why) < 0)
			return report_odd(rec, out.folders, r->arrival, &why, f);
		crash_point("recover.withdrawn");
	}
	return 0;
}

static int recover_rows(struct recovery *rec, struct fault *f)
{
	if (journal_alive(rec->j, keep_row, rec, f) < 0)
		return -1;
	for (size_t i = 0; i < rec->len; i++)
		if (recover_row(rec, &rec->rows[i], f) < 0)
			return -1;
	return 0;
}

static int recover_unknown(struct recovery *rec, struct folders *t, const char *name,
			   struct fault *f)
{
	struct fault why = FAULT_INIT;
	struct adopted a;
	struct recovered out = {.tenant = t->tenant, .folders = t, .arrival = name, .fault = &why};
	enum adopt_result result = adopt(t, name, &a, &why);

	if (durable_broken()) {
		*f = why;
		return -1;
	}
	switch (result) {
	case ADOPT_EMPTY:
		return 0;
	case ADOPT_ODD:
		return report_odd(rec, t, name, &why, f);
	case ADOPT_PROVEN:
		out.action = RECOVER_ADOPT;
		break;
	case ADOPT_GIVEN_BACK:
		out.action = RECOVER_GIVEN_BACK;
		break;
	}
	out.name = a.name;
	out.size = a.size;
	out.mtime_ms = a.mtime_ms;
	out.claimed_ms = a.claimed_ms;
	if (rec->fn(rec->ctx, &out, f) < 0)
		return -1;
	if (result == ADOPT_PROVEN)
		crash_point("recover.adopted");
	return 0;
}

static int recover_entry(struct recovery *rec, struct folders *t, const char *name, struct fault *f)
{
	struct fault why = FAULT_INIT;
	struct file_row row;
	int r;

	if (!ulid_valid(span_of(name))) {
		fault_set(&why, FAULT_SYSTEM, "'%s' in work/ is no arrival's folder", name);
		return report_odd(rec, t, name, &why, f);
	}
	file_row_init(&row);
	r = journal_by_arrival(rec->j, name, &row, f);
	if (r == 0)
		r = recover_unknown(rec, t, name, f);
	else if (r == 1 && strcmp(row.tenant, t->tenant) != 0) {
		fault_set(&why, FAULT_SYSTEM, "'%s' in work/ is an arrival of tenant %s", name,
			  row.tenant);
		r = report_odd(rec, t, name, &why, f);
	} else if (r == 1 && !file_state_alive(row.state) && place_clean(t, &row, &why) < 0)
		r = report_odd(rec, t, name, &why, f);
	file_row_release(&row);
	return r < 0 ? -1 : 0;
}

static int recover_work(struct recovery *rec, struct folders *t, struct fault *f)
{
	int fd, r = 0;
	DIR *dir;

	if (folders_use(t, f) < 0)
		return -1;
	fd = openat(folders_fd(t, FOLDER_WORK), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fault_errno(f, FAULT_SYSTEM, "cannot read %s/work", t->path);
		fs_close(&fd);
		return -1;
	}
	for (struct dirent *e; r == 0 && (errno = 0, e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = recover_entry(rec, t, e->d_name, f);
	if (r == 0 && errno)
		r = fault_errno(f, FAULT_SYSTEM, "cannot read %s/work", t->path);
	closedir(dir);
	return r;
}

int recover(struct folders *const *folders, size_t count, struct journal *j, recover_fn *fn,
	    void *ctx, struct fault *f)
{
	struct recovery rec = {.j = j, .fn = fn, .ctx = ctx};
	int r;

	map_init(&rec.tenants);
	for (size_t i = 0; i < count; i++)
		map_put(&rec.tenants, span_of(folders[i]->tenant), folders[i]);
	crash_point("recover.begun");
	r = recover_rows(&rec, f);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = recover_work(&rec, folders[i], f);
	if (r == 0)
		crash_point("recover.done");
	for (size_t i = 0; i < rec.len; i++)
		file_row_release(&rec.rows[i]);
	free(rec.rows);
	map_release(&rec.tenants);
	return r;
}
