/*
 * books - the rows between the acknowledged prefix and the reader; see the header
 *
 * Called by the load for each row and each answer.  Owns the ring and the copies of rejects; cannot fail.
 */
#include "watcher/base/base.h"
#include "watcher/worker/books.h"

#define FIRST_CAP 1024
#define HEAVY_BYTES (4u * 1024 * 1024)
#define HEAVY_ROWS (256u * 1024)

_Static_assert(sizeof(struct books_row) == 64, "a row under way");

void books_init(struct books *b)
{
	*b = (struct books){.bytes = STRBUF_INIT};
}

static struct books_row *at(const struct books *b, size_t i)
{
	size_t place = b->head + i;

	return &b->rows[place < b->cap ? place : place - b->cap];
}

static void grow(struct books *b)
{
	size_t cap = b->cap ? b->cap + b->cap / 2 : FIRST_CAP;
	struct books_row *rows = xmalloc(cap * sizeof(*rows));

	for (size_t i = 0; i < b->count; i++)
		rows[i] = *at(b, i);
	free(b->rows);
	b->rows = rows;
	b->head = 0;
	b->cap = cap;
}

static struct books_row *push(struct books *b, const struct record *rec, enum books_what what)
{
	struct books_row *r;

	CHECK(b->count == 0 || at(b, b->count - 1)->row < rec->row);
	if (b->count == b->cap)
		grow(b);
	r = at(b, b->count++);
	*r = (struct books_row){
		.row = rec->row, .next_offset = rec->next_offset, .next_line = rec->next_line, .what = (uint8_t)what,
	};
	return r;
}

void books_document(struct books *b, const struct record *rec, uint32_t documents)
{
	struct books_row *r = push(b, rec, BOOKS_DOCUMENT);

	/* max_row_bytes bounds it; a row that is longer is refused and may have any size */
	CHECK(documents > 0 && rec->next_offset - rec->offset <= UINT32_MAX && rec->next_line - rec->line <= UINT32_MAX);
	r->bytes = (uint32_t)(rec->next_offset - rec->offset);
	r->lines = (uint32_t)(rec->next_line - rec->line);
	r->length = (uint32_t)rec->raw.n;
	r->documents = r->left = documents;
	r->already = true;
	r->kept = (uint32_t)(b->bytes_from + b->bytes.n);
	if (b->keep)
		strbuf_addspan(&b->bytes, rec->raw);
}

/* Less than 4 GiB are kept. */
static size_t kept_at(const struct books *b, const struct books_row *r)
{
	return r->kept - (uint32_t)b->bytes_from;
}

struct span books_bytes(const struct books *b, const struct books_row *r)
{
	size_t at_byte = kept_at(b, r);

	CHECK(b->keep && at_byte + r->length <= b->bytes.n);
	return (struct span){b->bytes.p + at_byte, r->length};
}

uint64_t books_offset(const struct books_row *r)
{
	return r->next_offset - r->bytes;
}

uint64_t books_line(const struct books_row *r)
{
	return r->next_line - r->lines;
}

uint64_t books_count(const struct books_row *r)
{
	return r->what == BOOKS_BLANK || r->what == BOOKS_FILTERED ? r->count : 1;
}

/* Half of the bytes at least go at a time, so that a byte is moved once at most on average. */
static void drop_bytes(struct books *b, const struct books_row *gone)
{
	size_t n = kept_at(b, gone) + gone->length;

	if (n < b->bytes.n - n)
		return;
	memmove(b->bytes.p, b->bytes.p + n, b->bytes.n - n);
	strbuf_cut(&b->bytes, b->bytes.n - n);
	b->bytes_from += n;
}

void books_skip(struct books *b, const struct record *rec, enum books_what what)
{
	struct books_row *last = b->count ? at(b, b->count - 1) : NULL;

	CHECK(what == BOOKS_BLANK || what == BOOKS_FILTERED);
	if (!last || last->what != (uint8_t)what) {
		push(b, rec, what)->count = 1;
		return;
	}
	last->count++;
	last->next_offset = rec->next_offset;
	last->next_line = rec->next_line;
}

static struct books_reject *hold(struct books *b, const struct row_error *e, struct span raw)
{
	struct books_reject *r = xmalloc(sizeof(*r) + raw.n);

	r->error = *e;
	r->n = raw.n;
	if (raw.n)
		memcpy(r->raw, raw.p, raw.n);
	b->held += sizeof(*r) + raw.n;
	return r;
}

void books_reject(struct books *b, const struct record *rec, const struct row_error *e)
{
	push(b, rec, BOOKS_REJECTED)->reject = hold(b, e, rec->raw);
}

static struct books_row *find(const struct books *b, uint64_t row)
{
	uint64_t ahead = b->count ? row - at(b, 0)->row : 0;
	size_t low = 0, high = ahead < b->count ? (size_t)ahead + 1 : b->count;

	/* an entry is one row or a run of them: it stands where its number says, or before that */
	if (high > 0 && at(b, high - 1)->row == row)
		low = high - 1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at(b, middle)->row < row)
			low = middle + 1;
		else
			high = middle;
	}
	CHECK(low < b->count && at(b, low)->row == row && at(b, low)->left > 0);
	return at(b, low);
}

const struct books_row *books_find(const struct books *b, uint64_t row)
{
	return find(b, row);
}

void books_answer(struct books *b, uint64_t row, bool already)
{
	struct books_row *r = find(b, row);

	r->left--;
	r->already &= already;
}

void books_refuse(struct books *b, uint64_t row, const struct row_error *e, struct span raw)
{
	struct books_row *r = find(b, row);

	r->left--;
	if (!r->reject)
		r->reject = hold(b, e, raw);
}

bool books_pop(struct books *b, struct books_row *out)
{
	if (!b->count || at(b, 0)->left)
		return false;
	*out = *at(b, 0);
	if (out->reject)
		b->held -= sizeof(*out->reject) + out->reject->n;
	b->head = b->head + 1 < b->cap ? b->head + 1 : 0;
	b->count--;
	if (b->keep && out->what == BOOKS_DOCUMENT)
		drop_bytes(b, out);
	return true;
}

bool books_heavy(const struct books *b)
{
	return b->held > HEAVY_BYTES || b->count > HEAVY_ROWS;
}

void books_release(struct books *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(at(b, i)->reject);
	free(b->rows);
	strbuf_release(&b->bytes);
	books_init(b);
}
