/*
 * metrics - GET /metrics; see the header
 *
 * Called by views.  Everything is in memory but the outbox's length.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/metrics.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/circuits.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/tenants.h"
#include "watcher/daemon/views.h"
#include "watcher/schedule/schedule.h"
#include "watcher/spool/outbox.h"

#define OTHER "_other"

/* What one tenant adds. */
struct sample {
	const char *tenant;
	uint64_t done, failed, held, duplicate, undone;
	struct counters rows;
	uint64_t bytes, cpu_us;
	size_t arriving;
	struct backlog backlog;
};

static void add_to(struct sample *s, struct ingestd *d, const struct tenant *t)
{
	struct arrival_counts counts = {0};
	struct backlog b;

	views_backlog(d, t, &b);
	if (t->watched)
		arrival_counts(d->arrival, t->name, &counts);
	s->done += t->done;
	s->failed += t->failed;
	s->held += t->held;
	s->duplicate += t->duplicate;
	s->undone += t->undone;
#define X(name, sentence) s->rows.name += t->rows.name;
	COUNTERS(X)
#undef X
	s->rows.documents += t->rows.documents;
	s->bytes += t->bytes;
	s->cpu_us += t->cpu_us;
	s->arriving += counts.entries;
	s->backlog.queued += b.queued;
	s->backlog.running += b.running;
	s->backlog.waiting += b.waiting;
	if (counts.oldest_ms && (!b.oldest_ms || counts.oldest_ms < b.oldest_ms))
		b.oldest_ms = counts.oldest_ms;
	if (b.oldest_ms && (!s->backlog.oldest_ms || b.oldest_ms < s->backlog.oldest_ms))
		s->backlog.oldest_ms = b.oldest_ms;
}

static size_t collect(struct ingestd *d, struct sample *list)
{
	size_t n = 0;

	for (size_t i = 0; i < map_len(&d->tenants); i++) {
		const struct tenant *t = map_value(&d->tenants, i);

		if (!tenant_known(t))
			continue;
		if (n < METRICS_TENANTS)
			list[n++].tenant = t->name;
		else if (n == METRICS_TENANTS)
			list[n++].tenant = OTHER;
		add_to(&list[n - 1], d, t);
	}
	return n;
}

/* --- lines --- */

static void head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct strbuf *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	strbuf_addf(out, "%s %.15g\n", name, value);
}

/* A number of each tenant, with a second label where there is one. */
static void line(struct strbuf *out, const char *name, const struct sample *s, const char *label, const char *word,
		 double value)
{
	strbuf_addf(out, "%s{tenant=\"%s\"", name, s->tenant);
	if (label)
		strbuf_addf(out, ",%s=\"%s\"", label, word);
	strbuf_addf(out, "} %.15g\n", value);
}

static void add_files(struct strbuf *out, const struct sample *list, size_t n)
{
	static const char name[] = "ingestd_files_total";

	head(out, name, "counter", "Files that came to their end, by outcome.");
	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &list[i];

		line(out, name, s, "outcome", "done", (double)s->done);
		line(out, name, s, "outcome", "failed", (double)s->failed);
		line(out, name, s, "outcome", "held", (double)s->held);
		line(out, name, s, "outcome", "duplicate", (double)s->duplicate);
		line(out, name, s, "outcome", "undone", (double)s->undone);
	}
}

static void add_rows(struct strbuf *out, const struct sample *list, size_t n)
{
	static const char read[] = "ingestd_rows_read_total", fate[] = "ingestd_rows_total";

	head(out, read, "counter", "Rows read of those files, headers not counted.");
	for (size_t i = 0; i < n; i++)
		line(out, read, &list[i], NULL, NULL, (double)list[i].rows.read);
	head(out, fate, "counter", "The same rows by what became of them; their sum is ingestd_rows_read_total.");
	for (size_t i = 0; i < n; i++) {
		const struct counters *c = &list[i].rows;

		line(out, fate, &list[i], "fate", "indexed", (double)c->indexed);
		line(out, fate, &list[i], "fate", "duplicate", (double)c->duplicates);
		line(out, fate, &list[i], "fate", "rejected", (double)c->rejected);
		line(out, fate, &list[i], "fate", "filtered", (double)c->filtered);
		line(out, fate, &list[i], "fate", "blank", (double)c->blank);
		line(out, fate, &list[i], "fate", "unsent", (double)c->unsent);
	}
}

