/*
 * rejects - rejected rows into a descriptor, buffered
 *
 * Called by the worker with each rejected row, in row order.  Owns a buffer; the descriptor is the
 * worker's.  Every write goes to the offset this object knows, so that a file cut back for a
 * checkpoint goes on exactly there.  Can fail when the disk is full or broken.
 */
#include "watcher/base/base.h"
#include "watcher/base/digest.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/quality/rejects.h"
#include <unistd.h>

#define BUFFER (64 * 1024)

struct rejects {
	int fd;
	enum rejects_format format;
	struct strbuf first_line; /* csv */
	struct strbuf buffer;	  /* not yet written; stands at `written` */
	uint64_t written;
	bool changed; /* since the last fsync */
};

static int cut_file(struct rejects *r, uint64_t length, struct fault *f)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot look at the rejects file");
	if ((uint64_t)st.st_size < length)
		return fault_set(f, FAULT_SYSTEM,
				 "the rejects file has %lld bytes, its checkpoint says %llu",
				 (long long)st.st_size, (unsigned long long)length);
	if ((uint64_t)st.st_size > length && ftruncate(r->fd, (off_t)length) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot cut the rejects file to %llu bytes",
				   (unsigned long long)length);
	return 0;
}

int rejects_truncate(struct rejects *r, uint64_t length, struct fault *f)
{
	uint64_t kept = r->written + r->buffer.n;

	CHECK(length <= kept);
	if (length >= r->written) {
		strbuf_cut(&r->buffer, (size_t)(length - r->written));
		return 0;
	}
	if (cut_file(r, length, f) < 0)
		return -1;
	strbuf_reset(&r->buffer);
	r->written = length;
	r->changed = true;
	return 0;
}

int rejects_new(int fd, enum rejects_format format, struct span header, uint64_t length,
		struct rejects **out, struct fault *f)
{
	struct rejects *r = xcalloc(1, sizeof(*r));

	CHECK(fd >= 0);
	r->fd = fd;
	r->format = format;
	r->written = length;
	strbuf_init(&r->first_line);
	strbuf_init(&r->buffer);
	if (cut_file(r, length, f) < 0) {
		rejects_free(&r);
		return -1;
	}
	strbuf_reserve(&r->buffer, BUFFER);
	strbuf_adds(&r->first_line, "_line,_column,_error,");
	strbuf_addspan(&r->first_line, header);
	strbuf_addc(&r->first_line, '\n');
	*out = r;
	return 0;
}

void rejects_free(struct rejects **rp)
{
	struct rejects *r = *rp;

	if (!r)
		return;
	strbuf_release(&r->first_line);
	strbuf_release(&r->buffer);
	free(r);
	*rp = NULL;
}

static int write_out(struct rejects *r, struct fault *f)
{
	if (r->buffer.n == 0)
		return 0;
	if (fs_pwrite_all(r->fd, r->buffer.p, r->buffer.n, (off_t)r->written, f) < 0)
		return -1;
	r->written += r->buffer.n;
	r->changed = true;
	strbuf_reset(&r->buffer);
	return 0;
}

static void add_quoted(struct strbuf *sb, const char *s)
{
	strbuf_addc(sb, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_addc(sb, '"');
		strbuf_addc(sb, *s);
	}
	strbuf_adds(sb, "\",");
}

static void add_csv(struct rejects *r, const struct row_error *error, struct span raw)
{
	if (rejects_length(r) == 0)
		strbuf_addspan(&r->buffer, strbuf_span(&r->first_line));
	strbuf_addf(&r->buffer, "\"%llu\",", (unsigned long long)error->line);
	add_quoted(&r->buffer, error->column);
	add_quoted(&r->buffer, error->text);
	strbuf_addspan(&r->buffer, raw);
	strbuf_addc(&r->buffer, '\n');
}

static void add_ndjson(struct rejects *r, const struct row_error *error, struct span raw)
{
	strbuf_addf(&r->buffer, "{\"line\":%llu,\"column\":", (unsigned long long)error->line);
	if (error->column[0])
		json_add_lossy(&r->buffer, span_of(error->column));
	else
		strbuf_adds(&r->buffer, "null");
	strbuf_adds(&r->buffer, ",\"error\":");
	json_add_lossy(&r->buffer, span_of(error->text));
	strbuf_adds(&r->buffer, ",\"raw\":\"");
	base64_add(&r->buffer, raw);
	strbuf_adds(&r->buffer, "\"}\n");
}

int rejects_put(struct rejects *r, const struct row_error *error, struct span raw, struct fault *f)
{
	switch (r->format) {
	case REJECTS_CSV:
		add_csv(r, error, raw);
		break;
	case REJECTS_NDJSON:
		add_ndjson(r, error, raw);
		break;
	}
	return r->buffer.n >= BUFFER / 2 ? write_out(r, f) : 0;
}

int rejects_sync(struct rejects *r, uint64_t *length, struct fault *f)
{
	if (write_out(r, f) < 0)
		return -1;
	if (r->changed && fs_fsync(r->fd, "the rejects file", f) < 0)
		return -1;
	r->changed = false;
	*length = r->written;
	return 0;
}

uint64_t rejects_length(const struct rejects *r)
{
	return r->written + r->buffer.n;
}
