/*
 * fuzz_sender - what a sender says of a file: NAME.sha256, and sshd's log lines about its session
 *
 * The first byte chooses.  Checked: no crash; a digest is only given for the name that was asked for, and its hex stands in the text; a
 * line that is understood names a bare file.
 */
#include "watcher/base/base.h"
#include "watcher/base/digest.h"
#include "watcher/base/strbuf.h"
#include "watcher/model/sidecar.h"
#include "watcher/model/sshd_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_sidecar(struct span text)
{
	unsigned char digest[DIGEST_SIZE];
	struct fault f = FAULT_INIT;
	struct strbuf lower = STRBUF_INIT;
	char hex[DIGEST_HEX];

	if (sidecar_parse(text, "a.csv", digest, &f) < 0) {
		CHECK(f.kind != FAULT_NONE && f.text[0]);
		return;
	}
	digest_hex(digest, hex);
	for (size_t i = 0; i < text.n; i++)
		strbuf_addc(&lower, (char)(text.p[i] >= 'A' && text.p[i] <= 'F' ? text.p[i] + 32 : text.p[i]));
	CHECK(memmem(lower.p, lower.n, hex, DIGEST_HEX - 1));
	strbuf_release(&lower);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data + 1, size - 1};
	struct sshd_line line;

	if (!size)
		return 0;
	if (data[0] & 1)
		one_sidecar(text);
	else if (sshd_line_parse(text, &line) && line.has_name)
		CHECK(line.name[0] && !strchr(line.name, '/') && strcmp(line.name, "..") != 0);
	return 0;
}
