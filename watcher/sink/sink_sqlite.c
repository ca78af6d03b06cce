/*
 * sink_sqlite - the embedded store: batches of documents into one table an index
 *
 * Called through sink.c.  Documents are first turned into cells in memory, then written in one
 * transaction when the batch holds BATCH_DOCUMENTS or BATCH_BYTES, or at sink_flush; answers come
 * after its commit, so an answered document is durable.  A document whose value does not fit its
 * column's mapping is REJECTED at once, as a server would.
 *
 * Numbers: integers that fit 64 bits are stored as integers, other digits of integer types as
 * SQLite's affinity takes them; unsigned_long beyond that as text; float types as doubles; arrays
 * and objects in a mapped column as JSON text.  In _extra everything is the JSON of the event.
 * Memory: the two buffers of the batch, which grow and stay.  Fails as the database does; a failed
 * batch is rolled back and dropped, and the connection with it.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/sink/document_id.h"
#include "watcher/sink/fit.h"
#include "watcher/sink/sink_sqlite_table.h"

#define BATCH_DOCUMENTS 10000
#define BATCH_BYTES (4 * 1024 * 1024)
#define DOCUMENT_BYTES (256 * 1024 * 1024) /* SQLite's own limit for a value is 10^9 */
#define TOO_LARGE "the document is larger than 256 MiB"

enum cell_kind { CELL_NULL, CELL_INTEGER, CELL_REAL, CELL_TEXT };

/* A value on its way to its column; text is an offset, since the buffer moves while it grows. */
struct cell {
	enum cell_kind kind;
	uint32_t n;
	union {
		int64_t integer;
		double real;
		size_t text;
	} u;
};

struct document {
	uint64_t row;
	unsigned part;
	bool written;
	size_t id; /* in texts */
	uint32_t id_n;
};

struct sink_sqlite {
	struct sink head;
	struct sqlite_db *db;
	size_t width; /* cells a document: columns and _extra */
	struct document *documents;
	size_t document_cap;
	struct cell *cells;
	size_t cell_cap;
	struct strbuf texts;
	struct strbuf extra;
	size_t *guesses; /* by position in an event: the field that was there in the last one */
	size_t guess_count;
	const struct span *names; /* those that places are of; NULL: no values came yet */
	const struct sqlite_field **places;
	bool takes_values;
};

#define NO_FIELD SIZE_MAX

static int connect_sqlite(const struct sink_leg *leg, void **connection, struct fault *f)
{
	const struct sink_config *config = leg->config;
	const char *tenant = leg->tenant;
	struct sqlite_db *db;
	char *folder;
	int r;

	CHECK(config->path && tenant[0] && !strchr(tenant, '/') && tenant[0] != '.');
	folder = fs_join(config->path, tenant);
	r = sqlite_db_open(folder, &db, f);
	free(folder);
	if (r == 0)
		*connection = db;
	return r;
}

static bool usable_sqlite(const void *connection)
{
	return sqlite_db_there(connection);
}

static void disconnect_sqlite(void *connection)
{
	struct sqlite_db *db = connection;

	sqlite_db_close(&db);
}

static int open_sqlite(void *connection, const struct sink_leg *leg, struct sink **out,
		       struct fault *f)
{
	struct sqlite_db *db = connection;
	struct sink_sqlite *ss;

	if (leg->mapping && sqlite_table_open(db, leg, f) < 0)
		return -1;
	ss = xcalloc(1, sizeof(*ss));
	ss->db = db;
	ss->width = db->table.column_count + 1;
	strbuf_init(&ss->texts);
	strbuf_init(&ss->extra);
	*out = &ss->head;
	return 0;
}

static void close_sqlite(struct sink *s)
{
	struct sink_sqlite *ss = (struct sink_sqlite *)s;

	free(ss->documents);
	free(ss->cells);
	free(ss->guesses);
	free(ss->places);
	strbuf_release(&ss->texts);
	strbuf_release(&ss->extra);
	free(ss);
}

static struct cell text_cell(struct sink_sqlite *ss, struct span s)
{
	struct cell c = {CELL_TEXT, (uint32_t)s.n, {.text = ss->texts.n}};

	strbuf_addspan(&ss->texts, s);
	return c;
}

static struct cell json_cell(struct sink_sqlite *ss, const struct value *v)
{
	struct cell c = {CELL_TEXT, 0, {.text = ss->texts.n}};

	value_add_json(&ss->texts, v);
	c.n = (uint32_t)(ss->texts.n - c.u.text);
	return c;
}

