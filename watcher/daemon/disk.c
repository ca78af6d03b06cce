/*
 * disk - is there room?  see the header
 *
 * A timer looks every 2 s, every second while room is short.  Each change is told once in the log; a disk that swings at its mark tells
 * each swing.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/disk.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_SECONDS 2.
#define SHORT_SECONDS 1.
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS 8000 /* it goes on within 10 s of there being room */
#define CALM_MS 60000	   /* so long without a refused write: the next pause is a first one */
#define PROBE_BYTES (64 * 1024)
#define MARK_MOST (64 * 1024 * 1024)
#define MARK_PART 20 /* of the filesystem, at most */
#define USAGE_LOOKS 30 /* between two countings */
#define START_PAUSE_US (500 * 1000)

bool disk_short(const struct ingestd *d)
{
	return d->disk.low || d->disk.full;
}

/* --- the start, before the loop --- */

int disk_wait(struct ingestd *d, int (*step)(struct ingestd *d, struct fault *f), struct fault *f)
{
	int64_t until = d->options.once ? clock_mono_ms() + d->options.wait_ms : INT64_MAX;
	bool said = false;

	while (step(d, f) < 0) {
		if (!fault_no_room(f) || d->fatal || clock_mono_ms() >= until)
			return -1;
		if (!said)
			fprintf(stderr, "ingestd: the start waits for room: %s\n", f->text);
		said = true;
		fault_clear(f);
		usleep(START_PAUSE_US);
	}
	return 0;
}

/* --- the filesystems --- */

/* The folders whose filesystems are written to; NULL: no more. */
static const char *folder_at(const struct config *c, size_t i)
{
	const char *own[] = {c->staging, c->state, c->logs};

	if (i < ARRAY_LEN(own))
		return own[i];
	for (size_t k = 0, n = ARRAY_LEN(own); k < c->sink_count; k++)
		if (c->sinks[k].type == SINK_SQLITE && n++ == i)
			return c->sinks[k].path;
	return NULL;
}

/* A small filesystem is not to be low for ever by what suits a large one. */
static uint64_t mark_of(const struct config *c, const struct statvfs *st)
{
	uint64_t part = (uint64_t)st->f_blocks * st->f_frsize / MARK_PART;

	if (c->min_free_bytes >= 0)
		return (uint64_t)c->min_free_bytes;
	return part < MARK_MOST ? part : MARK_MOST;
}

/* The one that is nearest to its mark, or farthest below it, is kept; *without: one that has no inode. */
static void measure(struct ingestd *d, const char **without)
{
	struct disk *k = &d->disk;
	int64_t least = INT64_MAX;
	const char *folder;

	k->folder = *without = NULL;
	for (size_t i = 0; (folder = folder_at(d->config, i)); i++) {
		struct statvfs st;
		uint64_t room, mark;

		if (statvfs(folder, &st) < 0)
			continue;
		room = (uint64_t)st.f_bavail * st.f_frsize;
		mark = mark_of(d->config, &st);
		if ((int64_t)(room - mark) < least) {
			least = (int64_t)(room - mark);
			k->folder = folder;
			k->free_bytes = room;
			k->mark = mark;
		}
		if (st.f_files && !st.f_favail)
			*without = folder;
	}
}

/* Into reason, when it is low. */
static bool look(struct ingestd *d, char reason[FAULT_TEXT])
{
	struct disk *k = &d->disk;
	struct fault f = FAULT_INIT;
	const char *without;

	measure(d, &without);
	if (k->folder && k->free_bytes < k->mark)
		fault_set(&f, FAULT_SYSTEM, "the filesystem of %s has %llu bytes left, min_free_bytes is %llu",
			  k->folder, (unsigned long long)k->free_bytes, (unsigned long long)k->mark);
	else if (without)
		fault_set(&f, FAULT_SYSTEM, "the filesystem of %s has no inode left", without);
	memcpy(reason, f.text, FAULT_TEXT);
	return f.kind != FAULT_NONE;
}

/* A file without a name, so that nothing of it is ever left; a filesystem that has none is taken at its word. */
static bool can_write(const char *folder, struct fault *f)
{
	static const char bytes[PROBE_BYTES];
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return errno != ENOSPC && errno != EDQUOT;
	r = fs_write_all(fd, bytes, sizeof(bytes), f);
	close(fd);
	return r == 0 || !fault_no_room(f);
}

static bool can_write_everywhere(const struct ingestd *d)
{
	struct fault f = FAULT_INIT;
	const char *folder;

	for (size_t i = 0; (folder = folder_at(d->config, i)); i++)
		if (!can_write(folder, &f))
			return false;
	return true;
}

/* --- changes --- */

