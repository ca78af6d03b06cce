/*
 * audit - does the journal agree with the folders and the sinks?  see the header
 *
 * Rows are read in pages; each is judged by itself, and once more from a new reading of its row before it is a finding.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/audit_own.h"
#include "watcher/base/json_out.h"
#include <unistd.h>

#define PAGE 500
#define EXIT_AGREES 0
#define EXIT_UNREADABLE 1
#define EXIT_DIFFERS 3

/* --- findings --- */

void problem_set(struct problem *p, const char *kind, char *path, const char *fmt, ...)
{
	struct fault f = FAULT_INIT; /* escapes tenants' bytes */
	struct strbuf sb = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	fault_set(&f, FAULT_DATA, "%s", sb.p);
	strbuf_release(&sb);
	p->kind = kind;
	p->path = path;
	memcpy(p->text, f.text, sizeof(p->text));
}

void problem_clear(struct problem *p)
{
	free(p->path);
	*p = (struct problem){0};
}

void audit_find(struct audit *a, struct problem *p, const char *tenant, const char *id)
{
	struct strbuf *out = &a->findings;

	a->found++;
	if (a->options.json) {
		json_add_comma(out);
		strbuf_addc(out, '{');
		json_pair_string(out, "kind", p->kind);
		json_pair_string(out, "tenant", tenant);
		json_pair_string(out, "id", id);
		json_pair_string(out, "path", p->path);
		json_pair_string(out, "text", p->text);
		strbuf_addc(out, '}');
	} else {
		struct strbuf path = STRBUF_INIT;

		if (p->path)
			json_add_lossy(&path, span_of(p->path));
		printf("%s: %s%s%s%s%s%s\n", p->kind, path.n ? path.p : "", path.n ? ": " : "", p->text,
		       id ? " (arrival " : "", id ? id : "", id ? ")" : "");
		strbuf_release(&path);
	}
	problem_clear(p);
}

/* --- rows --- */

static int judge(struct audit *a, const struct file_row *r, bool *counted, struct problem *p, struct fault *f)
{
	audit_file(a, r, p);
	if (p->kind || a->options.quick)
		return 0;
	return audit_sink(a, r, counted, p, f);
}

/* Until it is all right, or the same as before; a row that has gone meanwhile is nobody's. */
static int check_row(struct audit *a, const struct file_row *first, struct fault *f)
{
	struct problem p = {0};
	struct file_row now;
	bool counted = false;
	int r = judge(a, first, &counted, &p, f);

	file_row_init(&now);
	for (int try = 1; r == 0 && p.kind && try < AUDIT_TRIES; try++) {
		usleep(AUDIT_PAUSE_US);
		problem_clear(&p);
		r = journal_by_arrival(a->journal, first->arrival, &now, f);
		if (r == 1)
			r = judge(a, &now, &counted, &p, f);
	}
	if (r == 0 && p.kind)
		audit_find(a, &p, first->tenant, first->arrival);
	a->deliveries += counted;
	problem_clear(&p);
	file_row_release(&now);
	return r;
}

struct page {
	struct file_row rows[PAGE];
	size_t n;
};

static bool keep_row(void *ctx, const struct file_row *r)
{
	struct page *page = ctx;

	file_row_copy(r, &page->rows[page->n++]);
	return true;
}

/* 1: there may be more. */
static int check_page(struct audit *a, char before[ULID_TEXT], struct fault *f)
{
	struct journal_filter filter = {.before = before[0] ? before : NULL, .limit = PAGE};
	struct page *page = xcalloc(1, sizeof(*page));
	int r = journal_list(a->journal, &filter, keep_row, page, f);
	size_t n = page->n;

	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = check_row(a, &page->rows[i], f);
		memcpy(before, page->rows[i].arrival, ULID_TEXT);
		file_row_release(&page->rows[i]);
	}
	a->files += n;
	free(page);
	return r < 0 ? -1 : n == PAGE;
}

static int check_rows(struct audit *a, struct fault *f)
{
	char before[ULID_TEXT] = "";
	int r;

	while ((r = check_page(a, before, f)) == 1)
		;
	return r;
}

static int check_database(struct audit *a, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	struct problem p = {0};
	int r = journal_integrity(a->journal, &text, f);

	if (r == 0 && text.n) {
		problem_set(&p, "database", xasprintf("%s/journal.db", a->config->state), "%s", text.p);
		audit_find(a, &p, NULL, NULL);
	}
	strbuf_release(&text);
	return r;
}

/* --- all of it --- */

static void print_end(const struct audit *a)
{
	struct strbuf sb = STRBUF_INIT;

	if (!a->options.json) {
		printf("%zu files, %zu deliveries counted in their sinks, %zu findings\n", a->files, a->deliveries,
		       a->found);
		return;
	}
	strbuf_addc(&sb, '{');
	json_pair_bool(&sb, "ok", a->found == 0);
	json_pair_u64(&sb, "files", a->files);
	json_pair_u64(&sb, "deliveries", a->deliveries);
	json_add_key(&sb, "findings");
	strbuf_addf(&sb, "[%s]}", a->findings.p);
	puts(sb.p);
	strbuf_release(&sb);
}

int audit_run(const struct config *c, const struct audit_options *o)
{
	struct audit a = {.config = c, .options = *o, .findings = STRBUF_INIT};
	char *path = xasprintf("%s/journal.db", c->state);
	struct fault f = FAULT_INIT;
	int r = journal_open_read(path, &a.journal, &f);

	if (r == 0 && (check_database(&a, &f) < 0 || check_rows(&a, &f) < 0 || audit_folders(&a, &f) < 0))
		r = -1;
	audit_sink_stop(&a);
	if (r < 0)
		fprintf(stderr, "ingestd: %s\n", f.text);
	else
		print_end(&a);
	journal_free(&a.journal);
	strbuf_release(&a.findings);
	free(path);
	return r < 0 ? EXIT_UNREADABLE : a.found ? EXIT_DIFFERS : EXIT_AGREES;
}
