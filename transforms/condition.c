/*
 * condition - the condition of a branch: compiled from its expression, tested for an event; see the header
 *
 * Called by the compiler once and by the plan for each event.  Types that can never fit are compile errors; what only an event can
 * tell breaks the condition for that event.
 */
#include "watcher/base/base.h"
#include "transforms/condition.h"
#include "watcher/base/json_out.h"
#include "transforms/compile.h"

#define SHOWN 60

struct condition {
	enum expression_kind kind;
	struct condition *items; /* ANY, ALL, NOT: linked by next */
	struct condition *next;
	const struct ref *left_ref, *right_ref; /* NULL: the value */
	struct value left, right;
	struct regex *regex;
};

/* --- compiling --- */

static struct value number_value(struct compile *c, struct span text)
{
	bool integer;

	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	while (text.n > 1 && text.p[0] == '0' && text.p[1] != '.') {
		text.p++;
		text.n--;
	}
	if (!json_is_number(text, &integer)) /* -007 */
		text = arena_printf(&c->plan->arena, "%lld", strtoll(text.p, NULL, 10)), integer = true;
	return (struct value){.type = integer ? VALUE_INT : VALUE_FLOAT, .u = {.text = text}};
}

static struct value constant(struct compile *c, const struct syntax_value *v)
{
	struct value list;

	switch (v->kind) {
	case SYNTAX_STRING:
	case SYNTAX_WORD:
		return value_string(v->text);
	case SYNTAX_NUMBER:
		return number_value(c, v->text);
	case SYNTAX_ARRAY:
		list = value_array(&c->plan->arena);
		for (const struct syntax_value *i = v->items; i; i = i->next)
			value_array_add(list.u.array, &c->plan->arena, constant(c, i));
		return list;
	case SYNTAX_HASH:
		compile_error(c, v->at, "a hash has no place in a condition");
		return value_null();
	case SYNTAX_REGEX:
		compile_error(c, v->at, "a /regular expression/ stands behind =~ or !~ only");
		return value_null();
	case SYNTAX_FIELD:
		break;
	}
	CHECK(!"a constant");
	return value_null();
}

static void compile_operand(struct compile *c, const struct syntax_value *v, const struct ref **ref,
			    struct value *value)
{
	if (v->kind == SYNTAX_FIELD)
		*ref = compile_ref(c, v->text, v->at);
	else
		*value = constant(c, v);
}

static bool is_order(enum expression_kind k)
{
	return k >= EXPRESSION_LESS && k <= EXPRESSION_GREATER_EQUAL;
}

static void check_order(struct compile *c, const struct syntax_expression *e, const struct condition *n)
{
	int order;

	for (const struct syntax_value *v = &e->left; v; v = v == &e->left ? &e->right : NULL)
		if (v->kind == SYNTAX_ARRAY)
			compile_error(c, v->at, "a list has no order; compare with a number or a string");
	if (!n->left_ref && !n->right_ref && e->left.kind != SYNTAX_FIELD && e->right.kind != SYNTAX_FIELD &&
	    !value_compare(&n->left, &n->right, &order))
		compile_error(c, e->at, "a number and a string have no order");
}

static void compile_match(struct compile *c, const struct syntax_expression *e, struct condition *n)
{
	if (e->left.kind != SYNTAX_FIELD)
		compile_error(c, e->left.at, "=~ and !~ match a [field]");
	else
		n->left_ref = compile_ref(c, e->left.text, e->left.at);
	if (e->right.kind == SYNTAX_STRING || e->right.kind == SYNTAX_REGEX)
		n->regex = compile_regex(c, e->right.text, e->right.at + 1, REGEX_PLAIN);
	else
		compile_error(c, e->right.at, "behind =~ and !~ stands a /regular expression/ or a string");
}

static void compile_leaf(struct compile *c, const struct syntax_expression *e, struct condition *n)
{
	if (e->kind == EXPRESSION_MATCH || e->kind == EXPRESSION_NOT_MATCH) {
		compile_match(c, e, n);
		return;
	}
	if (e->kind == EXPRESSION_TRUTH && e->left.kind != SYNTAX_FIELD) {
		compile_error(c, e->left.at, "a constant is no condition; compare a [field] with it");
		return;
	}
	compile_operand(c, &e->left, &n->left_ref, &n->left);
	if (e->kind == EXPRESSION_TRUTH)
		return;
	compile_operand(c, &e->right, &n->right_ref, &n->right);
	if (is_order(e->kind))
		check_order(c, e, n);
}

