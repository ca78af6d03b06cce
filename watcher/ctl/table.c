/*
 * table - lists and objects for people; see the header
 *
 * Called by ingestctl's commands.  Cells are made once to measure the columns and again to print them.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/table.h"
#include "watcher/base/strbuf.h"

#define COLUMNS_MAX 16
#define CELL_WIDTH_MAX 60

static const json_t *member(const json_t *object, const char *key, size_t n)
{
	const char *dot = memchr(key, '.', n);
	size_t first = dot ? (size_t)(dot - key) : n;
	const json_t *v = json_object_getn(object, key, first);

	return dot && v ? member(v, dot + 1, n - first - 1) : v;
}

static void add_clean(struct strbuf *sb, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		/* a text of several lines in one cell */
		if (c == '\n')
			strbuf_adds(sb, "; ");
		else if (c < 0x20 || c == 0x7f)
			strbuf_addf(sb, "\\x%02x", c);
		else
			strbuf_addc(sb, (char)c);
	}
}

static void add_cell(struct strbuf *sb, const json_t *v)
{
	char *text;

	if (!v || json_is_null(v)) {
		strbuf_addc(sb, '-');
	} else if (json_is_string(v)) {
		add_clean(sb, json_string_value(v));
	} else {
		text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
		strbuf_adds(sb, text ? text : "?");
		free(text);
	}
}

struct column {
	const char *key;
	size_t n;
	size_t width;
};

static size_t split_columns(const char *columns, struct column out[COLUMNS_MAX])
{
	size_t count = 0;

	while (*columns && count < COLUMNS_MAX) {
		size_t n = strcspn(columns, " ");

		out[count++] = (struct column){columns, n, n};
		columns += n + strspn(columns + n, " ");
	}
	return count;
}

static size_t characters(const struct strbuf *sb)
{
	size_t n = 0;

	for (size_t i = 0; i < sb->n; i++)
		n += ((unsigned char)sb->p[i] & 0xc0) != 0x80;
	return n;
}

static void put_padded(FILE *to, const struct strbuf *cell, size_t width, bool last)
{
	size_t n = characters(cell);

	fputs(cell->p, to);
	for (; !last && n < width + 2; n++)
		fputc(' ', to);
}

void table_print(FILE *to, const json_t *list, const char *columns)
{
	struct column cols[COLUMNS_MAX];
	size_t count = split_columns(columns, cols);
	struct strbuf cell = STRBUF_INIT;
	size_t i;
	json_t *row;

	json_array_foreach(list, i, row) {
		for (size_t k = 0; k < count; k++) {
			size_t n;

			strbuf_reset(&cell);
			add_cell(&cell, member(row, cols[k].key, cols[k].n));
			n = characters(&cell);
			if (n > cols[k].width)
				cols[k].width = n < CELL_WIDTH_MAX ? n : CELL_WIDTH_MAX;
		}
	}
	for (size_t k = 0; k < count; k++) {
		strbuf_reset(&cell);
		strbuf_add(&cell, cols[k].key, cols[k].n);
		put_padded(to, &cell, cols[k].width, k + 1 == count);
	}
	fputc('\n', to);
	json_array_foreach(list, i, row) {
		for (size_t k = 0; k < count; k++) {
			strbuf_reset(&cell);
			add_cell(&cell, member(row, cols[k].key, cols[k].n));
			put_padded(to, &cell, cols[k].width, k + 1 == count);
		}
		fputc('\n', to);
	}
	strbuf_release(&cell);
}

void object_print(FILE *to, const json_t *object)
{
	struct strbuf cell = STRBUF_INIT;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		strbuf_reset(&cell);
		add_cell(&cell, v);
		fprintf(to, "%-14s %s\n", key, cell.p);
	}
	strbuf_release(&cell);
}
