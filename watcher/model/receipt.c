/*
 * receipt - the record of a file as JSON, and its sentence; see the header
 *
 * Called by place (the file beside the data), the outbox and the HTTP API: one writer, so all three always agree.
 */
#include "watcher/base/base.h"
#include "watcher/model/receipt.h"
#include "watcher/base/json_out.h"

void receipt_init(struct receipt *r)
{
	memset(r, 0, sizeof(*r));
}

void receipt_release(struct receipt *r)
{
	free(r->duplicate_of);
	free(r->replaces);
	free(r->replaced_by);
	free(r->tenant);
	free(r->job);
	free(r->run);
	free(r->file);
	free(r->state);
	free(r->reason);
	free(r->sink);
	free(r->index);
	free(r->leg_state);
	free(r->error_column);
	free(r->error_text);
	free(r->coercions_json);
	free(r->rejects_file);
	free(r->encrypted_to);
	receipt_init(r);
}

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

static bool is_state(const struct receipt *r, const char *state)
{
	return r->state && strcmp(r->state, state) == 0;
}

static void add_done(struct strbuf *sb, const struct receipt *r)
{
	const struct counters *c = &r->counters;

	strbuf_addf(sb, "%llu %s read, %llu indexed into %s",
		    (unsigned long long)c->read, c->read == 1 ? "row" : "rows",
		    (unsigned long long)(c->indexed + c->duplicates),
		    r->index ? r->index : "the index");
	if (c->rejected)
		strbuf_addf(sb, ", %llu rejected and listed in %s", (unsigned long long)c->rejected,
			    r->rejects_file ? r->rejects_file : "the rejects file");
	if (c->filtered)
		strbuf_addf(sb, ", %llu dropped by the filter", (unsigned long long)c->filtered);
	if (c->blank)
		strbuf_addf(sb, ", %llu blank", (unsigned long long)c->blank);
	if (r->replaces)
		strbuf_addf(sb, "; it replaces arrival %s, whose rows were taken back", r->replaces);
	strbuf_addc(sb, '.');
}

void receipt_add_sentence(struct strbuf *sb, const struct receipt *r)
{
	const char *why = or_null(r->reason) ? r->reason : "no reason is recorded";

	if (is_state(r, "done") && !r->has_rows)
		strbuf_adds(sb, "Done: every file of the run that this manifest started is done.");
	else if (is_state(r, "done"))
		add_done(sb, r);
	else if (is_state(r, "failed"))
		strbuf_addf(sb, "Failed: %s. No row of this file is in the store%s%s; mend it and "
				"send it again.",
			    why, r->rejects_file ? "; the rejected rows are listed in " : "",
			    r->rejects_file ? r->rejects_file : "");
	else if (is_state(r, "held"))
		strbuf_addf(sb, "Held: %s. The file is kept and nothing of it was stored%s.", why,
			    r->goes_by_itself ? "" : "; the operator decides");
	else if (is_state(r, "duplicate"))
		strbuf_addf(sb, "Duplicate: the same bytes under this name were already delivered%s%s; "
				"nothing was stored again.",
			    r->duplicate_of ? " by " : "", r->duplicate_of ? r->duplicate_of : "");
	else if (is_state(r, "undone"))
		strbuf_addf(sb, "Undone: %s. Every row of this file was taken back from the store.",
			    why);
	else if (is_state(r, "waiting"))
		strbuf_addf(sb, "Waiting: %s. It goes on by itself.", why);
	else
		strbuf_addf(sb, "In work: %s.", r->state ? r->state : "unknown");
}

static void add_rows(struct strbuf *sb, const struct receipt *r)
{
	json_add_key(sb, "rows");
	if (!r->has_rows) {
		strbuf_adds(sb, "null");
		json_add_key(sb, "documents");
		strbuf_adds(sb, "null");
		return;
	}
	counters_add_rows_json(sb, &r->counters);
	json_pair_u64(sb, "documents", r->counters.documents);
}

