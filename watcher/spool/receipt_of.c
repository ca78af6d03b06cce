/*
 * receipt_of - the record of a file from its journal row; see receipt_of.h
 *
 * Called by place (the receipt), the journal (outbox, sentence) and the daemon (show, lists).
 * Copies everything; cannot fail.
 */
#include "watcher/base/base.h"
#include "watcher/spool/receipt_of.h"
#include "watcher/base/clock.h"

static char *copy(const char *s)
{
	return s && s[0] ? xstrdup(s) : NULL;
}

static void copy_leg(const struct leg *leg, struct receipt *out)
{
	if (leg->state == LEG_NONE)
		return;
	out->has_rows = true;
	out->counters = leg->checkpoint.counters;
	out->sink = copy(leg->sink);
	out->index = copy(leg->index);
	out->leg_state = xstrdup(leg_state_name(leg->state));
}

void receipt_of(const struct file_row *r, enum receipt_for what, struct receipt *out)
{
	receipt_init(out);
	memcpy(out->arrival, r->arrival, sizeof(out->arrival));
	memcpy(out->delivery, r->delivery, sizeof(out->delivery));
	memcpy(out->sha256, r->sha256, sizeof(out->sha256));
	memcpy(out->job_version, r->version, sizeof(out->job_version));
	out->duplicate_of = copy(r->duplicate_of);
	out->replaces = copy(r->replaces);
	out->replaced_by = copy(r->replaced_by);
	out->tenant = copy(r->tenant);
	out->job = copy(r->job);
	out->run = copy(r->run);
	out->file = copy(r->file);
	out->bytes = r->bytes;
	if (what == RECEIPT_FILE)
		CHECK(r->has_outcome);
	out->state =
		xstrdup(what == RECEIPT_FILE ? outcome_name(r->outcome) : file_row_record_state(r));
	out->reason = copy(r->reason);
	out->goes_by_itself = r->quota_held && r->quota_until_ms;
	copy_leg(&r->leg, out);
	out->has_first_error = r->has_first_error;
	out->error_line = r->error_line;
	out->error_column = copy(r->error_column);
	out->error_text = copy(r->error_text);
	out->coercions_json = copy(r->coercions_json);
	out->times.arrived = r->times.arrived;
	out->times.complete = r->times.complete;
	out->times.claimed = r->times.claimed;
	out->times.started = r->times.started;
	out->times.indexed = r->times.indexed;
	out->times.placed = what == RECEIPT_FILE ? 0 : r->times.placed;
	out->times.ended = what == RECEIPT_FILE ? clock_now_ms() : 0;
	out->encrypted_to = copy(r->encrypted_to);
	out->attempts = r->attempts;
	out->cpu_us = r->cpu_us;
	out->peak_rss = r->peak_rss;
	out->rejects_file = copy(r->rejects);
}

void receipt_text(const struct file_row *r, enum receipt_for what, struct strbuf *sb)
{
	struct receipt c;

	receipt_of(r, what, &c);
	receipt_add_json(sb, &c, what == RECEIPT_RECORD);
	strbuf_addc(sb, '\n');
	receipt_release(&c);
}
