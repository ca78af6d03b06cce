/*
 * loadbench - a csv file through parser and sink without filter or daemon: what a row costs
 *
 *	loadbench FILE [FOLDER [DELIVERY]]
 *
 * The file has a header; every column becomes a keyword, or what its name ends in: _long, _double.
 * Without FOLDER only the parser runs.  Prints rows and CPU seconds; under malloc_count.so it shows
 * whether the steady state allocates.
 */
#include "watcher/base/base.h"
#include "watcher/decode/stream.h"
#include "watcher/parse/parser.h"
#include "watcher/sink/sink.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t counts[3];

static void count_answer(void *context UNUSED, const struct sink_answer *a)
{
	counts[a->verdict]++;
}

static double cpu_now(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void mapping_of(const struct parser_header *h, struct mapping *m)
{
	struct strbuf sb = STRBUF_INIT;
	struct fault f = FAULT_INIT;

	strbuf_adds(&sb, "{\"properties\":{");
	for (size_t i = 0; i < h->count; i++) {
		const char *type = "keyword";

		if (span_ends(h->names[i], SPAN_LITERAL("_long")))
			type = "long";
		if (span_ends(h->names[i], SPAN_LITERAL("_double")))
			type = "double";
		strbuf_addf(&sb, "%s\"%.*s\":{\"type\":\"%s\"}", i ? "," : "",
			    SPAN_FMT(h->names[i]), type);
	}
	strbuf_adds(&sb, "}}");
	CHECK(mapping_parse(strbuf_span(&sb), m, &f) == 0);
	strbuf_release(&sb);
}

static void load(struct parser *p, struct sink *s, struct fault *f)
{
	const struct parser_header *h = parser_header(p);
	struct record rec;
	struct arena a;
	struct event ev;

	arena_init(&a, 64 * 1024);
	while (parser_next(p, &rec, f) == 1) {
		if (rec.state != RECORD_ROW)
			continue;
		arena_reset(&a);
		event_init(&ev, &a);
		for (size_t i = 0; i < rec.field_count; i++)
			event_append(&ev, h->names[i], value_string(rec.fields[i].text));
		if (s && sink_put(s, rec.row, 0, &ev, f) < 0)
			break;
	}
	if (s && f->kind == FAULT_NONE && sink_flush(s, f) < 0)
		fprintf(stderr, "flush failed\n");
	arena_release(&a);
}

int main(int argc, char **argv)
{
	struct parser_options o = {.format = PARSER_CSV, .header = true, .split_fields = true, .max_columns = 4096,
				   .max_row_bytes = 1 << 20, .scan = plain_kernel(), .window = 0};
	static char name[] = "local";
	struct sink_config config = {.name = name, .type = SINK_SQLITE, .path = argc > 2 ? argv[2] : NULL};
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct stream *stream = fd >= 0 ? stream_file_new(fd, 0) : NULL;
	struct parser_source source = {stream, stream_read, stream_look};
	struct sink_pool *pool = sink_pool_new();
	struct fault f = FAULT_INIT;
	struct mapping m;
	struct sink *s = NULL;
	struct parser *p;
	double begin = cpu_now();

	if (!stream || parser_new(&o, &source, NULL, &p, &f) < 0)
		return 2;
	mapping_of(parser_header(p), &m);
	if (argc > 2) {
		struct sink_leg leg = {&config,
				       "bench",
				       "bench",
				       &m,
				       "{}",
				       "{}",
				       argc > 3 ? argv[3] : "AAAAAAAAAAAAAAAAAAAA",
				       .answer = count_answer};

		if (sink_open(pool, &leg, &s, &f) < 0)
			goto out;
	}
	load(p, s, &f);
	sink_close(&s);
out:
	if (f.kind != FAULT_NONE)
		fprintf(stderr, "%s\n", f.text);
	printf("indexed %llu already %llu rejected %llu cpu %.3f\n", (unsigned long long)counts[0],
	       (unsigned long long)counts[1], (unsigned long long)counts[2], cpu_now() - begin);
	parser_free(&p);
	stream_free(&stream);
	sink_pool_free(&pool);
	mapping_release(&m);
	return f.kind == FAULT_NONE ? 0 : 1;
}
