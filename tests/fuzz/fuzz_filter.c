/*
 * fuzz_filter - any text as a filter, and any rows through what compiles
 *
 * The bytes up to the first NUL are the text, each line behind it is a row's message.  Checked: no crash, no leak; a refused text has
 * errors and an accepted one has none; every error has its place and caret; the same text refused twice is refused in the same words;
 * what comes out is within the limits and valid UTF-8 JSON text; a row run twice gives the same documents.
 */
#include "watcher/base/base.h"
#include "watcher/base/utf8.h"
#include "transforms/plan.h"
#include "transforms/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct filter_var var_items[] = {{"A", "x"}, {"B", "%{message}"}};

static struct plan *compile(struct span text, struct strbuf *errors, struct strbuf *warnings)
{
	static const struct filter_vars vars = {var_items, ARRAY_LEN(var_items)};
	struct plan_source src = {.text = text, .origin = "f", .vars = &vars};
	struct plan *p = NULL;

	CHECK((plan_compile(&src, &p, errors, warnings) < 0) == (p == NULL));
	return p;
}

static void check_errors(const struct strbuf *errors)
{
	CHECK(errors->n > 0 && errors->p[errors->n - 1] == '\n');
	CHECK(strncmp(errors->p, "f:", 2) == 0 && strchr(errors->p, '^') != NULL);
	CHECK(utf8_valid(strbuf_span(errors)));
}

static void run_row(struct plan *p, struct span row, struct arena *a, struct strbuf *out)
{
	struct plan_result result;
	struct event *ev;

	arena_reset(a);
	ev = arena_zalloc(a, sizeof(*ev));
	event_init(ev, a);
	event_append(ev, SPAN_LITERAL("message"), value_string(row));
	plan_run(p, ev, NULL, 1700000000123, &result);
	CHECK(result.count <= PLAN_EVENTS && (!result.refusal || result.count == 0));
	for (size_t i = 0; i < result.count; i++)
		event_add_json(out, result.events[i]);
	CHECK(utf8_valid(strbuf_span(out)));
}

static void run_rows(struct plan *p, struct span rows)
{
	struct strbuf once = STRBUF_INIT, again = STRBUF_INIT;
	struct arena a;

	arena_init(&a, 4096);
	for (int pass = 0; pass < 2; pass++) {
		struct span rest = rows;

		plan_begin(p);
		for (int n = 0; n < 8 && rest.n; n++) {
			const char *end = memchr(rest.p, '\n', rest.n);
			size_t len = end ? (size_t)(end - rest.p) : rest.n;

			if (utf8_valid((struct span){rest.p, len}))
				run_row(p, (struct span){rest.p, len}, &a, pass ? &again : &once);
			len += end != NULL;
			rest = (struct span){rest.p + len, rest.n - len};
		}
	}
	CHECK(once.n == again.n && memcmp(once.p, again.p, once.n) == 0);
	arena_release(&a);
	strbuf_release(&once);
	strbuf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf errors = STRBUF_INIT, again = STRBUF_INIT, warnings = STRBUF_INIT;
	struct span text = {(const char *)data, size}, rows = SPAN_NONE;
	const char *end = size ? memchr(data, '\0', size) : NULL;
	struct plan *p;

	if (end) {
		text.n = (size_t)(end - text.p);
		rows = (struct span){end + 1, size - text.n - 1};
	}
	if (!utf8_valid(text))
		return 0;
	p = compile(text, &errors, &warnings);
	if (p) {
		CHECK(errors.n == 0);
		run_rows(p, rows);
		plan_free(&p);
	} else {
		check_errors(&errors);
		CHECK(!compile(text, &again, NULL) && strcmp(errors.p, again.p) == 0);
	}
	strbuf_release(&errors);
	strbuf_release(&again);
	strbuf_release(&warnings);
	return 0;
}
