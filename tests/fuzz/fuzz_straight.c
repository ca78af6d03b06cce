/*
 * fuzz_straight - any file under any mappings: a straight document is the one that the event gives
 *
 * The first byte chooses kernel, window and filter text, then one byte a column its type, up to a zero byte; the rest is the file.
 */
#include "tests/lib/straight_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {"keyword", "byte", "short", "integer", "long", "unsigned_long", "float", "half_float",
				    "double", "boolean", "date", "date_nanos", "ip"};

#define COLUMNS "csv { columns => [\"column1\",\"column2\",\"column3\"] "

static const char *const filters[] = {
	NULL,
	COLUMNS "}",
	COLUMNS "skip_header => true } mutate { convert => { \"column1\" => \"integer\" } }",
	COLUMNS "target => \"t\" convert => { \"column2\" => \"float\" } }",
	COLUMNS "} mutate { convert => { \"column1\" => \"integer\" \"column2\" => \"float\" } rename => { \"column3\" => \"[n][x]\" } }",
	COLUMNS "} mutate { replace => { \"column1\" => \"k\" } add_field => { \"f\" => \"v\" } remove_field => [\"column2\"] add_tag => [\"t\"] }",
	"csv { columns => [\"column1\"] } mutate { convert => { \"column1\" => \"float\" } }",
	COLUMNS "} if [column1] > 5 { mutate { lowercase => [\"column2\"] } } date { match => [\"column3\", \"UNIX\"] }",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf mappings = STRBUF_INIT;
	size_t i = 1, column = 1;

	if (size < 2)
		return 0;
	strbuf_adds(&mappings, "{\"properties\":{");
	for (; i < size && data[i] && column <= 12; i++, column++)
		strbuf_addf(&mappings, "%s\"column%zu\":{\"type\":\"%s\"}", column > 1 ? "," : "", column,
			    types[data[i] % ARRAY_LEN(types)]);
	strbuf_adds(&mappings, "}}");
	i += i < size;
	straight_check(mappings.p, filters[data[0] / 16 % ARRAY_LEN(filters)], (struct span){(const char *)data + i, size - i}, data[0] & 8, plain_names()[data[0] % 3],
		       (size_t[]){0, 1, 7, 64}[(data[0] >> 2) % 4]);
	strbuf_release(&mappings);
	return 0;
}