static void say(struct ingestd *d)
{
	struct disk *k = &d->disk;
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "reason", span_of(k->reason));
	if (k->usage.tenant[0]) {
		log_add_pair(&sb, "largest_tenant", span_of(k->usage.tenant));
		strbuf_addf(&sb, " largest_tenant_bytes=%llu", (unsigned long long)k->usage.bytes);
	}
	event(d, k->full ? EV_DISK_FULL : EV_DISK_LOW, "%s", sb.p);
	strbuf_release(&sb);
}

static void set_timer(struct ingestd *d)
{
	d->disk.timer.repeat = disk_short(d) ? SHORT_SECONDS : LOOK_SECONDS;
	ev_timer_again(d->loop, &d->disk.timer);
}

/* What stopped for want of room goes on. */
static void go_on(struct ingestd *d, bool was_short)
{
	for (size_t i = map_len(&d->files); !d->disk.full && i-- > 0 && !d->fatal && !d->stopping;) {
		struct file *x = map_value(&d->files, i);

		if (x->waits_room && x->row.state == FILE_WAITING)
			file_wake(d, x);
	}
	if (!was_short || disk_short(d))
		return;
	event(d, EV_DISK_WELL, "free_bytes=%llu", (unsigned long long)d->disk.free_bytes);
	for (size_t i = 0; i < map_len(&d->tenants); i++)
		tenants_file_gone(d, map_value(&d->tenants, i));
	starts_look(d);
}

static void change(struct ingestd *d, bool low, bool full, const char *reason)
{
	struct disk *k = &d->disk;
	bool was_short = disk_short(d), worse = (low && !k->low) || (full && !k->full), was_full = k->full;

	k->low = low;
	k->full = full;
	if (!was_short && disk_short(d)) {
		k->since_ms = clock_now_ms();
		k->usage.tenant[0] = k->named[0] = '\0';
		k->usage_in = 0;
		retention_look(d); /* what is due may go now */
	}
	if (disk_short(d) && (worse || !full))
		snprintf(k->reason, sizeof(k->reason), "%s", reason);
	if (worse)
		say(d);
	set_timer(d);
	ingestd_gates(d);
	if (was_short && (!disk_short(d) || (was_full && !full)))
		go_on(d, was_short);
}

void disk_fault(struct ingestd *d, const struct fault *f)
{
	struct disk *k = &d->disk;
	int64_t now = clock_mono_ms(), pause = PAUSE_FIRST_MS;

	if (!fault_no_room(f) || d->fatal || k->full)
		return;
	k->tries = now - k->full_ms > CALM_MS || !k->full_ms ? 0 : k->tries + 1;
	for (unsigned i = 0; i < k->tries && pause < PAUSE_MOST_MS; i++)
		pause *= 2;
	k->full_ms = now;
	k->probe_ms = now + pause;
	change(d, k->low, true, f->text);
}

static void on_look(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;
	struct disk *k = &d->disk;
	char reason[FAULT_TEXT];
	bool low, full;

	(void)loop;
	(void)events;
	if (d->fatal)
		return;
	low = look(d, reason);
	full = k->full && (clock_mono_ms() < k->probe_ms || !can_write_everywhere(d));
	change(d, low, full, reason);
	if (!disk_short(d))
		return;
	if (!k->usage_in--) {
		k->usage_in = USAGE_LOOKS;
		disk_usage_ask(&k->usage, d->config, &d->tenants);
	}
}

static void on_usage(void *ctx)
{
	struct ingestd *d = ctx;

	struct disk *k = &d->disk;

	if (!disk_short(d) || strcmp(k->named, k->usage.tenant) == 0)
		return;
	snprintf(k->named, sizeof(k->named), "%s", k->usage.tenant);
	say(d);
}

void disk_start(struct ingestd *d)
{
	struct disk *k = &d->disk;

	disk_usage_init(&k->usage, d->loop, on_usage, d);
	ev_init(&k->timer, on_look);
	k->timer.data = d;
	on_look(d->loop, &k->timer, 0);
}

void disk_stop(struct ingestd *d)
{
	ev_timer_stop(d->loop, &d->disk.timer);
	disk_usage_stop(&d->disk.usage);
}

void disk_add_json(const struct ingestd *d, struct strbuf *out)
{
	const struct disk *k = &d->disk;
	bool is_short = disk_short(d);

	strbuf_addc(out, '{');
	json_pair_string(out, "state", k->full ? "full" : k->low ? "low" : "well");
	json_pair_string(out, "reason", is_short ? k->reason : NULL);
	json_pair_time(out, "since", is_short ? k->since_ms : 0);
	json_pair_string(out, "folder", k->folder);
	json_pair_u64(out, "free_bytes", k->free_bytes);
	json_pair_u64(out, "min_free_bytes", k->mark);
	json_pair_string(out, "largest_tenant", is_short && k->usage.tenant[0] ? k->usage.tenant : NULL);
	json_pair_u64(out, "largest_tenant_bytes", is_short ? k->usage.bytes : 0);
	strbuf_addc(out, '}');
}
