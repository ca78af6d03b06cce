/*
 * audit_file - is a row's file where the row says, whole, and its receipt beside it?  see audit_own.h
 *
 * Paths are made of names that the daemon chose itself; nothing is followed, nothing is changed.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/audit_own.h"
#include "watcher/base/digest.h"
#include "watcher/base/fsutil.h"
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#define RECEIPT_MAX (16 * 1024 * 1024)
#define READ_STEP (256 * 1024)

static char *work_path(const struct audit *a, const struct file_row *r)
{
	return xasprintf("%s/%s/work/%s/%s", a->config->staging, r->tenant, r->arrival, r->file);
}

static char *placed_path(const struct audit *a, const struct file_row *r, const char *suffix)
{
	return xasprintf("%s/%s/%s/%s%s", a->config->staging, r->tenant, folder_name(r->folder), r->target, suffix);
}

static bool is_file(const char *path, struct stat *st)
{
	return lstat(path, st) == 0 && S_ISREG(st->st_mode);
}

static bool hash_file(const char *path, char hex[DIGEST_HEX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unsigned char raw[DIGEST_SIZE];
	char *room = xcalloc(1, READ_STEP);
	struct digest d;
	ssize_t n = -1;

	digest_init(&d);
	while (fd >= 0 && (n = read(fd, room, READ_STEP)) > 0)
		digest_add(&d, room, (size_t)n);
	digest_end(&d, raw);
	digest_release(&d);
	digest_hex(raw, hex);
	free(room);
	fs_close(&fd);
	return n == 0;
}

/* The file itself: there, its size, its bytes.  path is taken over. */
static void look_at_file(const struct audit *a, const struct file_row *r, char *path, struct problem *p)
{
	char hex[DIGEST_HEX];
	struct stat st;

	if (!is_file(path, &st))
		problem_set(p, "missing", path, "the journal says %s, and it is not there", file_state_name(r->state));
	else if (r->altered)
		problem_set(p, "altered", path, "it failed because its bytes had changed, and is kept as it was found");
	else if ((uint64_t)st.st_size != r->bytes)
		problem_set(p, "size", path, "it has %lld bytes, the journal says %llu", (long long)st.st_size,
			    (unsigned long long)r->bytes);
	else if (a->options.quick || !r->sha256[0])
		free(path);
	else if (!hash_file(path, hex))
		problem_set(p, "digest", path, "it cannot be read");
	else if (strcmp(hex, r->sha256) != 0)
		problem_set(p, "digest", path, "it has SHA-256 %s, the journal says %s", hex, r->sha256);
	else
		free(path);
}

static bool member_is(const json_t *receipt, const char *key, const char *want)
{
	const char *s = json_string_value(json_object_get(receipt, key));

	return want[0] ? s && strcmp(s, want) == 0 : !s;
}

/* The books: what the receipt has told its sender is what the journal has. */
static bool books_agree(const json_t *receipt, const struct file_row *r)
{
	const struct counters *c = &r->leg.checkpoint.counters;
	const json_t *rows = json_object_get(receipt, "rows");
	bool agree = true;

	if (r->leg.state == LEG_NONE)
		return !json_is_object(rows);
#define X(name, sentence) \
	agree = agree && (uint64_t)json_integer_value(json_object_get(rows, #name)) == c->name;
	COUNTERS(X)
#undef X
	return agree && (uint64_t)json_integer_value(json_object_get(receipt, "documents")) == c->documents;
}

static void look_at_receipt(const struct audit *a, const struct file_row *r, struct problem *p)
{
	char *path = placed_path(a, r, ".receipt.json");
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	json_t *receipt = NULL;
	struct stat st;

	if (!is_file(path, &st))
		problem_set(p, "receipt", path, "it is not there");
	else if (fs_read_file(path, RECEIPT_MAX, &text, &f) < 0)
		problem_set(p, "receipt", path, "%s", f.text);
	else if (!(receipt = json_loadb(text.p, text.n, 0, NULL)))
		problem_set(p, "receipt", path, "it is no JSON");
	else if (!member_is(receipt, "id", r->arrival))
		problem_set(p, "receipt", path, "it is another arrival's");
	else if (!member_is(receipt, "sha256", r->sha256))
		problem_set(p, "receipt", path, "its sha256 is not %s", r->sha256[0] ? r->sha256 : "null");
	else if (!member_is(receipt, "state", outcome_name(r->outcome)))
		problem_set(p, "receipt", path, "its state is not %s", outcome_name(r->outcome));
	else if (!books_agree(receipt, r))
		problem_set(p, "receipt", path, "its rows are not counted as in the journal");
	else
		free(path);
	json_decref(receipt);
	strbuf_release(&text);
}

/* `tenant remove` has put its folders aside, and they may be anywhere by now. */
static bool is_archived(const struct audit *a, const char *tenant)
{
	char *folder = xasprintf("%s/%s", a->config->staging, tenant), *removed = xasprintf("%s/.removed", a->config->staging);
	char *begin = xasprintf("%s.", tenant);
	DIR *dir = access(folder, F_OK) < 0 ? opendir(removed) : NULL;
	const struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir)))
		found = strncmp(e->d_name, begin, strlen(begin)) == 0;
	if (dir)
		closedir(dir);
	free(folder);
	free(removed);
	free(begin);
	return found;
}

static void look_at_placed(const struct audit *a, const struct file_row *r, struct problem *p)
{
	struct stat st;
	char *path;

	if (r->times.removed || is_archived(a, r->tenant))
		return;
	if (!r->has_folder || !r->target) {
		problem_set(p, "database", NULL, "the row is %s and has no place", file_state_name(r->state));
		return;
	}
	path = placed_path(a, r, "");
	/* rows can be taken back without the file: then its receipt alone is placed */
	if (r->has_outcome && r->outcome == OUTCOME_UNDONE && access(path, F_OK) < 0)
		free(path);
	else
		look_at_file(a, r, path, p);
	if (!p->kind)
		look_at_receipt(a, r, p);
	if (p->kind || !r->rejects)
		return;
	path = xasprintf("%s/%s/%s/%s", a->config->staging, r->tenant, folder_name(r->folder), r->rejects);
	if (is_file(path, &st))
		free(path);
	else
		problem_set(p, "rejects", path, "it is not there");
}

/* On its way: in work/A, while it is being placed or taken back perhaps in its target. */
static void look_at_living(const struct audit *a, const struct file_row *r, struct problem *p)
{
	struct stat st;
	char *path = work_path(a, r);

	if (!is_file(path, &st) && r->has_folder && r->target) {
		free(path);
		path = placed_path(a, r, "");
	}
	look_at_file(a, r, path, p);
}

void audit_file(const struct audit *a, const struct file_row *r, struct problem *p)
{
	switch (r->state) {
	case FILE_PLACED:
	case FILE_HELD:
		look_at_placed(a, r, p);
		return;
	case FILE_CLAIMED:
	case FILE_IDENTIFIED:
	case FILE_GATED:
	case FILE_LOADING:
	case FILE_INDEXED:
	case FILE_PLACING:
	case FILE_UNDOING:
	case FILE_RETAKING:
	case FILE_REPLACING:
	case FILE_WAITING:
		look_at_living(a, r, p);
		return;
	}
	CHECK(!"a state");
}