static struct cell time_cell(struct sink_sqlite *ss, int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_format(ms, text);
	return text_cell(ss, span_of(text));
}

static struct cell number_cell(struct sink_sqlite *ss, enum mapping_type type, struct span s)
{
	int64_t integer;
	double real;

	if (type == MAPPING_FLOAT)
		return fit_double(s, &real) ? (struct cell){CELL_REAL, 0, {.real = real}}
					    : text_cell(ss, s);
	if (fit_int64(s, &integer))
		return (struct cell){CELL_INTEGER, 0, {.integer = integer}};
	return text_cell(ss, s);
}

/* A number or string, in the form its column has. */
static struct cell scalar_cell(struct sink_sqlite *ss, enum mapping_type type, struct span s)
{
	switch (type) {
	case MAPPING_BYTE:
	case MAPPING_SHORT:
	case MAPPING_INTEGER:
	case MAPPING_LONG:
	case MAPPING_UNSIGNED_LONG:
	case MAPPING_FLOAT:
		if (s.n == 0)
			return (struct cell){0};
		return number_cell(ss, type, s);
	case MAPPING_BOOLEAN:
		return (struct cell){CELL_INTEGER, 0, {.integer = span_is(s, "true")}};
	case MAPPING_STRING:
	case MAPPING_DATE:
	case MAPPING_IP:
	case MAPPING_OTHER:
		break;
	}
	return text_cell(ss, s);
}

static struct cell cell_of(struct sink_sqlite *ss, enum mapping_type type, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		return (struct cell){0};
	case VALUE_BOOL:
		if (type == MAPPING_BOOLEAN)
			return (struct cell){CELL_INTEGER, 0, {.integer = v->u.boolean}};
		return text_cell(ss, span_of(v->u.boolean ? "true" : "false"));
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_STRING:
		return scalar_cell(ss, type, v->u.text);
	case VALUE_TIME:
		return time_cell(ss, v->u.time_ms);
	case VALUE_ARRAY:
	case VALUE_MAP:
		return json_cell(ss, v);
	}
	CHECK(!"a value type without a cell");
	return (struct cell){0};
}

/*
 * The field of the table with that name, or NULL.  Events of one file are alike: the place in the
 * last one is tried first.
 */
static const struct sqlite_field *field_at(struct sink_sqlite *ss, size_t position,
					   struct span name)
{
	const struct sqlite_table *t = &ss->db->table;
	const struct sqlite_field *sf;
	size_t guess;

	if (position >= ss->guess_count) {
		size_t count = position < 32 ? 64 : position * 2;

		ss->guesses = xrealloc(ss->guesses, count * sizeof(*ss->guesses));
		for (size_t i = ss->guess_count; i < count; i++)
			ss->guesses[i] = NO_FIELD;
		ss->guess_count = count;
	}
	guess = ss->guesses[position];
	if (guess != NO_FIELD && span_is(name, t->fields[guess].field.name))
		return &t->fields[guess];
	sf = sqlite_table_field(t, name);
	ss->guesses[position] = sf ? (size_t)(sf - t->fields) : NO_FIELD;
	return sf;
}

static void add_extra(struct strbuf *extra, struct span name, const struct value *v)
{
	strbuf_addc(extra, extra->n ? ',' : '{');
	json_add_string(extra, name);
	strbuf_addc(extra, ':');
	value_add_json(extra, v);
}

static void answer(struct sink_sqlite *ss, uint64_t row, unsigned part, enum sink_verdict verdict,
		   struct span column, struct span text)
{
	struct sink_answer a = {row, part, verdict, column, text};

	ss->head.leg.answer(ss->head.leg.context, &a);
}

/* Room for one more document; its cells, all null. */
static struct cell *next_cells(struct sink_sqlite *ss)
{
	size_t at = ss->head.pending * ss->width;

	if (ss->head.pending == ss->document_cap) {
		ss->document_cap = ss->document_cap ? ss->document_cap * 2 : 64;
		ss->documents = xrealloc(ss->documents, ss->document_cap * sizeof(*ss->documents));
	}
	if (at + ss->width > ss->cell_cap) {
		ss->cell_cap =
			ss->cell_cap * 2 > at + ss->width ? ss->cell_cap * 2 : at + ss->width;
		ss->cells = xrealloc(ss->cells, ss->cell_cap * sizeof(*ss->cells));
	}
	memset(ss->cells + at, 0, ss->width * sizeof(*ss->cells));
	return ss->cells + at;
}

