/*
 * paths - what a path below staging/ is; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/paths.h"
#include "watcher/base/fsutil.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/spool/journal.h"

/* What stands behind the folder in the path; NULL: the path is not below it. */
static const char *behind(const char *folder, const char *path)
{
	char *real = realpath(folder, NULL);
	size_t n = real ? strlen(real) : 0;
	bool below = real && strncmp(path, real, n) == 0 && path[n] == '/' && path[n + 1];

	free(real);
	return below ? path + n + 1 : NULL;
}

static enum paths in_tenant(const char *rest, struct path_place *out)
{
	const char *slash = strchr(rest, '/');
	char *folder = xstrndup(rest, strcspn(rest, "/"));
	bool found = folder_parse(folder, &out->folder);

	free(folder);
	if (!found)
		out->name = rest;
	else
		out->name = slash ? slash + 1 : "";
	return found && out->name[0] ? PATHS_FOLDER : PATHS_TENANT;
}

enum paths paths_find(struct ingestd *d, const char *path, struct path_place *out)
{
	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		struct tenant *t = map_value(&d->tenants, i);
		/* one whose profile was never in force has no folders of ours yet */
		char *folder = fs_join(d->config->staging, t->name);
		const char *rest = behind(folder, path);

		free(folder);
		if (!rest)
			continue;
		out->tenant = t;
		return in_tenant(rest, out);
	}
	return behind(d->config->staging, path) ? PATHS_NO_TENANT : PATHS_OUTSIDE;
}

int paths_row(struct ingestd *d, const char *path, struct file_row *row, struct fault *f)
{
	struct path_place at;
	char *name;
	int r;

	if (paths_find(d, path, &at) != PATHS_FOLDER)
		return 0;
	if (at.folder == FOLDER_WORK) {
		name = xstrndup(at.name, strcspn(at.name, "/"));
		r = journal_by_arrival(d->journal, name, row, f);
	} else {
		struct span s = span_of(at.name), receipt = SPAN_LITERAL(".receipt.json"),
			    rejects = SPAN_LITERAL(".rejects.csv");

		if (span_ends(s, receipt))
			s.n -= receipt.n;
		else if (span_ends(s, rejects))
			s.n -= rejects.n;
		name = xstrndup(s.p, s.n);
		r = journal_by_path(d->journal, at.tenant->name, at.folder, name, row, f);
	}
	free(name);
	return r;
}
