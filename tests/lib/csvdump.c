/*
 * csvdump - show what the parser makes of a file; a second opinion for tests
 *
 *	csvdump [-h] [-t] [-n] [-w WINDOW] [-m MAX_ROW] [-c MAX_COLUMNS] [-s ROW,LINE,OFFSET] FILE
 *
 * One JSON value a line: the header as {"header":[...],"raw":...}; a good row as an array of strings (with -n its message); the
 * others as {"row":..,"line":..,"state":"blank"|"bad","column":..,"error":..,"raw":..}.  With -p each row is wrapped with its
 * place, which is what -s takes.  Exit 1 with the fault's sentence on standard error.  Read by tests/golden/test_csv_corpus.py.
 */
#include "watcher/base/base.h"
#include "watcher/base/json_out.h"
#include "watcher/decode/stream.h"
#include "watcher/parse/parser.h"
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

static bool places;

static struct arena arena;

static void add_raw(struct strbuf *sb, const struct record *rec)
{
	json_pair_span(sb, "raw", rec->raw);
	json_pair_bool(sb, "cut", rec->raw_cut);
}

static void add_row(struct strbuf *sb, const struct record *rec)
{
	strbuf_addc(sb, '[');
	if (!rec->fields)
		json_add_lossy(sb, rec->raw);
	for (size_t i = 0; i < rec->field_count; i++) {
		if (i)
			strbuf_addc(sb, ',');
		json_add_lossy(sb, field_text(&rec->fields[i], &arena));
	}
	arena_reset(&arena);
	strbuf_addc(sb, ']');
}

static void add_record(struct strbuf *sb, const struct record *rec)
{
	if (rec->state == RECORD_ROW && !places) {
		add_row(sb, rec);
		return;
	}
	strbuf_addc(sb, '{');
	json_pair_u64(sb, "row", rec->row);
	json_pair_u64(sb, "line", rec->line);
	json_pair_u64(sb, "offset", rec->offset);
	json_pair_u64(sb, "next_line", rec->next_line);
	json_pair_u64(sb, "next_offset", rec->next_offset);
	if (rec->state == RECORD_ROW) {
		json_add_key(sb, "fields");
		add_row(sb, rec);
	} else {
		json_pair_string(sb, "state", rec->state == RECORD_BLANK ? "blank" : "bad");
	}
	if (rec->state == RECORD_BAD) {
		json_pair_string(sb, "column", rec->error.column);
		json_pair_string(sb, "error", rec->error.text);
	}
	add_raw(sb, rec);
	strbuf_addc(sb, '}');
}

static void add_header(struct strbuf *sb, const struct parser_header *h)
{
	strbuf_adds(sb, "{\"header\":[");
	for (size_t i = 0; i < h->count; i++) {
		if (i)
			strbuf_addc(sb, ',');
		json_add_lossy(sb, h->names[i]);
	}
	strbuf_addc(sb, ']');
	json_pair_span(sb, "raw", h->raw);
	strbuf_addc(sb, '}');
}

static void print(struct strbuf *sb)
{
	strbuf_addc(sb, '\n');
	fwrite(sb->p, 1, sb->n, stdout);
	strbuf_reset(sb);
}

static int dump(int fd, const struct parser_options *o, const struct parser_start *start, struct fault *f)
{
	struct stream *s = stream_file_new(fd, start ? start->offset : 0);
	struct parser_source source = {s, stream_read, stream_look};
	struct strbuf sb = STRBUF_INIT;
	struct parser *p = NULL;
	struct record rec;
	int r = parser_new(o, &source, start, &p, f);

	if (r == 0 && parser_header(p)->present) {
		add_header(&sb, parser_header(p));
		print(&sb);
	}
	while (r == 0 && (r = parser_next(p, &rec, f)) == 1) {
		add_record(&sb, &rec);
		print(&sb);
		r = 0;
	}
	parser_free(&p);
	stream_free(&s);
	strbuf_release(&sb);
	return r;
}

int main(int argc, char **argv)
{
	struct parser_options o = {
		.format = PARSER_CSV, .split_fields = true, .max_columns = 4096, .max_row_bytes = 1 << 20, .scan = plain_kernel()};
	struct parser_start at;
	struct parser_start *start = NULL;
	struct fault f = FAULT_INIT;
	int c, fd;

	while ((c = getopt(argc, argv, "htnpw:m:c:s:")) != -1) {
		switch (c) {
		case 'h': o.header = true; break;
		case 't': o.format = PARSER_TXT; break;
		case 'n': o.split_fields = false; break;
		case 'p': places = true; break;
		case 'w': o.window = strtoul(optarg, NULL, 10); break;
		case 'm': o.max_row_bytes = strtoul(optarg, NULL, 10); break;
		case 'c': o.max_columns = strtoul(optarg, NULL, 10); break;
		case 's':
			if (sscanf(optarg, "%" SCNu64 ",%" SCNu64 ",%" SCNu64, &at.row, &at.line,
				   &at.offset) != 3)
				return 2;
			start = &at;
			break;
		default:
			return 2;
		}
	}
	arena_init(&arena, 64 * 1024);
	fd = optind < argc ? open(argv[optind], O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 2;
	if (dump(fd, &o, start, &f) < 0) {
		fprintf(stderr, "%s: %s\n", fault_kind_name(f.kind), f.text);
		return 1;
	}
	close(fd);
	return 0;
}
