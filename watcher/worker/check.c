/*
 * check - can a job version, or a filter text, be used?  see the header
 *
 * Called by main in a child that the daemon starts for each new job version, and by hand.  Hostile filter text is compiled here, never
 * in the loop; the child's limits bound it.
 */
#include "watcher/base/base.h"
#include "watcher/worker/check.h"
#include "watcher/base/fsutil.h"
#include "watcher/worker/compiled.h"

#define FILE_MAX (4 * 1024 * 1024)

static int check_version(const char *path, struct span text, struct strbuf *errors)
{
	struct fault f = FAULT_INIT;
	struct strbuf warnings = STRBUF_INIT;
	struct compiled *c = NULL;
	int r = compiled_new(text, &c, errors, &warnings, &f);

	(void)path;
	if (r == 0)
		fputs(warnings.p, stderr);
	strbuf_release(&warnings);
	if (r < 0 && !errors->n)
		strbuf_addf(errors, "%s\n", f.text);
	compiled_free(&c);
	return r;
}

static int check_one(const char *path, int (*judge)(const char *, struct span, struct strbuf *))
{
	struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int r = fs_read_argument(path, FILE_MAX, &text, &f);

	if (r < 0)
		strbuf_addf(&errors, "%s\n", f.text);
	else
		r = judge(path, strbuf_span(&text), &errors);
	if (r < 0)
		fputs(errors.p, stderr);
	strbuf_release(&errors);
	strbuf_release(&text);
	return r;
}

static int check_all(char **files, int (*judge)(const char *, struct span, struct strbuf *))
{
	int r = 0;

	if (!files[0])
		return check_one("/dev/stdin", judge);
	for (; *files; files++)
		if (check_one(*files, judge) < 0)
			r = -1;
	return r;
}

int check_versions(char **files)
{
	return check_all(files, check_version);
}
