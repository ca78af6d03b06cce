/*
 * lint - what looks wrong in a filter's text and is not: branches and filters that no event reaches
 *
 * Called by plan_compile for a text without errors; it only warns.
 */
#include "watcher/base/base.h"
#include "transforms/compile.h"

#define LOOKS 500 /* arms before one that it is held against: a hostile chain must not cost its square */

static bool values_same(const struct syntax_value *a, const struct syntax_value *b)
{
	if (a->kind != b->kind || !span_equal(a->text, b->text))
		return false;
	a = a->items;
	b = b->items;
	for (; a && b; a = a->next, b = b->next)
		if (!values_same(a, b))
			return false;
	return !a && !b;
}

static bool expressions_same(const struct syntax_expression *a, const struct syntax_expression *b)
{
	if (a->kind != b->kind || !values_same(&a->left, &b->left) || !values_same(&a->right, &b->right))
		return false;
	a = a->items;
	b = b->items;
	for (; a && b; a = a->next, b = b->next)
		if (!expressions_same(a, b))
			return false;
	return !a && !b;
}

static void look_at_arm(struct compile *c, const struct syntax_node *n, const struct syntax_arm *arm)
{
	size_t looks = 0;

	for (const struct syntax_arm *a = n->arms; a != arm && arm->condition && looks < LOOKS; a = a->next, looks++)
		if (expressions_same(a->condition, arm->condition)) {
			compile_warning(c, arm->at, "this branch is never taken: line %zu has the same condition",
					compile_line(c, a->at));
			return;
		}
}

static bool has_fields(const struct syntax_expression *e)
{
	if (e->left.kind == SYNTAX_FIELD || e->right.kind == SYNTAX_FIELD)
		return true;
	for (e = e->items; e; e = e->next)
		if (has_fields(e))
			return true;
	return false;
}

/* A condition without fields is always met or never. */
static void look_at_constants(struct compile *c, const struct syntax_node *n)
{
	bool met;

	for (const struct syntax_arm *a = n->arms; a && a->condition; a = a->next) {
		const struct condition *cond;

		if (has_fields(a->condition))
			continue;
		cond = condition_compile(c, a->condition);
		if (!cond || !condition_is_constant(cond, &met))
			continue;
		if (!met)
			compile_warning(c, a->at, "this branch is never taken: its condition is always false");
		else if (a->next)
			compile_warning(c, a->next->at,
					"this branch is never taken: the condition in line %zu is always true",
					compile_line(c, a->at));
	}
}

static bool ends_all(const struct syntax_node *n)
{
	return !n->is_branch && span_is(n->name, "drop") && !n->attributes;
}

void compile_lint(struct compile *c, const struct syntax_node *nodes)
{
	for (const struct syntax_node *n = nodes; n; n = n->next) {
		c->node = n;
		if (ends_all(n) && n->next)
			compile_warning(c, n->next->at, "no event comes here: the drop in line %zu takes all",
					compile_line(c, n->at));
		if (!n->is_branch && span_is(n->name, "mutate"))
			compile_lint_order(c);
		if (!n->is_branch)
			continue;
		look_at_constants(c, n);
		for (const struct syntax_arm *a = n->arms; a; a = a->next) {
			c->node = n;
			look_at_arm(c, n, a);
			compile_lint(c, a->body);
		}
	}
}
