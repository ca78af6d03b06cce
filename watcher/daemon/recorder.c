/*
 * recorder - the outbox on its way to MongoDB; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/recorder.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/ipc.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/expiry.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/job_records.h"
#include "watcher/daemon/turn.h"
#include "watcher/schedule/spawn.h"
#include "watcher/spool/outbox.h"

#define AGAIN_FIRST_MS 1000
#define AGAIN_MOST_MS 15000
#define SILENCE_SECONDS 120.0
#define DEATHS_CAREFUL 2 /* with the same rows: from then on one at a time */
#define DEATHS_MAX 3	 /* with one row alone: it is put aside */
#define KEPT_SHOWN 20

/* --- how it is --- */

static void be_sick(struct ingestd *d, const struct fault *f)
{
	struct recorder *r = &d->recorder;

	r->fault = *f;
	r->sick_writing = r->sick_writing || r->handed != 0;
	if (r->sick)
		return;
	r->sick = true;
	r->sick_ms = clock_now_ms();
	event_text(d, EV_RECORDER_SICK, "reason", f->text);
}

static void be_well(struct ingestd *d)
{
	struct recorder *r = &d->recorder;
	struct outbox_state state;
	struct fault f = FAULT_INIT;

	r->fails = 0;
	if (!r->sick)
		return;
	r->sick = r->sick_writing = false;
	fault_clear(&r->fault);
	if (d->turn.behind || outbox_state(d->journal, &state, &f) < 0)
		state.rows = 0;
	event(d, EV_RECORDER_WELL, "backlog=%llu", (unsigned long long)state.rows);
}

/* --- the process --- */

static void start_later(struct ingestd *d)
{
	struct recorder *r = &d->recorder;
	int64_t ms = AGAIN_FIRST_MS;

	for (unsigned i = 0; i < r->fails && ms < AGAIN_MOST_MS; i++)
		ms *= 2;
	r->fails++;
	ev_timer_stop(d->loop, &r->again);
	ev_now_update(d->loop);
	ev_timer_set(&r->again, (double)(ms < AGAIN_MOST_MS ? ms : AGAIN_MOST_MS) / 1000., 0.);
	ev_timer_start(d->loop, &r->again);
}

static void listen(struct ingestd *d, bool on)
{
	ev_timer_stop(d->loop, &d->recorder.silence);
	if (!on)
		return;
	ev_now_update(d->loop);
	ev_timer_set(&d->recorder.silence, SILENCE_SECONDS, 0.);
	ev_timer_start(d->loop, &d->recorder.silence);
}

/* The outbox is through with every row up to m->upto: written, or refused and kept. */
static int let_go(struct ingestd *d, const struct recording *m)
{
	struct recorder *r = &d->recorder;
	struct fault f = FAULT_INIT;

	if (outbox_done(d->journal, m->upto, m->refused, m->refused_count, &f) < 0) {
		ingestd_fatal(d, &f);
		return -1;
	}
	for (size_t i = 0; i < m->refused_count; i++) {
		struct strbuf sb = STRBUF_INIT;

		strbuf_addf(&sb, "row=%lld", (long long)m->refused[i].seq);
		log_add_pair(&sb, "reason", span_of(m->refused[i].reason));
		event(d, EV_RECORD_REFUSED, "%s", sb.p);
		strbuf_release(&sb);
	}
	r->refused += m->refused_count;
	r->upto = m->upto;
	r->handed = 0;
	return 0;
}

static void take_done(struct ingestd *d, const struct recording *m)
{
	struct recorder *r = &d->recorder;

	if (!r->handed || m->upto != r->handed) {
		event_text(d, EV_RECORDER_SAID, "text", "an answer to a batch that it was not given");
		helper_kill(&r->child);
		return;
	}
	if (let_go(d, m) < 0)
		return;
	r->written_ms = clock_now_ms();
	listen(d, false);
	be_well(d);
	ingestd_progress(d);
}

static void on_message(void *ctx, const struct recording *m)
{
	struct ingestd *d = ctx;
	struct recorder *r = &d->recorder;

	listen(d, r->handed != 0 || !r->ready);
	switch (m->type) {
	case RECORDING_READY:
		r->ready = true;
		listen(d, false);
		if (!r->sick_writing)
			be_well(d);
		return;
	case RECORDING_TROUBLE:
		be_sick(d, &m->fault);
		/* of these it ends, and not of a row */
		r->hushed |= m->fault.kind == FAULT_KEY || m->fault.kind == FAULT_CONFIG;
		return;
	case RECORDING_DONE:
		take_done(d, m);
		return;
	case RECORDING_SAID:
		event_text(d, EV_RECORDER_SAID, "text", m->fault.text);
		return;
	case RECORDING_SETUP:
	case RECORDING_BATCH:
		break;
	}
	helper_kill(&r->child);
}