static void compile_into(struct compile *c, const struct syntax_expression *e, struct condition *n)
{
	struct condition **last = &n->items;

	n->kind = e->kind;
	if (e->kind > EXPRESSION_NOT) {
		compile_leaf(c, e, n);
		return;
	}
	for (const struct syntax_expression *i = e->items; i; i = i->next) {
		*last = arena_zalloc(&c->plan->arena, sizeof(**last));
		compile_into(c, i, *last);
		last = &(*last)->next;
	}
}

const struct condition *condition_compile(struct compile *c, const struct syntax_expression *e)
{
	struct condition *n = arena_zalloc(&c->plan->arena, sizeof(*n));
	size_t before = c->source->error_count;

	compile_into(c, e, n);
	return c->source->error_count == before ? n : NULL;
}

bool condition_is_constant(const struct condition *c, bool *met)
{
	char why[CONDITION_WHY];
	struct arena arena;
	struct event none;

	if (c->left_ref || c->right_ref || c->regex)
		return false;
	for (const struct condition *i = c->items; i; i = i->next)
		if (!condition_is_constant(i, met))
			return false;
	arena_init(&arena, 1024);
	event_init(&none, &arena);
	*met = condition_test(c, &none, why) == CONDITION_MET;
	arena_release(&arena);
	return true;
}

/* --- testing --- */

static const struct value *side(const struct ref *ref, const struct value *v, const struct event *ev)
{
	static const struct value missing = {.type = VALUE_NULL};
	const struct value *found;

	if (!ref)
		return v;
	found = ref_get(ref, ev);
	return found ? found : &missing;
}

static bool is_true(const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL:
		return false;
	case VALUE_BOOL:
		return v->u.boolean;
	case VALUE_STRING:
		return v->u.text.n && !span_is(v->u.text, "false");
	case VALUE_INT:
	case VALUE_FLOAT:
	case VALUE_TIME:
	case VALUE_ARRAY:
	case VALUE_MAP:
		return true;
	}
	CHECK(!"a value's type");
	return false;
}

/* An integer equals no float: Logstash compares the types too. */
static bool equal(const struct value *a, const struct value *b)
{
	return a->type == b->type && value_equal(a, b);
}

static bool contains_text(struct span s, struct span part)
{
	return !part.n || memmem(s.p, s.n, part.p, part.n) != NULL;
}

static bool contains(const struct value_array *va, const struct value *v)
{
	for (size_t i = 0; i < va->len; i++)
		if (equal(&va->items[i], v))
			return true;
	return false;
}

/* A list written out is compared as texts. */
static bool listed(const struct value_array *list, const struct value *v, struct arena *a)
{
	struct span text;

	if (v->type == VALUE_NULL || v->type == VALUE_ARRAY || v->type == VALUE_MAP)
		return false;
	text = value_text(v, a);
	for (size_t i = 0; i < list->len; i++)
		if (span_equal(value_text(&list->items[i], a), text))
			return true;
	return false;
}

static bool is_in(const struct condition *c, const struct event *ev)
{
	const struct value *left = side(c->left_ref, &c->left, ev);
	const struct value *right = side(c->right_ref, &c->right, ev);

	if (!c->right_ref && right->type == VALUE_ARRAY)
		return listed(right->u.array, left, ev->arena);
	if (left->type == VALUE_ARRAY || left->type == VALUE_MAP || left->type == VALUE_NULL)
		return false;
	if (left->type == VALUE_STRING && right->type == VALUE_STRING)
		return contains_text(right->u.text, left->u.text);
	if (right->type == VALUE_ARRAY)
		return contains(right->u.array, left);
	return equal(left, right);
}

static void show(char *out, size_t cap, const struct ref *ref, const struct value *v, struct arena *a)
{
	struct span text = value_text(v, a), name = ref ? ref->text : SPAN_NONE;

	if (v->type == VALUE_NULL)
		snprintf(out, cap, "%.*s, which is missing or null", ref ? (int)name.n : 9,
			 ref ? name.p : "the value");
	else
		snprintf(out, cap, "%.*s%sthe %s \"%.*s\"", (int)(name.n < SHOWN ? name.n : SHOWN),
			 ref ? name.p : "", ref ? ", " : "", value_type_name(v->type),
			 (int)(text.n < SHOWN ? text.n : SHOWN), text.p);
}

