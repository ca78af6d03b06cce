/*
 * syntax - the text of a filter to a tree: values, settings, filters, branches; see the header
 *
 * A recursive descent, one function a rule.  Where it is plain what an error meant (a comma too many, a key that stands twice) it is
 * said and parsing goes on right there, and behind the filter's braces else, so that a text's errors come all at once.
 */
#include "watcher/base/base.h"
#include "transforms/syntax_own.h"

void syntax_init(struct syntax *s, struct source *source, struct arena *arena,
		 const struct filter_vars *vars)
{
	memset(s, 0, sizeof(*s));
	s->source = source;
	s->text = source->text;
	s->arena = arena;
	s->vars = vars;
}

/* --- values --- */

bool syntax_list(struct syntax *s, struct syntax_value *out)
{
	struct syntax_value **last = &out->items;

	out->kind = SYNTAX_ARRAY;
	s->at++;
	if (syntax_take(s, "]"))
		return true;
	for (;;) {
		*last = arena_zalloc(s->arena, sizeof(**last));
		if (!syntax_value(s, *last))
			return false;
		last = &(*last)->next;
		if (syntax_take(s, "]"))
			return true;
		if (!syntax_expect(s, ",", "or ] in a list"))
			return false;
		syntax_skip(s);
		if (syntax_peek(s) == ']') {
			syntax_error(s, s->at, "no comma before the ] of a list");
			s->at++;
			return true;
		}
	}
}

/* Blanks part settings and entries; something else right behind a value is a mistake. */
static bool parted(struct syntax *s, const char *what)
{
	size_t at = s->at;
	int c;

	syntax_skip(s);
	c = syntax_peek(s);
	if (c == ',') {
		syntax_error(s, s->at, "no comma between %s: blanks part them", what);
		s->at++;
		return true;
	}
	if (c == '}' || c == -1 || s->at > at)
		return true;
	syntax_error(s, s->at, "expected a blank or } between %s", what);
	return false;
}

static bool is_duplicate(struct syntax *s, const struct syntax_value *hash, const struct syntax_pair *last)
{
	for (const struct syntax_pair *p = hash->pairs; p != last; p = p->next)
		if (span_equal(p->key.text, last->key.text)) {
			syntax_error(s, last->key.at, "the key \"%.*s\" stands twice in one hash",
				     SPAN_FMT(p->key.text));
			return true;
		}
	return false;
}

static bool key(struct syntax *s, struct syntax_value *out)
{
	syntax_skip(s);
	out->at = s->at;
	if (syntax_peek(s) == '[' || syntax_peek(s) == '{') {
		syntax_error(s, s->at, "a key is a string, a word or a number; quote \"[field]\"");
		return false;
	}
	return syntax_value(s, out);
}

static bool hash(struct syntax *s, struct syntax_value *out)
{
	struct syntax_pair **last = &out->pairs;

	out->kind = SYNTAX_HASH;
	s->at++;
	for (size_t n = 0;; n++) {
		if (syntax_take(s, "}"))
			return true;
		if (syntax_peek(s) == -1) {
			syntax_error(s, out->at, "this { has no }");
			return false;
		}
		if (n == SYNTAX_ENTRIES) {
			syntax_error(s, s->at, "more than %d entries in one hash", SYNTAX_ENTRIES);
			return false;
		}
		*last = arena_zalloc(s->arena, sizeof(**last));
		if (!key(s, &(*last)->key) || !syntax_expect(s, "=>", "behind a key") ||
		    !syntax_value(s, &(*last)->value) || !parted(s, "the entries of a hash"))
			return false;
		if (is_duplicate(s, out, *last))
			*last = NULL;
		else
			last = &(*last)->next;
	}
}

