/*
 * sink_sqlite_table - make, widen and check the table of an index
 *
 * Called by sink_sqlite.c at the opening of each leg.  Reads first without a lock; only a table
 * that must change is changed, under BEGIN IMMEDIATE, after reading again, since another worker may
 * have been quicker.  Owns the list of fields and the insert statement.  Names are hostile: they go
 * in as quoted identifiers and bound values only.
 */
#include "watcher/base/base.h"
#include "watcher/sink/sink_sqlite_table.h"
#include <strings.h>

/*
 * What the column is declared as.  unsigned_long has no affinity: beyond int64 its digits stay
 * text, and INTEGER would round them.
 */
static const char *declared(enum mapping_type type)
{
	switch (type) {
	case MAPPING_BYTE:
	case MAPPING_SHORT:
	case MAPPING_INTEGER:
	case MAPPING_LONG:
	case MAPPING_BOOLEAN:
		return " INTEGER";
	case MAPPING_UNSIGNED_LONG:
		return "";
	case MAPPING_FLOAT:
		return " REAL";
	case MAPPING_STRING:
	case MAPPING_DATE:
	case MAPPING_IP:
	case MAPPING_OTHER:
		return " TEXT";
	}
	CHECK(!"a mapping type without a column type");
	return NULL;
}

void sqlite_add_name(struct strbuf *sb, const char *name)
{
	strbuf_addc(sb, '"');
	for (; *name; name++) {
		if (*name == '"')
			strbuf_addc(sb, '"');
		strbuf_addc(sb, *name);
	}
	strbuf_addc(sb, '"');
}

static void table_release(struct sqlite_table *t)
{
	for (size_t i = 0; i < t->len; i++) {
		free(t->fields[i].field.name);
		free(t->fields[i].field.type_name);
	}
	free(t->fields);
	free(t->index);
	map_release(&t->by_name);
	sqlite3_finalize(t->insert);
	*t = (struct sqlite_table){0};
	map_init(&t->by_name);
}

void sqlite_db_close(struct sqlite_db **dbp)
{
	struct sqlite_db *db = *dbp;

	if (!db)
		return;
	table_release(&db->table);
	map_release(&db->table.by_name);
	sqlite3_finalize(db->begin);
	sqlite3_finalize(db->commit);
	sqlite3_finalize(db->rollback);
	sqlite3_close(db->handle);
	free(db->file);
	free(db);
	*dbp = NULL;
}

static void add_field(struct sqlite_table *t, const char *name, const char *type_name,
		      bool is_column)
{
	struct sqlite_field *sf;

	t->fields = xrealloc(t->fields, (t->len + 1) * sizeof(*t->fields));
	sf = &t->fields[t->len++];
	*sf = (struct sqlite_field){.is_column = is_column};
	sf->field.name = xstrdup(name);
	sf->field.type_name = xstrdup(type_name);
	sf->field.type = mapping_type_of(type_name);
	if (is_column)
		sf->column = t->column_count++;
}

const struct sqlite_field *sqlite_table_field(const struct sqlite_table *t, struct span name)
{
	return map_get(&t->by_name, name);
}

int sqlite_table_exists(struct sqlite_db *db, const char *index, bool *exists, struct fault *f)
{
	sqlite3_stmt *s;
	int r;

	if (sqlite_prepare(db, "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1", &s,
			   f) < 0)
		return -1;
	sqlite3_bind_text(s, 1, index, -1, SQLITE_STATIC);
	r = sqlite3_step(s);
	if (r == SQLITE_ROW || r == SQLITE_DONE)
		*exists = r == SQLITE_ROW;
	else
		sqlite_fault(db, "cannot read the schema", f);
	sqlite3_finalize(s);
	return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : -1;
}

/* Fills t->fields from _ingest_fields. */
static int read_fields(struct sqlite_db *db, struct sqlite_table *t, struct fault *f)
{
	static const char sql[] = "SELECT field, type, is_column FROM _ingest_fields WHERE "
				  "index_name=?1 ORDER BY field";
	sqlite3_stmt *s;
	bool exists;
	int r;

	if (sqlite_table_exists(db, "_ingest_fields", &exists, f) < 0)
		return -1;
	if (!exists)
		return 0;
	if (sqlite_prepare(db, sql, &s, f) < 0)
		return -1;
	sqlite3_bind_text(s, 1, t->index, -1, SQLITE_STATIC);
	while ((r = sqlite3_step(s)) == SQLITE_ROW)
		add_field(t, (const char *)sqlite3_column_text(s, 0),
			  (const char *)sqlite3_column_text(s, 1), sqlite3_column_int(s, 2) != 0);
	if (r != SQLITE_DONE)
		sqlite_fault(db, "cannot read _ingest_fields", f);
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? 0 : -1;
}

