/*
 * views_files - what the admin API answers about files and runs; see views.h
 *
 * Records come from the journal, in pages of at most 1,000.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/paths.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/sessions.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/model/record_state.h"
#include "watcher/spool/deliveries.h"
#include "watcher/spool/receipt_of.h"
#include "watcher/spool/runs.h"

#define PAGE 100
#define PAGE_MAX 1000
#define RUN_FILES 1000

static unsigned journal_trouble(struct fault *f)
{
	fault_prefix(f, "the journal cannot answer");
	return 503;
}

bool views_limit(const struct admin_args *args, size_t *out)
{
	const char *text = args->query(args, "limit");
	unsigned long n;
	char *end;

	*out = PAGE;
	if (!text)
		return true;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || !n)
		return false;
	*out = n;
	return n <= PAGE_MAX;
}

bool views_tenant(const struct admin_args *args, const char **out)
{
	const char *asked = args->query(args, "tenant");

	*out = args->scope ? args->scope : asked;
	return !asked || admin_sees(args, asked);
}

/* --- records --- */

static void add_record(const struct file_row *r, struct strbuf *out)
{
	json_add_comma(out);
	receipt_text(r, RECEIPT_RECORD, out);
	while (out->n && out->p[out->n - 1] == '\n')
		strbuf_cut(out, out->n - 1);
	/* beside the record, not of it: what became of the file since */
	CHECK(out->n && out->p[out->n - 1] == '}');
	strbuf_cut(out, out->n - 1);
	json_pair_time(out, "removed", r->times.removed);
	strbuf_addc(out, '}');
}

const struct file_row *views_freshest(struct ingestd *d, const struct file_row *r)
{
	const struct file *x = file_find(d, r->arrival);

	return x ? &x->row : r;
}

struct page {
	struct ingestd *d;
	struct strbuf *out;
};

static bool add_row(void *ctx, const struct file_row *r)
{
	struct page *page = ctx;

	add_record(views_freshest(page->d, r), page->out);
	return true;
}

unsigned views_files(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct journal_filter filter = {
		.state = args->query(args, "state"),
		.job = args->query(args, "job"),
		.run = args->query(args, "run"),
		.before = args->query(args, "before"),
	};
	struct page page = {d, out};

	if (!views_tenant(args, &filter.tenant))
		return refusal_no_such(f, "tenant", args->query(args, "tenant"));
	if (!views_limit(args, &filter.limit))
		return refusal(f, 400, VIEWS_LIMITS);
	if (filter.state && !record_state_known(filter.state))
		return refusal(f, 400, "state must be one of " RECORD_STATES);
	strbuf_addc(out, '[');
	if (journal_list(d->journal, &filter, add_row, &page, f) < 0)
		return journal_trouble(f);
	strbuf_addc(out, ']');
	return 200;
}

/* --- one, by id or by path --- */

static int find_any(struct ingestd *d, const struct admin_args *args, struct file_row *row, struct fault *f)
{
	const char *path = args->query(args, "path");
	size_t n = strlen(args->id);
	int r;

	if (strcmp(args->id, "-") == 0)
		return path ? paths_row(d, path, row, f) : 0;
	r = n == ULID_TEXT - 1 ? journal_by_arrival(d->journal, args->id, row, f) : 0;
	if (r == 0 && n == DELIVERY_TEXT - 1)
		r = journal_by_delivery(d->journal, args->id, row, f);
	return r;
}

/* 0 as well when it is none of who asks. */
static int find_row(struct ingestd *d, const struct admin_args *args, struct file_row *row, struct fault *f)
{
	int r = find_any(d, args, row, f);

	return r > 0 && !admin_sees(args, row->tenant) ? 0 : r;
}

/* The row was pruned; which deliveries were made is known for ever. */
static unsigned no_row(struct ingestd *d, const struct admin_args *args, struct fault *f)
{
	struct strbuf what = STRBUF_INIT;
	/* whose it was is not known any more: the operator's to ask */
	int r = !args->scope && strlen(args->id) == DELIVERY_TEXT - 1 ? deliveries_tell(d->journal, args->id, &what, f) : 0;

	if (r > 0)
		fault_set(f, FAULT_CONFIG, "delivery %s was %s; retention has removed the file and the journal its record",
			  args->id, what.p);
	else if (r == 0)
		fault_set(f, FAULT_CONFIG, "no file %s", strcmp(args->id, "-") ? args->id : "under that path");
	strbuf_release(&what);
	return r > 0 ? 410 : r == 0 ? 404 : journal_trouble(f);
}

unsigned views_file(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct file_row row;
	int r;

	file_row_init(&row);
	r = find_row(d, args, &row, f);
	if (r > 0)
		add_record(views_freshest(d, &row), out);
	file_row_release(&row);
	return r > 0 ? 200 : r == 0 ? no_row(d, args, f) : journal_trouble(f);
}

static bool find_arriving(struct ingestd *d, const struct admin_args *args, struct path_place *at)
{
	const char *path = args->query(args, "path");

	return path && strcmp(args->id, "-") == 0 && paths_find(d, path, at) == PATHS_FOLDER && at->folder == FOLDER_IN &&
	       admin_sees(args, at->tenant->name);
}

