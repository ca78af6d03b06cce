/*
 * regex_lint - patterns whose time grows with the power of the text's length; see the header
 *
 * Called by the compiler for each pattern.  A scan with a stack of groups; of each alternative it keeps which atom repeats and whether
 * something else must stand beside it.
 */
#include "watcher/base/base.h"
#include "transforms/regex_lint.h"

#define DEPTH 64

struct alternative {
	struct span repeats; /* the atom that repeats without end; n 0: none */
	bool apart;          /* an atom that must be there and is another */
};

struct group {
	struct alternative now;
	bool risky;  /* an alternative of it is nothing but what repeats */
	bool atomic; /* (?> ...): what it took it keeps */
	size_t from;
};

struct scan {
	struct span p;
	size_t i;
	struct group stack[DEPTH];
	size_t depth;
};

static int at(const struct scan *s)
{
	return s->i < s->p.n ? (unsigned char)s->p.p[s->i] : -1;
}

static void end_alternative(struct group *g)
{
	g->risky |= g->now.repeats.n && !g->now.apart;
	g->now = (struct alternative){0};
}

static void skip_class(struct scan *s)
{
	unsigned open = 0;

	for (; s->i < s->p.n; s->i++) {
		if (s->p.p[s->i] == '\\')
			s->i++;
		else if (s->p.p[s->i] == '[')
			open++;
		else if (s->p.p[s->i] == ']' && open > 0 && --open == 0) {
			s->i++;
			return;
		}
	}
	s->i = s->p.n;
}

/* `{n,m}`: behind it, or where it was when this is none. */
static bool take_braces(struct scan *s, bool *endless, bool *optional)
{
	size_t from = s->i++, first = s->i;
	bool comma = false, most = false;

	while (s->i < s->p.n && strchr("0123456789,", s->p.p[s->i])) {
		most |= comma && s->p.p[s->i] != ',';
		comma |= s->p.p[s->i] == ',';
		s->i++;
	}
	if (at(s) != '}' || s->i == first) {
		s->i = from;
		return false;
	}
	*endless = comma && !most;
	*optional = s->p.p[first] == '0' || s->p.p[first] == ',';
	s->i++;
	return true;
}

/* The quantifier here, if any; a `+` behind it makes it possessive: it gives nothing back. */
static void take_quantifier(struct scan *s, bool *endless, bool *optional)
{
	int c = at(s);

	*endless = c == '*' || c == '+';
	*optional = c == '*' || c == '?';
	if (*endless || *optional)
		s->i++;
	else if (c != '{' || !take_braces(s, endless, optional))
		return;
	if (at(s) == '+')
		*endless = false;
	if (at(s) == '+' || at(s) == '?')
		s->i++;
}

static void add_atom(struct group *g, struct span atom, bool endless, bool optional)
{
	if (endless && !g->now.repeats.n) {
		g->now.repeats = atom;
		return;
	}
	if (!optional && !endless && !(g->now.repeats.n && span_equal(atom, g->now.repeats)))
		g->now.apart = true;
}

static void open_group(struct scan *s)
{
	struct group *g = &s->stack[s->depth++];

	*g = (struct group){.from = s->i};
	s->i++;
	if (at(s) != '?')
		return;
	g->atomic = s->i + 1 < s->p.n && s->p.p[s->i + 1] == '>';
	/* (?: (?= (?<name> ...: the letters up to the body are no atoms */
	s->i++;
	while (s->i < s->p.n && strchr(":=!<>'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
				       s->p.p[s->i])) {
		char c = s->p.p[s->i++];

		if (strchr(":=!>", c))
			return;
	}
}

/* True: the group that closes here is the fault. */
static bool close_group(struct scan *s, size_t *offset)
{
	struct group *inner = &s->stack[--s->depth];
	bool endless, optional;

	end_alternative(inner);
	s->i++;
	take_quantifier(s, &endless, &optional);
	if (endless && inner->risky && !inner->atomic) {
		*offset = inner->from;
		return true;
	}
	endless |= inner->risky && !inner->atomic;
	add_atom(&s->stack[s->depth - 1], (struct span){s->p.p + inner->from, s->i - inner->from}, endless,
		 optional);
	return false;
}

static void take_atom(struct scan *s)
{
	size_t from = s->i;
	int c = at(s);
	struct span atom;
	bool endless, optional;

	if (c == '[')
		skip_class(s);
	else
		s->i += c == '\\' && s->i + 1 < s->p.n ? 2 : 1;
	if (c == '^' || c == '$')
		return;
	atom = (struct span){s->p.p + from, s->i - from};
	take_quantifier(s, &endless, &optional);
	add_atom(&s->stack[s->depth - 1], atom, endless, optional);
}

bool regex_is_nested(struct span pattern, size_t *offset)
{
	struct scan s = {.p = pattern, .depth = 1};

	while (s.i < pattern.n) {
		switch (at(&s)) {
		case '(':
			if (s.depth == DEPTH)
				return false;
			open_group(&s);
			break;
		case ')':
			if (s.depth == 1)
				return false;
			if (close_group(&s, offset))
				return true;
			break;
		case '|':
			end_alternative(&s.stack[s.depth - 1]);
			s.i++;
			break;
		default:
			take_atom(&s);
			break;
		}
	}
	return false;
}
