/*
 * durables - receipts and moves of one turn; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/durables.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/durable.h"
#include <fcntl.h>
#include <sys/stat.h>

struct durable {
	char arrival[ULID_TEXT]; /* a step behind it may have dropped the file */
	bool is_move;
	struct place_receipt receipt; /* no move */
	struct place_moved moved;     /* a move */
	struct stat target;	      /* of that one's folder, when it is fsynced */
};

static struct durable *add(struct ingestd *d, const struct file *x)
{
	struct durables *all = &d->turn.durables;
	struct durable *one;

	if (all->len == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 64;
		all->list = xrealloc(all->list, all->cap * sizeof(*all->list));
	}
	one = &all->list[all->len++];
	*one = (struct durable){.is_move = false};
	memcpy(one->arrival, x->row.arrival, sizeof(one->arrival));
	return one;
}

void durables_receipt(struct ingestd *d, const struct file *x, const struct place_receipt *receipt)
{
	add(d, x)->receipt = *receipt;
}

void durables_moved(struct ingestd *d, const struct file *x, const struct place_moved *moved)
{
	struct durable *one = add(d, x);

	one->is_move = true;
	one->moved = *moved;
}

static void start_writing(const struct durables *all, struct durable_batch *b)
{
	struct fault ignored = FAULT_INIT; /* it is told again to whoever relies on it */

	for (size_t i = 0; i < all->len; i++)
		if (!all->list[i].is_move && durable_batch_has(b, all->list[i].receipt.fd, &ignored) == 0)
			/* only a head start */
			(void)sync_file_range(all->list[i].receipt.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* Not between two of them: a rename would give the next one's fsync something to write again. */
static void sync_receipts(struct ingestd *d, struct durable_batch *b)
{
	for (size_t i = 0; i < d->turn.durables.len && !d->fatal; i++) {
		struct durable *one = &d->turn.durables.list[i];
		struct fault f = FAULT_INIT;

		/* one that is not there is written again when the file is moved */
		if (!one->is_move)
			(void)turn_ok(d, place_receipt_sync(&one->receipt, b, &f), &f);
	}
}

static void name_receipts(struct ingestd *d)
{
	for (size_t i = 0; i < d->turn.durables.len && !d->fatal; i++) {
		struct durable *one = &d->turn.durables.list[i];
		struct fault f = FAULT_INIT;

		if (!one->is_move)
			(void)turn_ok(d, place_receipt_name(&one->receipt, &f), &f);
	}
}

static void end_receipts(struct ingestd *d, struct durable_batch *b)
{
	for (size_t i = 0; i < d->turn.durables.len; i++) {
		struct durable *one = &d->turn.durables.list[i];
		struct fault f = FAULT_INIT;

		one->receipt.named = one->receipt.named && !d->fatal;
		if (!one->is_move)
			(void)turn_ok(d, place_receipt_end(&one->receipt, b, &f), &f);
	}
}

/* Once for all that were moved into the same one: the last of their moves was before the first of these calls. */
static bool sync_target(struct ingestd *d, const struct file *x, size_t at, struct durable_batch *b, struct fault *f)
{
	struct durable *list = d->turn.durables.list, *one = &list[at];

	if (fstat(one->moved.target, &one->target) < 0)
		return turn_ok(d, fault_errno(f, FAULT_SYSTEM, "stat %s", folder_name(x->row.folder)), f);
	while (at-- > 0)
		if (list[at].is_move && list[at].target.st_ino == one->target.st_ino && list[at].target.st_dev == one->target.st_dev)
			return true;
	if (turn_ok(d, durable_batch_fsync(b, one->moved.target, folder_name(x->row.folder), f), f))
		return true;
	one->target = (struct stat){0};
	return false;
}

static void sync_moves(struct ingestd *d, struct durable_batch *b)
{
	for (size_t i = 0; i < d->turn.durables.len; i++) {
		struct durable *one = &d->turn.durables.list[i];
		struct file *x = one->is_move ? file_find(d, one->arrival) : NULL;
		struct fault f = FAULT_INIT;

		if (x && !d->fatal)
			x->unsynced = !sync_target(d, x, i, b, &f) ||
				      !turn_ok(d, place_sync(x->tenant->folders, &x->row, &one->moved, false, b, &f), &f);
		if (one->is_move)
			place_moved_close(&one->moved);
	}
}

void durables_run(struct ingestd *d)
{
	struct durables *all = &d->turn.durables;
	struct durable_batch texts = durable_batch(all->len), names = texts;

	if (!all->len)
		return;
	start_writing(all, &texts);
	sync_receipts(d, &texts);
	name_receipts(d);
	end_receipts(d, &names);
	sync_moves(d, &names);
	all->len = 0;
}

void durables_release(struct ingestd *d)
{
	free(d->turn.durables.list);
	d->turn.durables = (struct durables){0};
}
