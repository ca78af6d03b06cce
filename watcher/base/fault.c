/*
 * fault - what went wrong; see the header
 *
 * Control bytes in the text are escaped here, once, so that no tenant's name can forge a log line or a terminal sequence.
 */
#include "watcher/base/fault.h"
#include <errno.h>

static void put_escaped(char *out, size_t cap, const char *in)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *in && n + 5 < cap; in++) {
		unsigned char c = (unsigned char)*in;

		if (c >= 0x20 && c != 0x7f) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	/* never end inside a UTF-8 character */
	if (*in) {
		while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
			n--;
		if (n && (unsigned char)out[n - 1] >= 0xc0)
			n--;
	}
	out[n] = '\0';
}

static void set_text(struct fault *f, const char *fmt, va_list ap)
{
	char raw[FAULT_TEXT];

	vsnprintf(raw, sizeof(raw), fmt, ap);
	put_escaped(f->text, sizeof(f->text), raw);
}

int fault_set(struct fault *f, enum fault_kind kind, const char *fmt, ...)
{
	va_list ap;

	f->kind = kind;
	f->error = 0;
	va_start(ap, fmt);
	set_text(f, fmt, ap);
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
	set_text(f, fmt, ap);
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
	char raw[2 * FAULT_TEXT];
	va_list ap;
	size_t n;

	memcpy(old, f->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(raw, FAULT_TEXT, fmt, ap);
	va_end(ap);
	n = strlen(raw);
	snprintf(raw + n, sizeof(raw) - n, ": %s", old);
	put_escaped(f->text, sizeof(f->text), raw);
	return -1;
}

void fault_clear(struct fault *f)
{
	f->kind = FAULT_NONE;
	f->error = 0;
	f->line = 0;
	f->field[0] = '\0';
	f->text[0] = '\0';
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