static void on_said(void *ctx, struct span line)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "text", line);
	event(ctx, EV_RECORDER_SAID, "%s", sb.p);
	strbuf_release(&sb);
}

/*
 * It died while it had rows: of one of them, perhaps.  Handed one at a time they tell which; that one is kept apart, and those behind it
 * go on.
 */
static void count_death(struct ingestd *d, const char *how)
{
	struct recorder *r = &d->recorder;
	struct recording m;

	r->deaths = r->died_at == r->first ? r->deaths + 1 : 1;
	r->died_at = r->first;
	if (r->first != r->handed) {
		if (r->deaths >= DEATHS_CAREFUL)
			r->careful = r->handed;
		return;
	}
	if (r->deaths < DEATHS_MAX)
		return;
	recording_init(&m, RECORDING_DONE);
	m.upto = m.refused[0].seq = r->handed;
	m.refused_count = 1;
	snprintf(m.refused[0].reason, sizeof(m.refused[0].reason), "%s %d times in a row with this row alone", how,
		 DEATHS_MAX);
	r->died_at = 0;
	(void)let_go(d, &m);
}

static void on_ended(void *ctx, const char *how)
{
	struct ingestd *d = ctx;
	struct recorder *r = &d->recorder;
	struct fault f = FAULT_INIT;

	r->ready = false;
	listen(d, false);
	fault_set(&f, FAULT_SYSTEM, "%s; it is started again", how);
	/* what it told before it ended says more */
	if (!r->sick && !d->stopping && !d->fatal)
		be_sick(d, &f);
	if (r->handed && !r->hushed && !d->stopping && !d->fatal)
		count_death(d, how);
	r->handed = 0;
	r->hushed = false;
	if (!d->stopping && !d->fatal)
		start_later(d);
}

static int on_packet(void *ctx, struct span text, struct fault *f)
{
	struct recording m;

	if (recording_parse(text, &m, f) < 0)
		return -1;
	on_message(ctx, &m);
	return 0;
}

static const struct helper_ops child_ops = {on_packet, on_said, on_ended};

static int give(struct ingestd *d, const struct recording *m, const char *name, struct span content,
		struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int fd = -1;
	int r = ipc_sealed(name, content, &fd, f);

	recording_write(m, &text);
	if (r == 0)
		r = helper_send(&d->recorder.child, strbuf_span(&text), fd, f);
	strbuf_release(&text);
	fs_close(&fd);
	return r;
}

static int set_up(struct ingestd *d, struct fault *f)
{
	const struct mongodb_config *c = &d->config->mongodb;
	struct recording m;
	char *uri = NULL;
	int r;

	if (mongodb_uri(c, &uri, f) < 0)
		return -1;
	recording_init(&m, RECORDING_SETUP);
	snprintf(m.database, sizeof(m.database), "%s", c->database);
	r = helper_start(&d->recorder.child, d->loop, "ingest-record", d->recorder.program, &child_ops, d, f);
	if (r == 0)
		r = give(d, &m, "mongodb", span_of(uri), f);
	explicit_bzero(uri, strlen(uri));
	free(uri);
	return r;
}

static void begin(struct ingestd *d)
{
	struct fault f = FAULT_INIT;

	if (set_up(d, &f) == 0) {
		listen(d, true);
		return;
	}
	be_sick(d, &f);
	if (!d->recorder.child.pid)
		start_later(d); /* else it was killed and on_ended comes */
}

static void on_again(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;

	(void)loop;
	(void)events;
	if (!d->stopping && !d->fatal)
		begin(d);
}

static void on_silence(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;
	struct fault f = FAULT_INIT;

	(void)loop;
	(void)events;
	fault_set(&f, FAULT_TEMPORARY, "ingest-record gave no sign of life for %.0f s", SILENCE_SECONDS);
	be_sick(d, &f);
	d->recorder.hushed = true;
	helper_kill(&d->recorder.child);
}

/* --- rows --- */

struct rows {
	struct ingestd *d;
	struct strbuf text;
	int64_t first, last;
};

static bool add_row(void *ctx, const struct outbox_row *row)
{
	struct rows *rows = ctx;

	recording_row_add(&rows->text, row->seq, row->kind, row->key, expiry_of(rows->d, row->kind, row->body), row->body);
	if (!rows->first)
		rows->first = row->seq;
	rows->last = row->seq;
	return rows->text.n < RECORDING_BYTES;
}