static void index_fields(struct sqlite_table *t)
{
	for (size_t i = 0; i < t->len; i++)
		map_put(&t->by_name, span_of(t->fields[i].field.name), &t->fields[i]);
}

/* The table as it stands now, into *t. */
static int read_table(struct sqlite_db *db, const char *index, struct sqlite_table *t, bool *exists,
		      struct fault *f)
{
	*t = (struct sqlite_table){0};
	map_init(&t->by_name);
	t->index = xstrdup(index);
	if (sqlite_table_exists(db, index, exists, f) < 0 ||
	    (*exists && read_fields(db, t, f) < 0)) {
		table_release(t);
		return -1;
	}
	index_fields(t);
	return 0;
}

/* *missing: mapped fields that the table has not seen. */
static int check_types(const struct sqlite_db *db, const struct sqlite_table *t,
		       const struct mapping *m, size_t *missing, struct fault *f)
{
	*missing = 0;
	for (size_t i = 0; i < m->len; i++) {
		const struct sqlite_field *sf = sqlite_table_field(t, span_of(m->fields[i].name));

		if (!sf) {
			(*missing)++;
			continue;
		}
		if (strcmp(sf->field.type_name, m->fields[i].type_name) != 0)
			return fault_set(f, FAULT_CONFIG,
					 "index %s: field %s is mapped as %s, but %s holds it as "
					 "%s; give it its "
					 "old type or use another index",
					 t->index, m->fields[i].name, m->fields[i].type_name,
					 db->file, sf->field.type_name);
	}
	return 0;
}

static bool reserved(const char *name)
{
	return name[0] == '\0' || strcasecmp(name, "_id") == 0 || strcasecmp(name, "_extra") == 0;
}

/* SQLite folds the case of ASCII letters in names; so does this. */
static struct span folded(const char *name, struct strbuf *sb)
{
	strbuf_reset(sb);
	for (; *name; name++)
		strbuf_addc(sb, *name >= 'A' && *name <= 'Z' ? (char)(*name + 'a' - 'A') : *name);
	return strbuf_span(sb);
}

/* Adds the fields of m that t has not, deciding which become columns. */
static void plan_fields(struct sqlite_table *t, const struct mapping *m)
{
	struct strbuf sb = STRBUF_INIT;
	struct map columns;

	map_init(&columns);
	for (size_t i = 0; i < t->len; i++)
		if (t->fields[i].is_column)
			map_put(&columns, folded(t->fields[i].field.name, &sb), t);
	for (size_t i = 0; i < m->len; i++) {
		const char *name = m->fields[i].name;
		bool column = !reserved(name) && t->column_count < SQLITE_COLUMNS_MAX &&
			      !map_get(&columns, folded(name, &sb));

		if (map_get(&t->by_name, span_of(name)))
			continue;
		add_field(t, name, m->fields[i].type_name, column);
		if (column)
			map_put(&columns, folded(name, &sb), t);
	}
	map_release(&columns);
	strbuf_release(&sb);
}

