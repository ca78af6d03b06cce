/*
 * fuzz_date - hostile formats and texts through the date filter's parser
 *
 * The bytes up to the first NUL are the format, the rest is the text; both zones known and unknown come from the system.  Checked: no
 * crash, no leak; a refused format has a reason and a place; a time that was read is one that a timestamp can print, reads the same
 * twice, and printed as the document has it is read as the same time by ISO8601.  The text is read by the csv filter's conversions too.
 */
#include "watcher/base/base.h"
#include "transforms/csv_date.h"
#include "transforms/date_pattern.h"
#include "transforms/values.h"

#define NOW INT64_C(1700000000123)
#define EARLIEST INT64_C(-62167219200000) /* the year 0 */
#define LATEST INT64_C(253402300800000)   /* the year 10000 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zones zones; /* kept from run to run: reading them is most of the time */

static struct date_context context(void)
{
	return (struct date_context){
		.now_ms = NOW, .zones = &zones, .zone = zones_get(&zones, SPAN_LITERAL("Europe/Berlin"))};
}

static void check_print(int64_t ms, struct arena *a)
{
	struct value v = value_time(ms);
	struct date_context c = context();
	struct date_pattern *iso;
	const char *why = NULL;
	size_t offset = 0;
	int64_t again = 0;

	CHECK(ms >= EARLIEST && ms < LATEST);
	CHECK(date_pattern_compile(SPAN_LITERAL("ISO8601"), a, &iso, &why, &offset) == 0);
	CHECK(date_pattern_parse(iso, value_text(&v, a), &c, &again, &why) && again == ms && !c.assumed);
}

static void try_number(const struct date_pattern *p, struct span text, struct arena *a)
{
	for (int number = 0; number < 2; number++) {
		struct date_context c = context();
		const char *why = NULL;
		int64_t ms = 0;

		if (date_epoch_parse(p->kind, text, number, &c, &ms, &why))
			check_print(ms, a);
		else
			CHECK(why);
	}
}

static void try_text(const struct date_pattern *p, struct span text, struct arena *a)
{
	struct date_context c = context(), d = context();
	const char *why = NULL;
	int64_t ms = 0, again = 0;
	bool ok = date_pattern_parse(p, text, &c, &ms, &why);

	CHECK(ok || why);
	CHECK(date_pattern_parse(p, text, &d, &again, &why) == ok);
	CHECK(!ok || (again == ms && c.assumed == d.assumed && c.moved == d.moved && c.cut == d.cut));
	if (ok)
		check_print(ms, a);
}

static void try_column(struct span text, struct arena *a)
{
	struct csv_date day = {0}, time = {0};

	if (csv_date_read(text, zones_get(&zones, SPAN_LITERAL("Europe/Berlin")), &day))
		check_print(day.ms, a);
	if (csv_date_time_read(text, &time))
		check_print(time.ms, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span format = {(const char *)data, size}, text = SPAN_NONE;
	const char *end = size ? memchr(data, '\0', size) : NULL;
	struct date_pattern *p;
	const char *why = NULL;
	size_t offset = 0;
	struct arena a;

	if (end) {
		format.n = (size_t)(end - format.p);
		text = (struct span){end + 1, size - 1 - format.n};
	}
	if (!zones.folder)
		zones_init(&zones, NULL);
	arena_init(&a, 4096);
	try_column(text, &a);
	if (date_pattern_compile(format, &a, &p, &why, &offset) < 0)
		CHECK(why && offset <= format.n);
	else if (p->kind == DATE_JODA || p->kind == DATE_ISO8601)
		try_text(p, text, &a);
	else
		try_number(p, text, &a);
	arena_release(&a);
	return 0;
}
