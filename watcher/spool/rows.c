/*
 * rows - struct file_row in the tables arrivals and legs; see rows.h
 *
 * Each field stands once, in one of the two tables below.  A leg is found by a left join, so a row
 * without one loads as LEG_NONE.
 */
#include "watcher/base/base.h"
#include "watcher/spool/rows.h"

#include "watcher/spool/columns.h"

static const char *name_state(unsigned v)
{
	return file_state_name((enum file_state)v);
}

static const char *name_fault(unsigned v)
{
	return fault_kind_name((enum fault_kind)v);
}

static const char *name_outcome(unsigned v)
{
	return outcome_name((enum outcome)v);
}

static const char *name_folder(unsigned v)
{
	return folder_name((enum folder)v);
}

static const char *name_leg(unsigned v)
{
	return leg_state_name((enum leg_state)v);
}

static const char *name_after(unsigned v)
{
	return (enum after_undo)v == AFTER_UNDO_LOAD ? "load" : "place";
}

static const char *record_state_of(const void *row)
{
	return file_row_record_state(row);
}

#define AT(field) offsetof(struct file_row, field)
#define TEXT(column, field) \
	{ \
		.name = column, .kind = COLUMN_TEXT, .offset = AT(field) \
	}
#define FIXED(column, field) \
	{ \
		.name = column, .kind = COLUMN_FIXED, .offset = AT(field), \
		.size = sizeof(((struct file_row *)0)->field) \
	}
#define U64(column, field) \
	{ \
		.name = column, .kind = COLUMN_U64, .offset = AT(field) \
	}
#define TIME(column, field) \
	{ \
		.name = column, .kind = COLUMN_TIME, .offset = AT(field) \
	}
#define NAME(column, field, count, fn) \
	{ \
		.name = column, .kind = COLUMN_NAME, .offset = AT(field), .size = (count), \
		.value_name = (fn) \
	}
#define NAME_IF(column, field, count, fn, flag) \
	{ \
		.name = column, .kind = COLUMN_NAME, .offset = AT(field), .size = (count), \
		.value_name = (fn), .has = AT(flag) \
	}

static const struct column arrival_columns[] = {
	FIXED("arrival", arrival),
	TEXT("tenant", tenant),
	TEXT("file", file),
	{.name = "original", .kind = COLUMN_BYTES, .offset = AT(original)},
	TEXT("arrival_fault", arrival_fault),
	TEXT("job", job),
	FIXED("run", run),
	NAME("state", state, FILE_STATE_COUNT, name_state),
	NAME("resume", resume, FILE_STATE_COUNT, name_state),
	{.name = "record_state", .kind = COLUMN_MADE, .made_of = record_state_of},
	TEXT("reason", reason),
	NAME("fault", fault, FAULT_SYSTEM + 1, name_fault),
	TIME("until_ms", until_ms),
	U64("bytes", bytes),
	TIME("mtime_ms", mtime_ms),
	FIXED("delivery", delivery),
	FIXED("sha256", sha256),
	FIXED("version", version),
	FIXED("duplicate_of", duplicate_of),
	FIXED("replaces", replaces),
	FIXED("replaced_by", replaced_by),
	{.name = "released", .kind = COLUMN_BOOL, .offset = AT(released)},
	FIXED("quota_day", quota_day),
	{.name = "quota_held", .kind = COLUMN_BOOL, .offset = AT(quota_held)},
	{.name = "quota_until_ms", .kind = COLUMN_I64, .offset = AT(quota_until_ms)},
#define X(field) {.name = "booked_" #field, .kind = COLUMN_I64, .offset = AT(booked.field)},
	USAGE_SUMS(X)
#undef X
	U64("attempts", attempts),
	U64("deaths", deaths),
	U64("deaths_row", deaths_row),
	NAME_IF("outcome", outcome, OUTCOME_WAITING + 1, name_outcome, has_outcome),
	NAME("after_undo", after_undo, AFTER_UNDO_LOAD + 1, name_after),
	{.name = "altered", .kind = COLUMN_BOOL, .offset = AT(altered)},
	TEXT("target", target),
	NAME_IF("folder", folder, FOLDER_COUNT, name_folder, has_folder),
	TEXT("rejects", rejects),
	{.name = "error_line",
	 .kind = COLUMN_U64,
	 .offset = AT(error_line),
	 .has = AT(has_first_error)},
	TEXT("error_column", error_column),
	TEXT("error_text", error_text),
	TEXT("coercions", coercions_json),
	TEXT("sentence", sentence),
	TEXT("encrypted_to", encrypted_to),
	U64("cpu_us", cpu_us),
	U64("peak_rss", peak_rss),
	TIME("arrived_ms", times.arrived),
	TIME("complete_ms", times.complete),
	TIME("claimed_ms", times.claimed),
	TIME("started_ms", times.started),
	TIME("indexed_ms", times.indexed),
	TIME("placed_ms", times.placed),
	TIME("removed_ms", times.removed),
};