/* sf: the table's field of that name, or NULL. */
static void add_value(struct sink_sqlite *ss, const struct sqlite_field *sf, struct span name, const struct value *v,
		      struct cell *cells)
{
	if (sf && sf->is_column)
		cells[sf->column] = cell_of(ss, sf->field.type, v);
	else
		add_extra(&ss->extra, name, v);
}

/* Of the document whose texts begin at `before`; true: it was answered. */
static bool too_large(struct sink_sqlite *ss, size_t before, uint64_t row, unsigned part, struct span name)
{
	if (ss->texts.n - before + ss->extra.n <= DOCUMENT_BYTES)
		return false;
	answer(ss, row, part, SINK_REJECTED, name, SPAN_LITERAL(TOO_LARGE));
	return true;
}

/* The event into cells; false: a value does not fit, and the document was answered. */
static bool fill_cells(struct sink_sqlite *ss, uint64_t row, unsigned part, const struct event *ev,
		       struct cell *cells)
{
	size_t before = ss->texts.n;
	char text[FIT_TEXT];

	for (size_t i = 0; i < ev->fields.len; i++) {
		const struct value_entry *e = &ev->fields.entries[i];
		const struct sqlite_field *sf = field_at(ss, i, e->name);

		if (sf && !fit_value(&sf->field, &e->value, text)) {
			answer(ss, row, part, SINK_REJECTED, e->name, span_of(text));
			return false;
		}
		add_value(ss, sf, e->name, &e->value, cells);
		if (too_large(ss, before, row, part, e->name))
			return false;
	}
	return true;
}

static size_t batch_bytes(const struct sink_sqlite *ss)
{
	return ss->texts.n +
	       ss->head.pending * (ss->width * sizeof(struct cell) + sizeof(struct document));
}

/* The cells are those of a document now, which has its id and what is no column. */
static int keep_document(struct sink *s, uint64_t row, unsigned part, struct cell *cells, struct fault *f)
{
	struct sink_sqlite *ss = (struct sink_sqlite *)s;
	char id[DOCUMENT_ID_TEXT];
	struct document *d;

	if (ss->extra.n) {
		strbuf_addc(&ss->extra, '}');
		cells[ss->width - 1] = text_cell(ss, strbuf_span(&ss->extra));
	}
	d = &ss->documents[s->pending++];
	*d = (struct document){row, part, false, ss->texts.n, 0};
	d->id_n = (uint32_t)document_id(s->leg.delivery, row, part, id);
	strbuf_add(&ss->texts, id, d->id_n);
	if (s->oldest == 0)
		s->oldest = row;
	if (s->pending >= BATCH_DOCUMENTS || batch_bytes(ss) >= BATCH_BYTES)
		return s->ops->flush(s, f);
	return 0;
}

static int put_sqlite(struct sink *s, uint64_t row, unsigned part, const struct event *ev,
		      struct fault *f)
{
	struct sink_sqlite *ss = (struct sink_sqlite *)s;
	size_t texts = ss->texts.n;
	struct cell *cells = next_cells(ss);

	strbuf_reset(&ss->extra);
	if (fill_cells(ss, row, part, ev, cells))
		return keep_document(s, row, part, cells, f);
	strbuf_cut(&ss->texts, texts);
	return 0;
}

/* A field that is mapped no longer is judged by the type that the table has of it, and what came for it by the event alone. */
static bool takes_values_sqlite(struct sink *s, const struct span *names, size_t count)
{
	struct sink_sqlite *ss = (struct sink_sqlite *)s;

	if (ss->names == names)
		return ss->takes_values;
	ss->names = names;
	ss->takes_values = true;
	ss->places = xrealloc(ss->places, count * sizeof(*ss->places));
	for (size_t i = 0; i < count; i++) {
		ss->places[i] = sqlite_table_field(&ss->db->table, names[i]);
		if (ss->places[i] && !mapping_find(s->leg.mapping, names[i]))
			ss->takes_values = false;
	}
	return ss->takes_values;
}

static int put_values_sqlite(struct sink *s, uint64_t row, const struct sink_values *v, struct fault *f)
{
	struct sink_sqlite *ss = (struct sink_sqlite *)s;
	size_t texts = ss->texts.n;
	struct cell *cells = next_cells(ss);

	CHECK(ss->names == v->names && ss->takes_values);
	strbuf_reset(&ss->extra);
	for (size_t i = 0; i < v->count; i++) {
		add_value(ss, ss->places[i], v->names[i], &v->values[i], cells);
		if (too_large(ss, texts, row, 0, v->names[i])) {
			strbuf_cut(&ss->texts, texts);
			return 0;
		}
	}
	return keep_document(s, row, 0, cells, f);
}