static void add_amounts(struct strbuf *out, const struct sample *list, size_t n)
{
	static const char documents[] = "ingestd_documents_total", bytes[] = "ingestd_file_bytes_total",
			  cpu[] = "ingestd_worker_cpu_seconds_total";

	head(out, documents, "counter", "Documents made of those rows.");
	for (size_t i = 0; i < n; i++)
		line(out, documents, &list[i], NULL, NULL, (double)list[i].rows.documents);
	head(out, bytes, "counter", "Bytes of those files as they arrived.");
	for (size_t i = 0; i < n; i++)
		line(out, bytes, &list[i], NULL, NULL, (double)list[i].bytes);
	head(out, cpu, "counter", "CPU time that workers spent on those files.");
	for (size_t i = 0; i < n; i++)
		line(out, cpu, &list[i], NULL, NULL, (double)list[i].cpu_us / 1e6);
}

static void add_backlog(struct strbuf *out, const struct sample *list, size_t n)
{
	static const char files[] = "ingestd_backlog_files", oldest[] = "ingestd_oldest_file_timestamp_seconds";

	head(out, files, "gauge", "Files that are not at their end, by where they are.");
	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &list[i];

		line(out, files, s, "state", "arriving", (double)s->arriving);
		line(out, files, s, "state", "queued", (double)s->backlog.queued);
		line(out, files, s, "state", "running", (double)s->backlog.running);
		line(out, files, s, "state", "waiting", (double)s->backlog.waiting);
	}
	head(out, oldest, "gauge", "When the oldest of them arrived; 0: there is none.");
	for (size_t i = 0; i < n; i++)
		line(out, oldest, &list[i], NULL, NULL, (double)list[i].backlog.oldest_ms / 1000.);
}

static void add_daemon(struct ingestd *d, struct strbuf *out)
{
	struct fault f = FAULT_INIT;
	uint64_t outbox = 0;
	bool ready = d->ready && !d->stopping && !d->turn.behind && !disk_short(d) && !pauses_of(d, PAUSE_ALL, "");

	head(out, "ingestd_build_info", "gauge", "1; the version is a label.");
	strbuf_addf(out, "ingestd_build_info{version=\"%s\"} 1\n", INGEST_VERSION);
	single(out, "ingestd_start_time_seconds", "gauge", "When this process began.", (double)d->started_ms / 1000.);
	single(out, "ingestd_ready", "gauge", "1 when /readyz says so.", ready);
	single(out, "ingestd_tenants", "gauge", "Tenants there are, beyond those that have a label of their own too.",
	       (double)map_len(&d->tenants));
	single(out, "ingestd_workers", "gauge", "Files that may be worked on at the same time.", d->config->workers);
	single(out, "ingestd_workers_busy", "gauge", "Workers that have a file now.", (double)schedule_running(d->schedule));
	single(out, "ingestd_sink_circuits_open", "gauge", "1 when a sink, a credential or an index is in trouble.",
	       circuits_any(d));
	single(out, "ingestd_disk_short", "gauge", "1 when too little room keeps files from being taken.", disk_short(d));
	single(out, "ingestd_journal_commits_total", "counter", "Commits of the journal.", (double)d->turn.commits);
	single(out, "ingestd_journal_behind", "gauge", "1 when the journal cannot be written.", d->turn.behind);
	if (!d->turn.behind && outbox_count(d->journal, &outbox, &f) == 0)
		single(out, "ingestd_outbox_rows", "gauge", "Records on their way to MongoDB.", (double)outbox);
	single(out, "ingestd_loop_iteration_max_seconds", "gauge", "The longest iteration of the loop since the start.",
	       (double)d->turn.worst_us / 1e6);
	single(out, "ingestd_log_lines_lost_total", "counter", "Lines of ingestd.log that could not be written.",
	       (double)log_lost(d->log));
}

void metrics_write(struct ingestd *d, struct strbuf *out)
{
	struct sample *list = xcalloc(METRICS_TENANTS + 1, sizeof(*list));
	size_t n = collect(d, list);

	add_daemon(d, out);
	add_files(out, list, n);
	add_rows(out, list, n);
	add_amounts(out, list, n);
	add_backlog(out, list, n);
	free(list);
}