#define COUNTER(column, field) U64(column, leg.checkpoint.counters.field)

/* the first is the row's own and is not loaded: it is null where there is no leg */
static const struct column leg_columns[] = {
	FIXED("arrival", arrival),
	TEXT("sink", leg.sink),
	NAME("state", leg.state, LEG_UNDONE + 1, name_leg),
	TEXT("index_name", leg.index),
	{.name = "sent", .kind = COLUMN_BOOL, .offset = AT(leg.sent)},
	U64("next_row", leg.checkpoint.next_row),
	U64("byte_offset", leg.checkpoint.offset),
	U64("line", leg.checkpoint.line),
	U64("rejects_length", leg.checkpoint.rejects_length),
#define X(field, sentence) COUNTER(#field, field),
	COUNTERS(X)
#undef X
		COUNTER("documents", documents),
	COUNTER("requests", requests),
	COUNTER("retries", retries),
	COUNTER("bytes_sent", bytes_sent),
	U64("extent_rows", leg.extent.rows),
	U64("extent_parts", leg.extent.parts),
};

#define ARRIVAL_COLUMNS ARRAY_LEN(arrival_columns)
#define LEG_COLUMNS ARRAY_LEN(leg_columns)
#define LEG_KEY 2 /* arrival, sink */

void rows_texts_init(struct rows_texts *t)
{
	struct strbuf sb = STRBUF_INIT;

	columns_insert(&sb, "arrivals", arrival_columns, ARRIVAL_COLUMNS);
	t->insert = strbuf_detach(&sb);
	strbuf_init(&sb);
	columns_update(&sb, "arrivals", arrival_columns, ARRIVAL_COLUMNS);
	t->update = strbuf_detach(&sb);
	strbuf_init(&sb);
	columns_insert(&sb, "legs", leg_columns, LEG_COLUMNS);
	strbuf_adds(&sb, " ON CONFLICT (arrival, sink) DO UPDATE SET ");
	columns_excluded(&sb, leg_columns, LEG_KEY, LEG_COLUMNS);
	t->leg = strbuf_detach(&sb);
	strbuf_init(&sb);
	strbuf_adds(&sb, "SELECT ");
	columns_list(&sb, "a", arrival_columns, ARRIVAL_COLUMNS);
	strbuf_adds(&sb, ", ");
	columns_list(&sb, "l", leg_columns + 1, LEG_COLUMNS - 1);
	strbuf_adds(&sb, " FROM arrivals a LEFT JOIN legs l ON l.arrival = a.arrival ");
	t->select = strbuf_detach(&sb);
}

void rows_texts_release(struct rows_texts *t)
{
	free(t->insert);
	free(t->update);
	free(t->leg);
	free(t->select);
	memset(t, 0, sizeof(*t));
}

void rows_bind_arrival(struct db_stmt *q, const struct file_row *r)
{
	CHECK(r->arrival[0] && r->tenant && r->file);
	columns_bind(q, arrival_columns, ARRIVAL_COLUMNS, r);
}

void rows_bind_leg(struct db_stmt *q, const struct file_row *r)
{
	CHECK(r->leg.state != LEG_NONE && r->leg.sink);
	columns_bind(q, leg_columns, LEG_COLUMNS, r);
}

int rows_load(struct db_stmt *q, struct file_row *r, struct fault *f)
{
	file_row_release(r);
	if (columns_load(q, 0, arrival_columns, ARRIVAL_COLUMNS, r, f) < 0)
		return -1;
	return columns_load(q, ARRIVAL_COLUMNS, leg_columns + 1, LEG_COLUMNS - 1, r, f);
}
