/*
 * fuzz_manifest - hostile manifests beside a file, and of runs
 *
 * The bytes are a.csv.manifest.json, once as that of the file and once as that of a run.  Checked: no crash, no leak; a refused one has a
 * reason of kind DATA that names the manifest; one that is taken is JSON that names the file, and has its size and digest; it is not both,
 * since a run's names a job; each file of a run is listed once, under a bare name.
 */
#include "watcher/base/base.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/manifest.h"

static bool take_run(struct span text)
{
	struct fault f = FAULT_INIT;
	struct manifest_run run;

	if (manifest_run_parse(text, "a.csv.manifest.json", &run, &f) < 0) {
		CHECK(f.kind == FAULT_DATA && strstr(f.text, "a.csv.manifest.json"));
		return false;
	}
	CHECK(run.count && run.job && run.job[0]);
	for (size_t i = 0; i < run.count; i++) {
		CHECK(fs_is_bare_name(span_of(run.names[i])) && run.files[i].size <= 1ULL << 53);
		CHECK(manifest_run_find(&run, run.names[i]) == &run.files[i]);
	}
	manifest_run_release(&run);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	struct fault f = FAULT_INIT;
	struct manifest m;
	bool run = take_run(text);

	if (manifest_parse(text, "a.csv", &m, &f) < 0) {
		CHECK(f.kind == FAULT_DATA && strstr(f.text, "a.csv.manifest.json"));
		return 0;
	}
	CHECK(!run);
	CHECK(memmem(text.p, text.n, "files", 5) || memchr(text.p, '\\', text.n));
	CHECK(m.size <= 1ULL << 53 && (!m.has_rows || m.rows <= 1ULL << 53));
	return 0;
}
