/*
 * batch - some rows of the outbox on their way to the store; see the header
 */
#include "watcher/base/base.h"
#include "watcher/record/batch.h"
#include "watcher/base/fsutil.h"
#include "watcher/record/judge.h"

/* One row can be as large as the journal let it be. */
#define BYTES_MAX (256u * 1024 * 1024)

static void put_aside(struct batch *b, size_t i, const char *reason)
{
	struct recording_refusal *r = &b->refused[b->refused_count++];
	struct fault clean = FAULT_INIT;

	fault_set(&clean, FAULT_DATA, "%s", reason); /* control bytes escaped */
	r->seq = b->seqs[i];
	snprintf(r->reason, sizeof(r->reason), "%.*s", RECORDING_REASON - 1, clean.text);
}

static int take_rows(struct batch *b, struct span text, struct fault *f)
{
	int64_t before = 0;

	while (text.n) {
		struct span object;
		struct fault bad = FAULT_INIT;
		size_t i = b->count;

		if (i == RECORDING_ROWS || !recording_row_take(&text, &b->seqs[i], &object) || b->seqs[i] <= before)
			return fault_set(f, FAULT_SYSTEM, "an ill-formed batch at row %zu", i + 1);
		before = b->seqs[i];
		b->count++;
		if (document_make(object, &b->docs[i], &bad) < 0)
			put_aside(b, i, bad.text);
	}
	if (!b->count || before != b->upto)
		return fault_set(f, FAULT_SYSTEM, "a batch that does not end where it says");
	return 0;
}

int batch_read(struct batch *b, int fd, int64_t upto, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int r;

	memset(b, 0, sizeof(*b));
	b->upto = upto;
	r = fs_read_fd(fd, BYTES_MAX, &text, f);
	if (r == 0)
		r = take_rows(b, strbuf_span(&text), f);
	strbuf_release(&text);
	if (r < 0)
		batch_release(b);
	return r;
}

/* How many from `at` on go into the same collection. */
static size_t alike(const struct batch *b)
{
	size_t n = 1;

	while (b->at + n < b->count && b->docs[b->at + n].bson && b->docs[b->at + n].kind == b->docs[b->at].kind)
		n++;
	return n;
}

/* The row at `at` has an error of its own. */
static int one_failed(struct batch *b, const struct store_written *w, struct fault *f)
{
	enum judgement j = judge_document(w->code);
	char reason[RECORDING_REASON];

	snprintf(reason, sizeof(reason), "MongoDB answers error %d: %.270s", (int)w->code, w->reason);
	if (j == JUDGE_UNSURE)
		b->unsure++;
	if (j == JUDGE_REFUSED || b->unsure >= UNSURE_TRIES) {
		put_aside(b, b->at, reason);
		b->unsure = 0;
		b->at++;
		return 0;
	}
	return fault_set(f, w->code == 13 || w->code == 18 ? FAULT_KEY : FAULT_TEMPORARY, "%s", reason);
}

int batch_write(struct batch *b, struct store *s, struct fault *f)
{
	while (b->at < b->count) {
		struct store_written w;
		int r;

		if (!b->docs[b->at].bson) {
			b->at++;
			continue;
		}
		r = store_write(s, &b->docs[b->at], alike(b), &w, f);
		if (w.done)
			b->unsure = 0;
		b->at += w.done;
		if (r < 0 || (w.one_failed && one_failed(b, &w, f) < 0))
			return -1;
	}
	return 0;
}

void batch_release(struct batch *b)
{
	for (size_t i = 0; i < RECORDING_ROWS; i++)
		document_release(&b->docs[i]);
	memset(b, 0, sizeof(*b));
}
