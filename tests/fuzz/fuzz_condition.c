/*
 * fuzz_condition - any text as the condition of a branch, tested for any event
 *
 * The bytes up to the first NUL are the condition, the rest is the event: a JSON object, or else a message.  Checked: no crash, no leak;
 * a refused text has errors with a place and a caret; what can be compiled can be explained; a test twice is the same, a broken one says
 * why; and the laws: in parentheses it means the same, `!` turns it round, with itself by `and` and `or` it is itself, with its opposite
 * never or always met.  What breaks it breaks these too.
 */
#include "watcher/base/base.h"
#include "watcher/base/utf8.h"
#include "transforms/compile.h"
#include "transforms/explain.h"
#include "transforms/json_value.h"

#define TESTS 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text is one condition and nothing else, as it stands and in parentheses. */
static bool is_condition(struct span text)
{
	struct strbuf whole = STRBUF_INIT, errors = STRBUF_INIT;
	struct source source = {.origin = "f", .errors = &errors};
	const struct syntax_node *n;
	struct syntax s;
	struct arena a;
	bool yes;

	strbuf_addf(&whole, "if %.*s\n{ }", SPAN_FMT(text));
	source.text = strbuf_span(&whole);
	arena_init(&a, 4096);
	syntax_init(&s, &source, &a, NULL);
	n = syntax_parse(&s);
	yes = !source.error_count && n && n->is_branch && !n->next && !n->arms->next && !n->arms->body;
	arena_release(&a);
	strbuf_release(&whole);
	strbuf_release(&errors);
	return yes;
}

static void add_program(struct strbuf *sb, struct span t)
{
	static const struct {
		const char *before, *between, *behind;
	} laws[TESTS] = {{"", NULL, "\n"},
			 {"(", NULL, "\n)"},
			 {"!(", NULL, "\n)"},
			 {"(", "\n) and (", "\n)"},
			 {"(", "\n) or (", "\n)"},
			 {"(", "\n) and !(", "\n)"},
			 {"(", "\n) or !(", "\n)"}};

	for (size_t i = 0; i < TESTS; i++) {
		strbuf_addf(sb, "if %s%.*s", laws[i].before, SPAN_FMT(t));
		if (laws[i].between)
			strbuf_addf(sb, "%s%.*s", laws[i].between, SPAN_FMT(t));
		strbuf_addf(sb, "%s { mutate { } }\n", laws[i].behind);
	}
}

static void fill_event(struct event *ev, struct span text, struct arena *a)
{
	const char *why;
	struct value v;
	size_t at;

	event_init(ev, a);
	if (json_value_read(text, a, &v, &why, &at) && v.type == VALUE_MAP)
		for (size_t i = 0; i < v.u.map->len; i++)
			event_set(ev, v.u.map->entries[i].name, v.u.map->entries[i].value);
	else if (utf8_valid(text))
		event_set(ev, SPAN_LITERAL("message"), value_string(text));
}

/* Each evaluation has a row's whole time: what is spent by the first must not decide the second. */
static enum condition_result test(struct budget *b, const struct condition *c, const struct event *ev)
{
	char why[CONDITION_WHY] = "", again[CONDITION_WHY] = "";
	enum condition_result r;

	budget_begin_row(b);
	r = condition_test(c, ev, why);
	budget_begin_row(b);
	CHECK(condition_test(c, ev, again) == r && strcmp(why, again) == 0);
	CHECK(r != CONDITION_BROKEN || why[0]);
	return r;
}

static void check_laws(struct plan *p, const struct event *ev)
{
	enum condition_result r[TESTS], turned;
	bool met, broken;
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (p->steps[i].kind != STEP_TEST)
			continue;
		CHECK(n < TESTS);
		r[n++] = test(&p->budget, p->steps[i].condition, ev);
		if (n == 1 && condition_is_constant(p->steps[i].condition, &met))
			CHECK(r[0] == (met ? CONDITION_MET : CONDITION_UNMET));
	}
	CHECK(n == TESTS);
	broken = r[0] == CONDITION_BROKEN;
	turned = r[0] == CONDITION_MET ? CONDITION_UNMET : CONDITION_MET;
	CHECK(r[1] == r[0] && r[3] == r[0] && r[4] == r[0]);
	CHECK(r[2] == (broken ? CONDITION_BROKEN : turned));
	CHECK(r[5] == (broken ? CONDITION_BROKEN : CONDITION_UNMET));
	CHECK(r[6] == (broken ? CONDITION_BROKEN : CONDITION_MET));
}

static void check_errors(const struct strbuf *errors)
{
	CHECK(errors->n > 0 && errors->p[errors->n - 1] == '\n');
	CHECK(strncmp(errors->p, "f:", 2) == 0 && strchr(errors->p, '^') != NULL);
	CHECK(utf8_valid(strbuf_span(errors)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf program = STRBUF_INIT, errors = STRBUF_INIT, warnings = STRBUF_INIT, words = STRBUF_INIT;
	struct span text = {(const char *)data, size}, row = SPAN_NONE;
	const char *end = size ? memchr(data, '\0', size) : NULL;
	struct plan_source src = {.origin = "f"};
	struct plan *p = NULL;
	struct event ev;
	struct arena a;

	if (end) {
		text.n = (size_t)(end - text.p);
		row = (struct span){end + 1, size - 1 - text.n};
	}
	if (!utf8_valid(text) || !is_condition(text))
		return 0;
	add_program(&program, text);
	src.text = strbuf_span(&program);
	arena_init(&a, 4096);
	if (plan_compile(&src, &p, &errors, &warnings) < 0) {
		check_errors(&errors);
	} else {
		CHECK(!errors.n && plan_explain(&src, &words) == 0 && words.n);
		fill_event(&ev, row, &a);
		check_laws(p, &ev);
		plan_free(&p);
	}
	arena_release(&a);
	strbuf_release(&program);
	strbuf_release(&errors);
	strbuf_release(&warnings);
	strbuf_release(&words);
	return 0;
}