/* A file that nothing proves: somebody says that it is whole. */
static unsigned release_arriving(struct ingestd *d, const struct path_place *at, struct strbuf *out, struct fault *f)
{
	int r = sessions_release(d, at->tenant, at->name, f);

	if (r == 0 && turn_commit(d, f) < 0) {
		fault_prefix(f, "it is begun when the journal can be written again, unless ingestd ends before");
		r = -1;
	}
	if (r < 0)
		fault_prefix(f, "cannot release %s", at->name);
	strbuf_addc(out, '{');
	json_pair_string(out, "id", NULL);
	json_pair_string(out, "tenant", at->tenant->name);
	json_pair_string(out, "file", at->name);
	json_pair_string(out, "wish", wish_name(WISH_RELEASE));
	json_pair_string(out, "explanation", "It counts as whole as it is now, and is taken.");
	strbuf_addc(out, '}');
	return r == 0 ? 202 : 409;
}

unsigned views_wish(struct ingestd *d, enum wish w, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct file_row row;
	struct path_place at;
	int r;

	file_row_init(&row);
	r = find_row(d, args, &row, f);
	if (r == 0 && w == WISH_RELEASE && find_arriving(d, args, &at)) {
		file_row_release(&row);
		return release_arriving(d, &at, out, f);
	}
	if (r == 0)
		fault_set(f, FAULT_CONFIG, "no file %s", strcmp(args->id, "-") ? args->id : "under that path");
	if (r <= 0) {
		file_row_release(&row);
		return r == 0 ? 404 : journal_trouble(f);
	}
	r = wish_apply(d, w, &row, f);
	/* the answer is a promise: a kill behind it forgets nothing */
	if (r == 0 && turn_commit(d, f) < 0) {
		fault_prefix(f, "it is begun when the journal can be written again, unless ingestd ends before");
		r = -1;
	}
	if (r < 0)
		fault_prefix(f, "cannot %s %s (arrival %s)", wish_name(w), row.file, row.arrival);
	strbuf_addc(out, '{');
	json_pair_string(out, "id", row.arrival);
	json_pair_string(out, "tenant", row.tenant);
	json_pair_string(out, "file", row.file);
	json_pair_string(out, "wish", wish_name(w));
	json_pair_string(out, "explanation", wish_sentence(w));
	strbuf_addc(out, '}');
	file_row_release(&row);
	if (r == 0)
		return 202;
	/* a file that is on its way is no trouble of the daemon's */
	return f->kind == FAULT_SYSTEM || !d->ready || d->stopping || d->turn.behind ? 503 : 409;
}

/* --- runs --- */

static void add_run(const struct run *r, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	run_add_json(&text, r);
	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "run", r->id);
	/* the rest of the record behind its opening brace */
	strbuf_addc(out, ',');
	strbuf_add(out, text.p + 1, text.n - 1);
	strbuf_release(&text);
}

static bool add_listed(void *ctx, const struct run *r)
{
	struct page *page = ctx;
	const struct run *now = starts_find(page->d, r->id);

	add_run(now ? now : r, page->out);
	return true;
}

unsigned views_runs(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	struct page page = {d, out};
	const char *tenant;
	size_t limit;

	if (!views_tenant(args, &tenant))
		return refusal_no_such(f, "tenant", args->query(args, "tenant"));
	if (!views_limit(args, &limit))
		return refusal(f, 400, VIEWS_LIMITS);
	strbuf_addc(out, '[');
	if (runs_list(d->journal, tenant, args->query(args, "job"), limit, add_listed,
		      &page, f) < 0)
		return journal_trouble(f);
	strbuf_addc(out, ']');
	return 200;
}

static void add_progress(struct ingestd *d, const char *run, struct strbuf *out)
{
	struct run_progress p;

	json_add_key(out, "progress");
	if (!starts_progress(d, run, &p)) {
		strbuf_adds(out, "null");
		return;
	}
	strbuf_addc(out, '{');
	json_add_key(out, "percent");
	strbuf_addf(out, "%.1f", p.bytes ? 100. * (double)p.bytes_done / (double)p.bytes : 0.);
	json_pair_u64(out, "bytes", p.bytes);
	json_pair_u64(out, "bytes_done", p.bytes_done);
	json_pair_u64(out, "rows", p.rows);
	strbuf_addc(out, '}');
}

static int add_run_files(struct ingestd *d, const char *run, struct strbuf *out, struct fault *f)
{
	struct journal_filter filter = {.run = run, .limit = RUN_FILES};
	struct page page = {d, out};

	CHECK(out->n && out->p[out->n - 1] == '}');
	strbuf_cut(out, out->n - 1);
	add_progress(d, run, out);
	strbuf_adds(out, ",\"records\":[");
	if (journal_list(d->journal, &filter, add_row, &page, f) < 0)
		return -1;
	strbuf_adds(out, "]}");
	return 0;
}

int views_arrival_run(struct ingestd *d, const char *id, struct run *out, struct fault *f)
{
	struct file_row row;
	int r;

	file_row_init(&row);
	r = journal_by_arrival(d->journal, id, &row, f);
	if (r > 0 && strcmp(row.run, id) == 0) {
		run_of_arrival(&row, out);
	} else if (r > 0) {
		r = 0;
	}
	file_row_release(&row);
	return r;
}

unsigned views_run(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const struct run *now = starts_find(d, args->id);
	struct run stored;
	int r = 1;

	run_init(&stored);
	if (!now)
		r = runs_by_id(d->journal, args->id, &stored, f);
	if (r == 0)
		r = views_arrival_run(d, args->id, &stored, f);
	if (r > 0 && !admin_sees(args, now ? now->tenant : stored.tenant))
		r = 0;
	if (r > 0) {
		add_run(now ? now : &stored, out);
		r = add_run_files(d, args->id, out, f) < 0 ? -1 : 1;
	} else if (r == 0) {
		fault_set(f, FAULT_CONFIG, "no run %s", args->id);
	}
	run_release(&stored);
	return r > 0 ? 200 : r == 0 ? 404 : journal_trouble(f);
}
