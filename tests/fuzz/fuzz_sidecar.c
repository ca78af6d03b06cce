/*
 * fuzz_sidecar - hostile checksums beside a file
 *
 * The bytes up to the first NUL are the file's name, the rest is NAME.sha256.  Checked: no crash; a text that is taken has a digest that
 * stands in it in hexadecimal; a refused one has a reason of kind DATA; what sha256sum itself would write for the name is taken, with the
 * digest that it states.
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "watcher/model/sidecar.h"
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stands_there(struct span text, const unsigned char digest[DIGEST_SIZE])
{
	char hex[DIGEST_HEX];
	bool found = false;

	digest_hex(digest, hex);
	for (size_t i = 0; i + 64 <= text.n && !found; i++)
		found = strncasecmp(text.p + i, hex, 64) == 0;
	CHECK(found);
}

/* Newlines and backslashes are escaped, and a backslash is put before the line. */
static void check_stock(const char *name)
{
	static const char hex[] = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
	bool escaped = strchr(name, '\\') || strchr(name, '\n') || strchr(name, '\r');
	struct strbuf text = STRBUF_INIT;
	unsigned char digest[DIGEST_SIZE];
	struct fault f = FAULT_INIT;
	char now[DIGEST_HEX];

	strbuf_addf(&text, "%s%s  ", escaped ? "\\" : "", hex);
	for (const char *p = name; *p; p++)
		strbuf_addf(&text, *p == '\\' ? "\\\\" : *p == '\n' ? "\\n" : *p == '\r' ? "\\r" : "%c", *p);
	strbuf_addc(&text, '\n');
	CHECK(sidecar_parse(strbuf_span(&text), name, digest, &f) == 0);
	digest_hex(digest, now);
	CHECK(strcmp(now, hex) == 0);
	strbuf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = xstrndup(size ? (const char *)data : "", size);
	size_t n = strlen(name) + 1;
	struct span text = {(const char *)data + n, size > n ? size - n : 0};
	unsigned char digest[DIGEST_SIZE];
	struct fault f = FAULT_INIT;

	if (*name && !strchr(name, '/') && strlen(name) < 200) {
		if (text.n && sidecar_parse(text, name, digest, &f) == 0)
			check_stands_there(text, digest);
		else
			CHECK(!text.n || (f.kind == FAULT_DATA && f.text[0]));
		check_stock(name);
	}
	free(name);
	return 0;
}
