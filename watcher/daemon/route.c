/*
 * route - which job a claimed file belongs to; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/route.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/back.h"
#include "watcher/daemon/ending.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/proof.h"
#include "watcher/daemon/sessions.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/spool/work.h"

#define NAMED_MAX 20 /* jobs in one sentence */

const char *route_run_limit(const struct profile *p, uint64_t files, uint64_t bytes)
{
	if (p->max_run_bytes >= 0 && bytes > (uint64_t)p->max_run_bytes)
		return ROUTE_RUN_SIZE;
	if (p->max_run_files >= 0 && files > (uint64_t)p->max_run_files)
		return ROUTE_RUN_FILES;
	return NULL;
}

void route_describe(const struct profile *p, const char *name, size_t count, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	size_t named = 0;

	for (size_t i = 0; i < p->job_count && named < NAMED_MAX; i++) {
		const struct job *j = p->jobs[i];

		if (j->trigger != TRIGGER_ARRIVAL || (count && !job_matches(j, name)))
			continue;
		strbuf_addf(&sb, "%s%s (job %s)", named++ ? ", " : "", j->pattern, j->name);
	}
	if (count)
		fault_set(f, FAULT_CONFIG, "%zu jobs match: %s; make their patterns exclude each other", count,
			  sb.p);
	else if (named)
		fault_set(f, FAULT_DATA, "no job's pattern matches the name; tried: %s", sb.p);
	else
		fault_set(f, FAULT_DATA, "no job takes files on arrival: the tenant has none");
	strbuf_release(&sb);
}

static struct job *job_of(struct file *x, struct fault *f)
{
	const struct profile *p = x->tenant->profile;
	struct job *j;
	size_t count;

	if (x->row.run[0] && x->row.job) {
		j = profile_job(p, x->row.job);
		if (!j)
			fault_set(f, FAULT_CONFIG, "job %s of its run is gone", x->row.job);
		return j;
	}
	/* only a start takes a manual job's file; this one was found in work/ after a crash */
	j = x->adopted ? profile_match(p, x->row.file, TRIGGER_MANUAL, &count) : NULL;
	if (!j)
		j = profile_match(p, x->row.file, TRIGGER_ARRIVAL, &count);
	if (!j)
		route_describe(p, x->row.file, count, f);
	return j;
}