static void hand(struct ingestd *d)
{
	struct recorder *r = &d->recorder;
	struct rows rows = {.d = d, .text = STRBUF_INIT};
	struct fault f = FAULT_INIT;
	struct recording m;
	uint64_t appended = outbox_appended(d->journal);

	if (outbox_read(d->journal, r->upto, r->upto < r->careful ? 1 : RECORDING_ROWS, add_row, &rows, &f) < 0) {
		ingestd_fatal(d, &f);
	} else if (!rows.last) {
		r->empty = true;
		r->seen = appended;
		ingestd_progress(d);
	} else {
		recording_init(&m, RECORDING_BATCH);
		m.upto = r->handed = rows.last;
		r->first = rows.first;
		r->empty = false;
		listen(d, true);
		if (give(d, &m, "records", strbuf_span(&rows.text), &f) < 0) {
			r->handed = 0;
			be_sick(d, &f);
			helper_kill(&r->child);
		}
	}
	strbuf_release(&rows.text);
}

void recorder_before(struct ingestd *d)
{
	struct recorder *r = &d->recorder;

	if (!r->on || !r->jobs_owed || d->turn.behind || d->fatal || !d->ready)
		return;
	r->jobs_owed = false;
	job_records_look(d);
}

void recorder_after(struct ingestd *d)
{
	struct recorder *r = &d->recorder;

	if (!r->on || !r->ready || r->handed || !r->child.pid || d->fatal || d->stopping)
		return;
	/* only what is committed */
	if (d->turn.behind || journal_dirty(d->journal))
		return;
	if (r->empty && r->seen == outbox_appended(d->journal))
		return;
	hand(d);
}

void recorder_jobs(struct ingestd *d)
{
	d->recorder.jobs_owed = true;
}

bool recorder_idle(const struct ingestd *d)
{
	const struct recorder *r = &d->recorder;

	struct fault f = FAULT_INIT;
	uint64_t rows = 1;

	if (!r->on)
		return true;
	if (r->jobs_owed || r->handed || d->turn.behind || journal_dirty(d->journal))
		return false;
	/* with nothing to write it does not matter whether MongoDB is there */
	return outbox_count(d->journal, &rows, &f) == 0 && rows == 0;
}

bool recorder_quiet(const struct ingestd *d)
{
	return !d->recorder.handed || d->recorder.sick;
}

/* --- begin and end --- */

void recorder_init(struct ingestd *d)
{
	struct recorder *r = &d->recorder;

	helper_init(&r->child);
	ev_init(&r->again, on_again);
	ev_init(&r->silence, on_silence);
	r->again.data = r->silence.data = d;
}

int recorder_start(struct ingestd *d, struct fault *f)
{
	struct recorder *r = &d->recorder;

	if (!mongodb_on(&d->config->mongodb))
		return 0;
	if (spawn_beside("ingest-record", &r->program, f) < 0 || outbox_again(d->journal, f) < 0)
		return -1;
	r->on = r->jobs_owed = true;
	begin(d);
	return 0;
}

void recorder_stop(struct ingestd *d)
{
	struct recorder *r = &d->recorder;

	if (d->loop) {
		ev_timer_stop(d->loop, &r->again);
		ev_timer_stop(d->loop, &r->silence);
		helper_stop(&r->child);
	}
	free(r->program);
	r->program = NULL;
}

/* --- status --- */

static void add_count(struct strbuf *out, const char *key, bool known, uint64_t n)
{
	if (known) {
		json_pair_u64(out, key, n);
		return;
	}
	json_add_key(out, key);
	strbuf_adds(out, "null");
}

static bool add_kept(void *ctx, const char *kind, const char *key, const char *reason, int64_t refused_ms)
{
	struct strbuf *out = ctx;

	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "kind", kind);
	json_pair_string(out, "key", key);
	json_pair_time(out, "since", refused_ms);
	json_pair_string(out, "reason", reason);
	strbuf_addc(out, '}');
	return true;
}

void recorder_add_json(struct ingestd *d, struct strbuf *out)
{
	const struct recorder *r = &d->recorder;
	struct outbox_state state = {0};
	struct fault f = FAULT_INIT;
	bool known = !d->turn.behind && outbox_state(d->journal, &state, &f) == 0;

	strbuf_addc(out, '{');
	json_pair_string(out, "store", r->on ? "mongodb" : NULL);
	json_pair_string(out, "database", r->on ? d->config->mongodb.database : NULL);
	json_pair_string(out, "state", !r->on ? "off" : r->sick ? "trouble" : r->ready ? "ok" : "starting");
	add_count(out, "backlog", r->on && known, state.rows);
	json_pair_time(out, "oldest", r->on && known ? state.oldest_ms : 0);
	add_count(out, "refused", known, state.refused);
	json_pair_time(out, "last_written", r->written_ms);
	json_pair_time(out, "since", r->sick ? r->sick_ms : 0);
	json_pair_string(out, "fault", r->sick ? fault_kind_name(r->fault.kind) : NULL);
	json_pair_string(out, "reason", r->sick ? r->fault.text : NULL);
	json_add_key(out, "kept");
	strbuf_addc(out, '[');
	if (known && state.refused && outbox_refused(d->journal, KEPT_SHOWN, add_kept, out, &f) < 0)
		fault_clear(&f);
	strbuf_adds(out, "]}");
}
