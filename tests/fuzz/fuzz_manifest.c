/*
 * fuzz_manifest - hostile manifests beside a file
 *
 * The bytes are a.csv.manifest.json.  Checked: no crash, no leak; a refused one has a reason of kind DATA that names the manifest; one that
 * is taken is JSON that names the file, and has its size and digest.
 */
#include "watcher/base/base.h"
#include "watcher/model/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	struct fault f = FAULT_INIT;
	struct manifest m;

	if (manifest_parse(text, "a.csv", &m, &f) < 0) {
		CHECK(f.kind == FAULT_DATA && strstr(f.text, "a.csv.manifest.json"));
		return 0;
	}
	CHECK(memmem(text.p, text.n, "files", 5) || memchr(text.p, '\\', text.n));
	CHECK(m.size <= 1ULL << 53 && (!m.has_rows || m.rows <= 1ULL << 53));
	return 0;
}