static enum condition_result ordered(const struct condition *c, const struct event *ev, char *why)
{
	const struct value *left = side(c->left_ref, &c->left, ev);
	const struct value *right = side(c->right_ref, &c->right, ev);
	char a[CONDITION_WHY / 3], b[CONDITION_WHY / 3];
	int order = 0;

	if (!value_compare(left, right, &order)) {
		show(a, sizeof(a), c->left_ref, left, ev->arena);
		show(b, sizeof(b), c->right_ref, right, ev->arena);
		snprintf(why, CONDITION_WHY, "cannot order %s and %s", a, b);
		return CONDITION_BROKEN;
	}
	switch (c->kind) {
	case EXPRESSION_LESS:
		return order < 0 ? CONDITION_MET : CONDITION_UNMET;
	case EXPRESSION_LESS_EQUAL:
		return order <= 0 ? CONDITION_MET : CONDITION_UNMET;
	case EXPRESSION_GREATER:
		return order > 0 ? CONDITION_MET : CONDITION_UNMET;
	default: /* the caller has told orders from the rest */
		return order >= 0 ? CONDITION_MET : CONDITION_UNMET;
	}
}

static enum condition_result matched(const struct condition *c, const struct event *ev, char *why)
{
	const struct value *v = ref_get(c->left_ref, ev);
	struct regex_match m;

	if (!v || v->type != VALUE_STRING)
		return CONDITION_UNMET;
	switch (regex_search(c->regex, v->u.text, 0, &m)) {
	case REGEX_MISS:
		return CONDITION_UNMET;
	case REGEX_MATCH:
		return CONDITION_MET;
	case REGEX_LIMIT:
		break;
	}
	snprintf(why, CONDITION_WHY, "the regular expression took too many steps on %.*s, \"%.*s\"",
		 (int)(c->left_ref->text.n < SHOWN ? c->left_ref->text.n : SHOWN), c->left_ref->text.p,
		 (int)(v->u.text.n < SHOWN ? v->u.text.n : SHOWN), v->u.text.p);
	return CONDITION_BROKEN;
}

static enum condition_result turned(enum condition_result r)
{
	return r == CONDITION_BROKEN ? r : r == CONDITION_MET ? CONDITION_UNMET : CONDITION_MET;
}

static enum condition_result result_of(bool met)
{
	return met ? CONDITION_MET : CONDITION_UNMET;
}

/* Up to the first that decides: UNMET for `and`, MET for `or`. */
static enum condition_result chain(const struct condition *c, const struct event *ev, char *why)
{
	enum condition_result decides = c->kind == EXPRESSION_ALL ? CONDITION_UNMET : CONDITION_MET;

	for (const struct condition *i = c->items; i; i = i->next) {
		enum condition_result r = condition_test(i, ev, why);

		if (r == decides || r == CONDITION_BROKEN)
			return r;
	}
	return turned(decides);
}

enum condition_result condition_test(const struct condition *c, const struct event *ev,
				     char why[CONDITION_WHY])
{
	switch (c->kind) {
	case EXPRESSION_ANY:
	case EXPRESSION_ALL:
		return chain(c, ev, why);
	case EXPRESSION_NOT:
		return turned(condition_test(c->items, ev, why));
	case EXPRESSION_TRUTH:
		return result_of(is_true(side(c->left_ref, &c->left, ev)));
	case EXPRESSION_EQUAL:
	case EXPRESSION_UNEQUAL:
		return result_of(equal(side(c->left_ref, &c->left, ev), side(c->right_ref, &c->right, ev)) ==
				 (c->kind == EXPRESSION_EQUAL));
	case EXPRESSION_LESS:
	case EXPRESSION_LESS_EQUAL:
	case EXPRESSION_GREATER:
	case EXPRESSION_GREATER_EQUAL:
		return ordered(c, ev, why);
	case EXPRESSION_IN:
	case EXPRESSION_NOT_IN:
		return result_of(is_in(c, ev) == (c->kind == EXPRESSION_IN));
	case EXPRESSION_MATCH:
		return matched(c, ev, why);
	case EXPRESSION_NOT_MATCH:
		return turned(matched(c, ev, why));
	}
	CHECK(!"an expression's kind");
	return CONDITION_BROKEN;
}