static void detail(struct file *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The words are the contract's; how much it was stands in first_error. */
static void detail(struct file *x, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	x->row.has_first_error = true;
	x->row.error_line = 0;
	file_row_set(&x->row.error_column, NULL);
	file_row_set(&x->row.error_text, text);
}

/* By extension; what the extension does not say the job says. */
static bool format_allowed(struct file *x, const struct profile *p, const struct job *j)
{
	struct name_format n = format_of_name(x->row.file);
	struct strbuf list = STRBUF_INIT;

	if (!n.format && j->input.format == INPUT_CSV)
		n.format = FORMAT_CSV;
	if (!n.format && j->input.format == INPUT_TXT)
		n.format = FORMAT_TXT;
	if (n.format && !((n.format | n.layers) & ~p->formats))
		return true;
	format_list(&list, p->formats);
	detail(x, "the tenant's formats are %s", list.p);
	strbuf_release(&list);
	return false;
}

static int check_limits(struct file *x, const struct job *j, struct fault *f)
{
	const struct profile *p = x->tenant->profile;
	unsigned long long bytes = x->row.bytes;
	const char *broken;
	uint64_t stored;

	if (!format_allowed(x, p, j))
		return fault_set(f, FAULT_DATA, ROUTE_FORMAT);
	if (p->max_file_bytes >= 0 && x->row.bytes > (uint64_t)p->max_file_bytes) {
		detail(x, "%llu bytes; max_file_bytes is %lld", bytes, (long long)p->max_file_bytes);
		return fault_set(f, FAULT_DATA, ROUTE_FILE_SIZE);
	}
	if (work_is_sparse(x->tenant->folders, &x->row, &stored))
		return fault_set(f, FAULT_DATA,
				 "the file is almost only holes: of its %llu bytes %llu are stored (a sparse file); send what is in it",
				 bytes, (unsigned long long)stored);
	if (j->trigger != TRIGGER_ARRIVAL)
		return 0; /* checked over the whole run at its start */
	broken = route_run_limit(p, 1, x->row.bytes);
	if (!broken)
		return 0;
	detail(x, "a run of this one file: %llu bytes; max_run_bytes is %lld, max_run_files %lld", bytes,
	       (long long)p->max_run_bytes, (long long)p->max_run_files);
	return fault_set(f, FAULT_DATA, "%s", broken);
}

static void set_job(struct file *x, struct job *j)
{
	if (x->job)
		job_unref(&x->job);
	x->job = job_ref(j);
	file_row_set(&x->row.job, j->name);
	/* on arrival a run is one file: it has that file's id */
	if (!x->row.run[0])
		memcpy(x->row.run, x->row.arrival, sizeof(x->row.run));
}

/* false: what was known at its claim fails it. */
static bool look_up(struct file *x, struct fault *f)
{
	if (!x->row.arrival_fault[0]) {
		file_row_set(&x->row.arrival_fault, NULL);
		sessions_taken(x->tenant, x->row.file, &x->row);
	}
	if (!x->row.arrival_fault)
		return true;
	fault_set(f, FAULT_DATA, "%s", x->row.arrival_fault);
	return false;
}

/* Of a job that takes files by manifests, and in no run. */
static bool is_of_manifests(const struct file *x)
{
	size_t count;

	return !x->row.run[0] && (profile_match(x->tenant->profile, x->row.file, TRIGGER_MANIFEST, &count) || count);
}

/* What was left of a run at a kill that failed it.  true with no fault: the journal cannot say it now, or the daemon ends. */
static bool is_of_failed_run(struct ingestd *d, struct file *x, struct fault *f)
{
	int r = x->start ? 0 : starts_failed_whole(d, &x->row, f);

	if (r < 0 && journal_behind(d->journal))
		turn_then(d, x, step_route);
	else if (r < 0)
		ingestd_fatal(d, f);
	if (r < 0)
		fault_clear(f);
	return r != 0;
}

static void wait_for_profile(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	fault_set(&f, FAULT_CONFIG, "the tenant has no profile in force");
	file_wait(d, x, &f, 0);
}

void route_let_go(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;

	/* gone while the files of its run were proven */
	if (!x->tenant->profile) {
		wait_for_profile(d, x);
		return;
	}
	if (quota_admit(d, x, &f) < 0) {
		file_fault(d, x, &f);
		return;
	}
	file_save(d, x);
	if (!d->fatal)
		file_queue(d, x);
}

/* What may be read only when the other files of its run are there counts for nothing before that. */
static void go_on(struct ingestd *d, struct file *x)
{
	proof_look(x);
	if (!starts_before_barrier(x)) {
		route_let_go(d, x);
		return;
	}
	file_save(d, x);
	if (!d->fatal && !starts_holds(d, x))
		file_queue(d, x);
}

void step_route(struct ingestd *d, struct file *x)
{
	struct fault f = FAULT_INIT;
	struct job *j;

	CHECK(x->row.state == FILE_CLAIMED);
	starts_leave_barrier(x);
	if (starts_refused(x->start, &f)) {
		file_fault(d, x, &f);
		return;
	}
	if (x->name_reason || x->row.original) {
		fault_set(&f, FAULT_DATA, "%s", x->name_reason ? x->name_reason : "its name in in/ was no name for a file");
		file_fault(d, x, &f);
		return;
	}
	if (!x->tenant->profile && !d->profiles.first_done) {
		x->parked = true;
		return;
	}
	if (!x->tenant->profile) {
		wait_for_profile(d, x);
		return;
	}
	if (x->row.arrival_fault && !look_up(x, &f)) {
		file_fault(d, x, &f);
		return;
	}
	if (manifest_is(x)) {
		manifests_route(d, x);
		return;
	}
	/* taken for a run that the journal does not know: the next look of one takes it again */
	if (x->adopted && is_of_manifests(x) && back_give(d, x) == 0)
		return;
	if (!is_of_failed_run(d, x, &f) && (j = job_of(x, &f))) {
		set_job(x, j);
		if (check_limits(x, j, &f) == 0) {
			go_on(d, x);
			return;
		}
	}
	if (f.kind != FAULT_NONE)
		file_fault(d, x, &f);
}