static int run(struct sqlite_db *db, const struct strbuf *sql, const char *what, struct fault *f)
{
	if (sqlite3_exec(db->handle, sql->p, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return sqlite_fault(db, what, f);
}

static int create_table(struct sqlite_db *db, const struct sqlite_table *t, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int r;

	strbuf_adds(&sb, "CREATE TABLE ");
	sqlite_add_name(&sb, t->index);
	strbuf_adds(&sb, " (\"_id\" TEXT PRIMARY KEY NOT NULL");
	for (size_t i = 0; i < t->len; i++) {
		if (!t->fields[i].is_column)
			continue;
		strbuf_adds(&sb, ", ");
		sqlite_add_name(&sb, t->fields[i].field.name);
		strbuf_adds(&sb, declared(t->fields[i].field.type));
	}
	strbuf_adds(&sb, ", \"_extra\" TEXT)");
	r = run(db, &sb, "cannot make the index's table", f);
	strbuf_release(&sb);
	return r;
}

static int widen_table(struct sqlite_db *db, const struct sqlite_table *t, size_t had,
		       struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int r = 0;

	for (size_t i = had; i < t->len && r == 0; i++) {
		if (!t->fields[i].is_column)
			continue;
		strbuf_reset(&sb);
		strbuf_adds(&sb, "ALTER TABLE ");
		sqlite_add_name(&sb, t->index);
		strbuf_adds(&sb, " ADD COLUMN ");
		sqlite_add_name(&sb, t->fields[i].field.name);
		strbuf_adds(&sb, declared(t->fields[i].field.type));
		r = run(db, &sb, "cannot add a column", f);
	}
	strbuf_release(&sb);
	return r;
}

static int record_fields(struct sqlite_db *db, const struct sqlite_table *t, size_t had,
			 struct fault *f)
{
	static const char make[] = "CREATE TABLE IF NOT EXISTS _ingest_fields (index_name TEXT NOT "
				   "NULL, field TEXT NOT NULL, "
				   "type TEXT NOT NULL, is_column INTEGER NOT NULL, PRIMARY KEY "
				   "(index_name, field)) WITHOUT ROWID";
	sqlite3_stmt *s;
	int r = 0;

	if (sqlite3_exec(db->handle, make, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fault(db, "cannot make _ingest_fields", f);
	if (sqlite_prepare(db, "INSERT INTO _ingest_fields VALUES (?1, ?2, ?3, ?4)", &s, f) < 0)
		return -1;
	for (size_t i = had; i < t->len && r == 0; i++) {
		sqlite3_bind_text(s, 1, t->index, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, t->fields[i].field.name, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 3, t->fields[i].field.type_name, -1, SQLITE_STATIC);
		sqlite3_bind_int(s, 4, t->fields[i].is_column);
		r = sqlite_step(db, s, "cannot write _ingest_fields", f);
	}
	sqlite3_finalize(s);
	return r;
}

/* Under BEGIN IMMEDIATE: reads again, then makes or widens. */
static int change_table(struct sqlite_db *db, const struct sink_leg *leg, struct sqlite_table *t,
			struct fault *f)
{
	size_t missing, had;
	bool exists;

	if (read_table(db, leg->index, t, &exists, f) < 0)
		return -1;
	if (check_types(db, t, leg->mapping, &missing, f) < 0)
		goto fail;
	had = t->len;
	plan_fields(t, leg->mapping);
	map_release(&t->by_name);
	map_init(&t->by_name);
	index_fields(t);
	if ((exists ? widen_table(db, t, had, f) : create_table(db, t, f)) < 0)
		goto fail;
	if (record_fields(db, t, had, f) < 0)
		goto fail;
	return 0;
fail:
	table_release(t);
	return -1;
}

static int change_in_transaction(struct sqlite_db *db, const struct sink_leg *leg,
				 struct sqlite_table *t, struct fault *f)
{
	if (sqlite_begin(db, f) < 0)
		return -1;
	if (change_table(db, leg, t, f) < 0) {
		sqlite_rollback(db);
		return -1;
	}
	if (sqlite_commit(db, f) < 0) {
		sqlite_rollback(db);
		table_release(t);
		return -1;
	}
	return 0;
}

static int prepare_insert(struct sqlite_db *db, struct sqlite_table *t, struct fault *f)
{
	struct strbuf sb = STRBUF_INIT;
	int r;

	strbuf_adds(&sb, "INSERT INTO ");
	sqlite_add_name(&sb, t->index);
	strbuf_adds(&sb, " (\"_id\"");
	for (size_t i = 0; i < t->len; i++) {
		if (!t->fields[i].is_column)
			continue;
		strbuf_addc(&sb, ',');
		sqlite_add_name(&sb, t->fields[i].field.name);
	}
	strbuf_adds(&sb, ",\"_extra\") VALUES (?");
	for (size_t i = 0; i < t->column_count + 1; i++)
		strbuf_adds(&sb, ",?");
	strbuf_adds(&sb, ") ON CONFLICT DO NOTHING");
	r = sqlite_prepare(db, sb.p, &t->insert, f);
	strbuf_release(&sb);
	return r;
}

/*
 * How this leg's mapping judges the fields: a date may have a format of its own, which the table does not remember, so that
 * a date that is no longer mapped is not judged at all.
 */
static void judge_by(struct sqlite_table *t, const struct mapping *m)
{
	for (size_t i = 0; i < t->len; i++) {
		struct mapping_field *field = &t->fields[i].field;
		const struct mapping_field *mf = mapping_find(m, span_of(field->name));

		if (mf)
			field->type = mf->type;
		else if (field->type == MAPPING_DATE)
			field->type = MAPPING_STRING;
	}
}

int sqlite_table_open(struct sqlite_db *db, const struct sink_leg *leg, struct fault *f)
{
	struct sqlite_table t;
	size_t missing;
	bool exists;

	if (strncmp(leg->index, "sqlite_", 7) == 0 || leg->index[0] == '_')
		return fault_set(
			f, FAULT_CONFIG,
			"index name %s: names that begin with sqlite_ or _ are the store's own",
			leg->index);
	if (read_table(db, leg->index, &t, &exists, f) < 0)
		return -1;
	if (check_types(db, &t, leg->mapping, &missing, f) < 0) {
		table_release(&t);
		return -1;
	}
	if (!exists || missing > 0) {
		table_release(&t);
		if (change_in_transaction(db, leg, &t, f) < 0)
			return -1;
	}
	if (prepare_insert(db, &t, f) < 0) {
		table_release(&t);
		return -1;
	}
	judge_by(&t, leg->mapping);
	table_release(&db->table);
	db->table = t;
	return 0;
}
