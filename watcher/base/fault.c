/*
 * fault - what went wrong; see the header
 *
 * Control bytes in the text, and bytes that are no UTF-8, are escaped here, once (\xHH, \uHHHH), so that no tenant's name
 * can forge a log line or a terminal sequence.  Owns nothing; a text too long is cut, whole characters at a time.
 */
#include "watcher/base/fault.h"
#include "watcher/base/utf8.h"
#include <errno.h>

#define REASON_ROOM 96

/* What stands for the next *take bytes of s: those bytes, or an escape in room. */
static struct span next_piece(struct span s, size_t *take, char room[8])
{
	size_t ok = utf8_valid_prefix((struct span){s.p, s.n < 4 ? s.n : 4});
	unsigned code = (unsigned char)s.p[0];
	int n;

	if (ok == 0) {
		*take = 1;
		n = snprintf(room, 8, "\\x%02x", code & 0xff);
		return (struct span){room, (size_t)n};
	}
	*take = utf8_hidden(s, &code);
	if (*take) {
		n = snprintf(room, 8, code < 0x80 ? "\\x%02x" : "\\u%04x", code & 0xffff);
		return (struct span){room, (size_t)n};
	}
	for (*take = 1; *take < ok && ((unsigned char)s.p[*take] & 0xc0) == 0x80; ++*take)
		;
	return (struct span){s.p, *take};
}

/* Whole pieces only: the text never ends inside a character or an escape. */
static void put_escaped(char *out, size_t cap, const char *in)
{
	struct span s = span_of(in);
	size_t n = 0, take;
	char room[8];

	while (s.n) {
		struct span piece = next_piece(s, &take, room);

		if (n + piece.n >= cap)
			break;
		memcpy(out + n, piece.p, piece.n);
		n += piece.n;
		s.p += take;
		s.n -= take;
	}
	out[n] = '\0';
}

static void set_text(struct fault *f, size_t cap, const char *fmt, va_list ap)
{
	/* longer than what fits, so that a character cut by vsnprintf is never reached */
	char raw[FAULT_TEXT + 8];

	vsnprintf(raw, sizeof(raw), fmt, ap);
	put_escaped(f->text, cap, raw);
}

int fault_set(struct fault *f, enum fault_kind kind, const char *fmt, ...)
{
	va_list ap;

	f->kind = kind;
	f->error = 0;
	va_start(ap, fmt);
	set_text(f, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

static bool is_system(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE ||
	       error == ENOMEM || error == EIO;
}

int fault_errno(struct fault *f, enum fault_kind kind, const char *fmt, ...)
{
	int error = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	/* the reason is the part that must not be cut off */
	set_text(f, sizeof(f->text) - REASON_ROOM, fmt, ap);
	va_end(ap);
	n = strlen(f->text);
	snprintf(f->text + n, sizeof(f->text) - n, ": %s", strerror(error));
	f->error = error;
	f->kind = is_system(error) ? FAULT_SYSTEM : kind;
	return -1;
}

int fault_prefix(struct fault *f, const char *fmt, ...)
{
	char old[FAULT_TEXT];
	va_list ap;
	size_t n;

	memcpy(old, f->text, sizeof(old));
	va_start(ap, fmt);
	set_text(f, sizeof(f->text) / 2, fmt, ap);
	va_end(ap);
	n = strlen(f->text);
	memcpy(f->text + n, ": ", 3);
	put_escaped(f->text + n + 2, sizeof(f->text) - n - 2, old);
	return -1;
}

void fault_clear(struct fault *f)
{
	f->kind = FAULT_NONE;
	f->error = 0;
	f->line = 0;
	f->field[0] = '\0';
	f->text[0] = '\0';
	f->scope = SCOPE_FILE;
	f->pause_ms = 0;
}

int fault_set_altered(struct fault *f, const char *fmt, ...)
{
	va_list ap;

	f->kind = FAULT_DATA;
	f->error = ESTALE;
	va_start(ap, fmt);
	set_text(f, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

bool fault_altered(const struct fault *f)
{
	return f->kind == FAULT_DATA && f->error == ESTALE;
}

bool fault_no_room(const struct fault *f)
{
	return f->kind != FAULT_NONE && (f->error == ENOSPC || f->error == EDQUOT);
}

const char *fault_kind_name(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_NONE:
		return "none";
	case FAULT_DATA:
		return "data";
	case FAULT_KEY:
		return "key";
	case FAULT_CONFIG:
		return "config";
	case FAULT_TEMPORARY:
		return "temporary";
	case FAULT_SYSTEM:
		return "system";
	}
	return "none";
}
