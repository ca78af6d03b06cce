/*
 * fuzz_sshd_line - hostile lines of sshd's log, read in the daemon itself
 *
 * The bytes are one line.  Checked: no crash; a name is one piece of a path (no slash, no NUL, at most 255 bytes, not empty); the law of
 * names: whatever stands in a file's name, `close "/in/NAME" ...` in which sshd wrote the bytes of NAME (here the fuzzed bytes, as vis(3)
 * writes them) is that file's close and no other's, with the numbers that stand at its end.
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "watcher/model/sshd_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(bool has, const char name[256])
{
	if (!has)
		return;
	CHECK(memchr(name, '\0', 256) && name[0] && !strchr(name, '/'));
	CHECK(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

/* As sshd does: all but printable ASCII and blanks in octal, a backslash twice. */
static void add_vis(struct strbuf *out, struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c == '\\')
			strbuf_adds(out, "\\\\");
		else if (c < 0x20 || c > 0x7e)
			strbuf_addf(out, "\\%03o", c);
		else
			strbuf_addc(out, (char)c);
	}
}

static bool is_name(struct span s)
{
	return s.n && s.n <= 200 && !memchr(s.p, '/', s.n) && !memchr(s.p, '\0', s.n) && !span_is(s, ".") && !span_is(s, "..");
}

static void check_close(struct span name, const char *verb, enum sshd_kind kind)
{
	struct strbuf line = STRBUF_INIT;
	struct sshd_line l;

	strbuf_addf(&line, "2026-11-26T02:40:00.5Z h internal-sftp[9]: %s \"/in/", verb);
	add_vis(&line, name);
	strbuf_adds(&line, "\" bytes read 3 written 12");
	CHECK(sshd_line_parse(strbuf_span(&line), &l));
	CHECK(l.kind == kind && l.written == 12 && l.pid == 9 && l.has_name && span_is(name, l.name));
	strbuf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	char *copy = xstrndup(text.p ? text.p : "", size);
	struct sshd_line l;

	if (sshd_line_parse((struct span){copy, size}, &l)) {
		check_name(l.has_name, l.name);
		check_name(l.has_other, l.other);
		CHECK(l.pid > 0 && l.kind <= SSHD_UNCLEAR);
	}
	if (is_name((struct span){copy, size})) {
		check_close((struct span){copy, size}, "close", SSHD_CLOSE);
		check_close((struct span){copy, size}, "forced close", SSHD_FORCED);
	}
	free(copy);
	return 0;
}
