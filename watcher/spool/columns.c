/*
 * columns - fields of a struct as columns of a table; see columns.h
 *
 * Enums are stored by name, so that a person reads the journal and a new value in the middle moves
 * nothing.  A name that is unknown here is a fault (somebody edited the file), never a wrong state.
 */
#include "watcher/base/base.h"
#include "watcher/spool/columns.h"

void columns_insert(struct strbuf *sb, const char *table, const struct column *c, size_t n)
{
	strbuf_addf(sb, "INSERT INTO %s (", table);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(sb, "%s%s", i ? ", " : "", c[i].name);
	strbuf_adds(sb, ") VALUES (");
	for (size_t i = 0; i < n; i++)
		strbuf_addf(sb, "%s?%zu", i ? ", " : "", i + 1);
	strbuf_addc(sb, ')');
}

void columns_update(struct strbuf *sb, const char *table, const struct column *c, size_t n)
{
	strbuf_addf(sb, "UPDATE %s SET ", table);
	for (size_t i = 1; i < n; i++)
		strbuf_addf(sb, "%s%s = ?%zu", i > 1 ? ", " : "", c[i].name, i + 1);
	strbuf_addf(sb, " WHERE %s = ?1", c[0].name);
}

void columns_excluded(struct strbuf *sb, const struct column *c, size_t first, size_t n)
{
	for (size_t i = first; i < n; i++)
		strbuf_addf(sb, "%s%s = excluded.%s", i > first ? ", " : "", c[i].name, c[i].name);
}

void columns_list(struct strbuf *sb, const char *prefix, const struct column *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_addf(sb, "%s%s.%s", i ? ", " : "", prefix, c[i].name);
}

static bool is_there(const struct column *c, const char *base)
{
	return !c->has || *(const bool *)(base + c->has);
}

static void bind_one(struct db_stmt *q, int at, const struct column *c, const char *base)
{
	const char *field = base + c->offset;
	const char *text;

	switch (c->kind) {
	case COLUMN_TEXT:
		db_bind_text(q, at, *(char *const *)field);
		break;
	case COLUMN_BYTES:
		text = *(char *const *)field;
		if (text)
			db_bind_blob(q, at, span_of(text));
		else
			db_bind_null(q, at);
		break;
	case COLUMN_FIXED:
		db_bind_text(q, at, field[0] ? field : NULL);
		break;
	case COLUMN_U64:
		if (is_there(c, base))
			db_bind_u64(q, at, *(const uint64_t *)field);
		else
			db_bind_null(q, at);
		break;
	case COLUMN_I64:
		db_bind_i64(q, at, *(const int64_t *)field);
		break;
	case COLUMN_TIME:
		if (*(const int64_t *)field)
			db_bind_i64(q, at, *(const int64_t *)field);
		else
			db_bind_null(q, at);
		break;
	case COLUMN_BOOL:
		db_bind_i64(q, at, *(const bool *)field);
		break;
	case COLUMN_NAME:
		db_bind_text(q, at,
			     is_there(c, base) ? c->value_name(*(const unsigned *)field) : NULL);
		break;
	case COLUMN_MADE:
		db_bind_text(q, at, c->made_of(base));
		break;
	}
}

void columns_bind(struct db_stmt *q, const struct column *c, size_t n, const void *thing)
{
	for (size_t i = 0; i < n; i++)
		bind_one(q, (int)i + 1, &c[i], thing);
}

static int load_name(const char *text, const struct column *c, unsigned *out, struct fault *f)
{
	for (unsigned v = 0; v < c->size; v++) {
		if (strcmp(c->value_name(v), text) != 0)
			continue;
		*out = v;
		return 0;
	}
	return fault_set(f, FAULT_SYSTEM,
			 "journal: column %s holds '%s', which this version does not know", c->name,
			 text);
}

static int load_fixed(const char *text, const struct column *c, char *out, struct fault *f)
{
	size_t n = text ? strlen(text) : 0;

	if (n >= c->size)
		return fault_set(f, FAULT_SYSTEM,
				 "journal: column %s holds %zu bytes, at most %zu belong there",
				 c->name, n, c->size - 1);
	memset(out, 0, c->size);
	if (n)
		memcpy(out, text, n);
	return 0;
}

static void load_string(struct span s, char **out)
{
	free(*out);
	*out = s.p ? xstrndup(s.p, s.n) : NULL;
}

static int load_one(struct db_stmt *q, int at, const struct column *c, char *base, struct fault *f)
{
	char *field = base + c->offset;
	bool null = db_is_null(q, at);

	if (c->has)
		*(bool *)(base + c->has) = !null;
	switch (c->kind) {
	case COLUMN_TEXT:
	case COLUMN_BYTES:
		load_string(null ? SPAN_NONE : db_span(q, at), (char **)field);
		return 0;
	case COLUMN_FIXED:
		return load_fixed(db_text(q, at), c, field, f);
	case COLUMN_U64:
		*(uint64_t *)field = db_u64(q, at);
		return 0;
	case COLUMN_I64:
	case COLUMN_TIME:
		*(int64_t *)field = db_i64(q, at);
		return 0;
	case COLUMN_BOOL:
		*(bool *)field = db_i64(q, at) != 0;
		return 0;
	case COLUMN_NAME:
		*(unsigned *)field = 0;
		return null ? 0 : load_name(db_text(q, at), c, (unsigned *)field, f);
	case COLUMN_MADE:
		return 0;
	}
	return 0;
}

int columns_load(struct db_stmt *q, int from, const struct column *c, size_t n, void *thing,
		 struct fault *f)
{
	for (size_t i = 0; i < n; i++)
		if (load_one(q, from + (int)i, &c[i], thing, f) < 0)
			return -1;
	return 0;
}
