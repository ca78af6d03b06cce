/*
 * pending - the rows that the sink has not answered; see the header
 *
 * Called by the load for each document.  Owns the ring; cannot fail.
 */
#include "watcher/base/base.h"
#include "watcher/worker/pending.h"

#define FIRST_CAP 1024

static struct pending_row *at(const struct pending *p, size_t i)
{
	return &p->rows[(p->head + i) & (p->cap - 1)];
}

static void grow(struct pending *p)
{
	size_t cap = p->cap ? p->cap * 2 : FIRST_CAP;
	struct pending_row *rows = xmalloc(cap * sizeof(*rows));

	for (size_t i = 0; i < p->count; i++)
		rows[i] = *at(p, i);
	free(p->rows);
	p->rows = rows;
	p->head = 0;
	p->cap = cap;
}

void pending_push(struct pending *p, const struct record *rec)
{
	CHECK(p->count == 0 || at(p, p->count - 1)->row < rec->row);
	if (p->count == p->cap)
		grow(p);
	p->count++;
	*at(p, p->count - 1) = (struct pending_row){rec->row, rec->line, rec->offset, rec->raw.n,
						    p->bytes_from + p->bytes.n};
	if (p->keep)
		strbuf_addspan(&p->bytes, rec->raw);
}

struct span pending_bytes(const struct pending *p, const struct pending_row *row)
{
	CHECK(p->keep && row->kept >= p->bytes_from);
	return (struct span){p->bytes.p + (row->kept - p->bytes_from), row->length};
}

/* Half of the bytes at least go at a time, so that a byte is moved once at most on average. */
static void drop_bytes(struct pending *p)
{
	size_t gone = p->count ? (size_t)(at(p, 0)->kept - p->bytes_from) : p->bytes.n;

	if (gone < p->bytes.n - gone || !gone)
		return;
	memmove(p->bytes.p, p->bytes.p + gone, p->bytes.n - gone);
	strbuf_cut(&p->bytes, p->bytes.n - gone);
	p->bytes_from += gone;
}

const struct pending_row *pending_find(const struct pending *p, uint64_t row)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at(p, middle)->row < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->count && at(p, low)->row == row ? at(p, low) : NULL;
}

void pending_trim(struct pending *p, uint64_t oldest)
{
	if (!oldest)
		p->count = 0;
	while (p->count && at(p, 0)->row < oldest) {
		p->head = (p->head + 1) & (p->cap - 1);
		p->count--;
	}
	drop_bytes(p);
}

void pending_release(struct pending *p)
{
	free(p->rows);
	strbuf_release(&p->bytes);
	*p = (struct pending)PENDING_INIT;
}