static bool is_word_start(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool bare_word(struct syntax *s, struct syntax_value *out)
{
	size_t from = s->at, end;

	out->kind = SYNTAX_WORD;
	while (is_word_start(syntax_peek(s)) || (syntax_peek(s) >= '0' && syntax_peek(s) <= '9'))
		s->at++;
	out->text = (struct span){s->text.p + from, s->at - from};
	if (out->text.n < 2)
		syntax_error(s, from, "a word without quotes has two letters or more; write \"%.*s\"",
			     SPAN_FMT(out->text));
	end = s->at;
	syntax_skip(s);
	if (syntax_peek(s) != '{') {
		s->at = end; /* the blanks part this setting from the next */
		return true;
	}
	syntax_error(s, from, "%.*s { }: a codec or plugin as a value is not for filters",
		     SPAN_FMT(out->text));
	return false;
}

static bool one_value(struct syntax *s, struct syntax_value *out)
{
	int c = syntax_peek(s);

	if (c == '"' || c == '\'')
		return syntax_quoted(s, &out->text);
	if (c == '[')
		return syntax_list(s, out);
	if (c == '{')
		return hash(s, out);
	if (c == '-' || (c >= '0' && c <= '9')) {
		out->kind = SYNTAX_NUMBER;
		return syntax_number(s, &out->text);
	}
	if (is_word_start(c))
		return bare_word(s, out);
	syntax_error(s, s->at, "%sexpected a value: a string, word, number, [list] or {hash}",
		     c == -1 ? "the text ends; " : "");
	return false;
}

bool syntax_value(struct syntax *s, struct syntax_value *out)
{
	bool ok;

	syntax_skip(s);
	out->at = s->at;
	ok = syntax_enter(s) && one_value(s, out);
	syntax_leave(s);
	return ok;
}

/* --- filters --- */

static bool setting(struct syntax *s, struct syntax_node *node, struct syntax_attribute *a)
{
	int c = syntax_peek(s);

	a->at = s->at;
	if (c == '"' || c == '\'') {
		if (!syntax_quoted(s, &a->name))
			return false;
	} else {
		a->name = syntax_name(s);
	}
	if (!a->name.n) {
		syntax_error(s, s->at, "%sexpected a setting of %.*s or }", c == -1 ? "the text ends; " : "",
			     SPAN_FMT(node->name));
		return false;
	}
	return syntax_expect(s, "=>", "behind the setting's name") && syntax_value(s, &a->value) &&
	       parted(s, "settings");
}

static bool settings(struct syntax *s, struct syntax_node *node)
{
	struct syntax_attribute **last = &node->attributes;

	for (size_t n = 0; !syntax_take(s, "}"); n++) {
		if (n == SYNTAX_SETTINGS) {
			syntax_error(s, s->at, "more than %d settings in one filter", SYNTAX_SETTINGS);
			return false;
		}
		*last = arena_zalloc(s->arena, sizeof(**last));
		if (!setting(s, node, *last)) {
			*last = NULL;
			return false;
		}
		last = &(*last)->next;
	}
	return true;
}

static bool filter(struct syntax *s, struct syntax_node *node)
{
	int c = syntax_peek(s);
	size_t block;

	if (c == '"' || c == '\'') {
		if (!syntax_quoted(s, &node->name))
			return false;
	} else {
		node->name = syntax_name(s);
	}
	if (!node->name.n) {
		syntax_error(s, s->at, c == '}' ? "this } closes nothing" : "expected a filter's name");
		return false;
	}
	if (!syntax_expect(s, "{", "behind a filter's name"))
		return false;
	block = s->at;
	if (!settings(s, node) && !s->lost)
		syntax_resume(s, block);
	return !s->lost;
}

/* --- branches --- */

static bool takes_word(struct syntax *s, const char *word)
{
	size_t at = s->at;
	struct span name;

	syntax_skip(s);
	name = syntax_name(s);
	if (span_is(name, word))
		return true;
	s->at = at;
	return false;
}

/* Behind an error in a condition: at the brace of its body, which is checked all the same. */
static bool to_body(struct syntax *s)
{
	while (!s->lost) {
		struct span ignored;
		struct syntax_value regex;
		int c;

		syntax_skip(s);
		c = syntax_peek(s);
		if (c == '{')
			return true;
		if (c == '}' || c == -1)
			return false;
		if (c == '"' || c == '\'')
			(void)syntax_quoted(s, &ignored);
		else if (c == '/')
			(void)syntax_regex(s, &regex);
		else
			s->at++;
	}
	return false;
}

static bool arm(struct syntax *s, struct syntax_arm *a, bool has_condition)
{
	if (has_condition) {
		a->condition = syntax_condition(s);
		if (!a->condition && !to_body(s))
			return false;
		a->condition_end = s->at;
	}
	if (!syntax_expect(s, "{", has_condition ? "behind the condition" : "behind else"))
		return false;
	a->body = syntax_nodes(s, true);
	return !s->lost;
}

/* From the first arm's condition on, or from the arm behind an else whose if has an error. */
static bool branch(struct syntax *s, struct syntax_node *node, bool has_condition)
{
	struct syntax_arm **last = &node->arms;

	node->is_branch = true;
	do {
		*last = arena_zalloc(s->arena, sizeof(**last));
		syntax_skip(s);
		(*last)->at = s->at;
		if (!arm(s, *last, has_condition))
			return false;
		last = &(*last)->next;
		if (!has_condition || !takes_word(s, "else"))
			return true;
		has_condition = takes_word(s, "if");
	} while (true);
}

/* Behind an error outside of any braces: at the next brace that opens, its block passed over. */
static void recover(struct syntax *s)
{
	while (!s->lost && syntax_peek(s) != -1) {
		int c;

		syntax_skip(s);
		c = syntax_peek(s);
		if (c == '}')
			return;
		if (c == '"' || c == '\'') {
			struct span ignored;

			if (!syntax_quoted(s, &ignored))
				return;
			continue;
		}
		if (c != -1)
			s->at++;
		if (c == '{') {
			syntax_resume(s, s->at);
			return;
		}
	}
}

static bool node(struct syntax *s, struct syntax_node *n)
{
	bool ok, broken = s->broken_if;

	n->at = s->at;
	s->broken_if = false;
	if (takes_word(s, "if")) {
		ok = branch(s, n, true);
		s->broken_if = !ok;
	} else if (takes_word(s, "else")) {
		if (!broken)
			syntax_error(s, n->at, "an else without its if");
		ok = broken && branch(s, n, takes_word(s, "if"));
		s->broken_if = broken && !ok;
	} else {
		ok = filter(s, n);
	}
	return ok;
}

struct syntax_node *syntax_nodes(struct syntax *s, bool in_braces)
{
	struct syntax_node *first = NULL, **last = &first;
	size_t from = s->at;

	if (!syntax_enter(s))
		return NULL;
	while (!s->lost) {
		if (in_braces && syntax_take(s, "}"))
			break;
		syntax_skip(s);
		if (syntax_peek(s) == -1) {
			if (in_braces) {
				syntax_error(s, from ? from - 1 : 0, "this { has no }");
				s->lost = true;
			}
			break;
		}
		*last = arena_zalloc(s->arena, sizeof(**last));
		s->nodes++;
		if (node(s, *last)) {
			last = &(*last)->next;
			continue;
		}
		*last = NULL;
		if (!in_braces && syntax_peek(s) == '}')
			s->at++;
		else
			recover(s);
	}
	syntax_leave(s);
	return first;
}

struct syntax_node *syntax_parse(struct syntax *s)
{
	if (s->text.n > SOURCE_MAX) {
		syntax_error(s, 0, "a filter of %zu bytes; allowed: at most %d", s->text.n, SOURCE_MAX);
		return NULL;
	}
	return syntax_is_pipeline(s) ? syntax_pipeline(s) : syntax_nodes(s, false);
}