static void add_sinks(struct strbuf *sb, const struct receipt *r)
{
	const struct counters *c = &r->counters;

	json_add_key(sb, "sinks");
	strbuf_addc(sb, '[');
	if (r->sink) {
		strbuf_addc(sb, '{');
		json_pair_string(sb, "sink", r->sink);
		json_pair_string(sb, "index", or_null(r->index));
		json_pair_string(sb, "state", or_null(r->leg_state));
		json_pair_u64(sb, "indexed", c->indexed);
		json_pair_u64(sb, "duplicates", c->duplicates);
		json_pair_u64(sb, "rejected", c->rejected);
		json_pair_u64(sb, "requests", c->requests);
		json_pair_u64(sb, "retries", c->retries);
		json_pair_u64(sb, "bytes_sent", c->bytes_sent);
		strbuf_addc(sb, '}');
	}
	strbuf_addc(sb, ']');
}

static void add_first_error(struct strbuf *sb, const struct receipt *r)
{
	const char *column = or_null(r->error_column);

	json_add_key(sb, "first_error");
	if (!r->has_first_error) {
		strbuf_adds(sb, "null");
		return;
	}
	strbuf_addc(sb, '{');
	json_pair_u64(sb, "line", r->error_line);
	json_pair_string(sb, "column", column);
	json_pair_string(sb, "field", column);
	json_pair_string(sb, "message", or_null(r->error_text));
	strbuf_addc(sb, '}');
}

static int64_t span_ms(int64_t from, int64_t to)
{
	return from > 0 && to >= from ? to - from : -1;
}

static void add_times(struct strbuf *sb, const struct receipt *r, bool with_placed)
{
	int64_t indexed = r->times.indexed ? r->times.indexed : r->times.ended;
	int64_t end = r->times.placed ? r->times.placed : indexed;

	json_add_key(sb, "times");
	strbuf_addc(sb, '{');
	json_pair_time(sb, "arrived", r->times.arrived);
	json_pair_time(sb, "complete", r->times.complete);
	json_pair_time(sb, "claimed", r->times.claimed);
	json_pair_time(sb, "started", r->times.started);
	json_pair_time(sb, "indexed", r->times.indexed);
	if (with_placed)
		json_pair_time(sb, "placed", r->times.placed);
	strbuf_addc(sb, '}');
	json_add_key(sb, "seconds");
	strbuf_addc(sb, '{');
	json_pair_seconds(sb, "queue", span_ms(r->times.claimed, r->times.started));
	json_pair_seconds(sb, "work", span_ms(r->times.started, end));
	json_pair_seconds(sb, "total", span_ms(r->times.arrived, end));
	strbuf_addc(sb, '}');
}

void receipt_add_json(struct strbuf *sb, const struct receipt *r, bool with_placed)
{
	struct strbuf sentence = STRBUF_INIT;

	strbuf_addc(sb, '{');
	json_pair_string(sb, "id", r->arrival);
	json_pair_string(sb, "delivery", or_null(r->delivery));
	json_pair_string(sb, "duplicate_of", or_null(r->duplicate_of));
	json_pair_string(sb, "replaces", or_null(r->replaces));
	json_pair_string(sb, "replaced_by", or_null(r->replaced_by));
	json_pair_string(sb, "tenant", or_null(r->tenant));
	json_pair_string(sb, "job", or_null(r->job));
	json_pair_string(sb, "run", or_null(r->run));
	json_pair_string(sb, "file", or_null(r->file));
	json_pair_u64(sb, "bytes", r->bytes);
	json_pair_string(sb, "sha256", or_null(r->sha256));
	json_pair_string(sb, "state", or_null(r->state));
	json_pair_string(sb, "reason", or_null(r->reason));
	json_pair_string(sb, "job_version", or_null(r->job_version));
	add_rows(sb, r);
	add_sinks(sb, r);
	add_first_error(sb, r);
	json_add_key(sb, "coercions");
	strbuf_adds(sb, or_null(r->coercions_json) ? r->coercions_json : "[]");
	json_add_key(sb, "quality");
	strbuf_adds(sb, "[]");
	json_pair_string(sb, "encrypted_to", or_null(r->encrypted_to));
	add_times(sb, r, with_placed);
	json_pair_u64(sb, "attempts", r->attempts);
	json_add_key(sb, "cpu_seconds");
	strbuf_addf(sb, "%llu.%06llu", (unsigned long long)(r->cpu_us / 1000000),
		    (unsigned long long)(r->cpu_us % 1000000));
	json_pair_u64(sb, "peak_rss_bytes", r->peak_rss);
	receipt_add_sentence(&sentence, r);
	json_pair_span(sb, "sentence", strbuf_span(&sentence));
	strbuf_addc(sb, '}');
	strbuf_release(&sentence);
}