static int bind_cell(sqlite3_stmt *insert, int place, const struct cell *c, const char *texts)
{
	switch (c->kind) {
	case CELL_NULL:
		return SQLITE_OK; /* bindings were cleared */
	case CELL_INTEGER:
		return sqlite3_bind_int64(insert, place, c->u.integer);
	case CELL_REAL:
		return sqlite3_bind_double(insert, place, c->u.real);
	case CELL_TEXT:
		return sqlite3_bind_text(insert, place, texts + c->u.text, (int)c->n,
					 SQLITE_STATIC);
	}
	CHECK(!"a kind of cell");
	return SQLITE_MISUSE;
}

static int write_document(struct sink_sqlite *ss, size_t number, struct fault *f)
{
	sqlite3_stmt *insert = ss->db->table.insert;
	struct document *d = &ss->documents[number];
	const struct cell *cells = ss->cells + number * ss->width;
	int r;

	sqlite3_clear_bindings(insert);
	r = sqlite3_bind_text(insert, 1, ss->texts.p + d->id, (int)d->id_n, SQLITE_STATIC);
	for (size_t i = 0; i < ss->width && r == SQLITE_OK; i++)
		r = bind_cell(insert, (int)i + 2, &cells[i], ss->texts.p);
	if (r != SQLITE_OK)
		return sqlite_fault(ss->db, "cannot bind a value", f);
	if (sqlite_step(ss->db, insert, "cannot write a document", f) < 0)
		return -1;
	d->written = sqlite3_changes(ss->db->handle) == 1;
	return 0;
}

static int write_batch(struct sink_sqlite *ss, struct fault *f)
{
	if (!(ss->head.grouped && sqlite_begun(ss->db)) && sqlite_begin(ss->db, f) < 0)
		return -1;
	for (size_t i = 0; i < ss->head.pending; i++)
		if (write_document(ss, i, f) < 0)
			return -1;
	crash_point("send");
	return ss->head.grouped ? 0 : sqlite_commit(ss->db, f);
}

static int flush_sqlite(struct sink *s, struct fault *f)
{
	struct sink_sqlite *ss = (struct sink_sqlite *)s;
	size_t count = s->pending;

	if (count == 0)
		return 0;
	s->stats.requests++;
	crash_point("before-send");
	if (write_batch(ss, f) < 0) {
		sqlite_rollback(ss->db);
		s->broken = true;
		return -1;
	}
	if (!s->grouped)
		crash_point("ack");
	s->stats.bytes_sent += ss->texts.n;
	s->pending = 0;
	s->oldest = 0;
	strbuf_reset(&ss->texts);
	for (size_t i = 0; i < count; i++) {
		const struct document *d = &ss->documents[i];

		answer(ss, d->row, d->part, d->written ? SINK_INDEXED : SINK_ALREADY, SPAN_NONE, SPAN_NONE);
	}
	return 0;
}

static int remove_sqlite(struct sink *s, uint64_t row, unsigned part, struct fault *f)
{
	/* the batch first: the document may be in it */
	if (flush_sqlite(s, f) < 0)
		return -1;
	return sqlite_remove(((struct sink_sqlite *)s)->db, s, row, part, f);
}

static int undo_sqlite(struct sink *s, uint64_t rows UNUSED, uint64_t *deleted, struct fault *f)
{
	return sqlite_undo(((struct sink_sqlite *)s)->db, s, deleted, f);
}

static int count_sqlite(struct sink *s, uint64_t rows UNUSED, uint64_t *found, struct fault *f)
{
	return sqlite_count(((struct sink_sqlite *)s)->db, s, found, f);
}

const struct sink_ops sink_sqlite_ops = {
	.connect = connect_sqlite,
	.usable = usable_sqlite,
	.disconnect = disconnect_sqlite,
	.open = open_sqlite,
	.put = put_sqlite,
	.takes_values = takes_values_sqlite,
	.put_values = put_values_sqlite,
	.flush = flush_sqlite,
	.remove = remove_sqlite,
	.undo = undo_sqlite,
	.count = count_sqlite,
	.end_group = sqlite_end_group,
	.close = close_sqlite,
};
