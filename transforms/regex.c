/*
 * regex - the one door to Oniguruma; see the header
 *
 * Called by conditions and filters.  Owns the compiled pattern, the match parameters and a region that is used for every search.
 * The limits bound what a hostile pattern costs: about 0.1 s a search on a slow machine, and 4 MiB of stack.
 */
#include "watcher/base/base.h"
#include "transforms/regex.h"
#include "transforms/budget.h"
#include "watcher/base/utf8.h"
#include <oniguruma.h>

#define RETRY_LIMIT 1000000
#define STACK_LIMIT 65536 /* entries of the backtrack stack, 40 bytes each at most */
#define PATTERN_MAX 65536

struct regex {
	/* a pattern without any special character is looked for as it is: most are so, and Oniguruma takes memory for each search */
	struct span literal; /* own; p NULL: none */
	int literal_begin;
	int literal_end;
	regex_t *code;
	OnigMatchParam *param;
	OnigRegion *region;
	struct budget *budget; /* or NULL */
	size_t at;
	char shown[BUDGET_PATTERN + 4];
};

static void once(void)
{
	static bool done;
	OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};

	if (done)
		return;
	CHECK(onig_initialize(encodings, 1) == ONIG_NORMAL);
	/* a warning of the library is no line of ours on standard error */
	onig_set_warn_func(onig_null_warn);
	onig_set_verb_warn_func(onig_null_warn);
	done = true;
}

static bool is_literal(struct span pattern, unsigned flags)
{
	if (!pattern.n || (flags & REGEX_IGNORE_CASE))
		return false;
	for (size_t i = 0; i < pattern.n; i++)
		if (!pattern.p[i] || strchr("\\^$.|?*+()[]{}", pattern.p[i]))
			return false;
	return true;
}

static enum regex_result search_literal(struct regex *re, struct span subject, size_t from,
					struct regex_match *m)
{
	const char *found = subject.n ? memmem(subject.p + from, subject.n - from, re->literal.p,
					       re->literal.n)
				      : NULL;

	if (!found)
		return REGEX_MISS;
	re->literal_begin = (int)(found - subject.p);
	re->literal_end = re->literal_begin + (int)re->literal.n;
	*m = (struct regex_match){1, &re->literal_begin, &re->literal_end};
	return REGEX_MATCH;
}

static OnigOptionType options_of(unsigned flags)
{
	/* Ruby's \w \d \s are ASCII */
	OnigOptionType o = ONIG_OPTION_CAPTURE_GROUP | ONIG_OPTION_WORD_IS_ASCII |
			   ONIG_OPTION_DIGIT_IS_ASCII | ONIG_OPTION_SPACE_IS_ASCII;

	if (flags & REGEX_DOT_ALL)
		o |= ONIG_OPTION_MULTILINE;
	if (flags & REGEX_IGNORE_CASE)
		o |= ONIG_OPTION_IGNORECASE;
	return o;
}

int regex_compile(struct span pattern, unsigned flags, struct regex **out, char why[REGEX_WHY])
{
	const OnigUChar *p = (const OnigUChar *)pattern.p;
	OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
	OnigErrorInfo info;
	struct regex *re;
	int r;

	once();
	if (pattern.n > PATTERN_MAX) {
		snprintf(why, REGEX_WHY, "it has more than %d bytes", PATTERN_MAX);
		return -1;
	}
	re = xcalloc(1, sizeof(*re));
	r = onig_new(&re->code, p, p + pattern.n, options_of(flags), ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY,
		     &info);
	if (r != ONIG_NORMAL) {
		onig_error_code_to_str(text, r, &info);
		snprintf(why, REGEX_WHY, "%s", (const char *)text);
		re->code = NULL;
		regex_free(&re);
		return -1;
	}
	if (is_literal(pattern, flags))
		re->literal = (struct span){xstrndup(pattern.p, pattern.n), pattern.n};
	re->param = onig_new_match_param();
	re->region = onig_region_new();
	CHECK(re->param && re->region);
	onig_initialize_match_param(re->param);
	onig_set_match_stack_limit_size_of_match_param(re->param, STACK_LIMIT);
	onig_set_retry_limit_in_match_of_match_param(re->param, RETRY_LIMIT);
	onig_set_retry_limit_in_search_of_match_param(re->param, RETRY_LIMIT);
	*out = re;
	return 0;
}

void regex_charge(struct regex *re, struct span pattern, struct budget *budget, size_t at)
{
	struct span cut = {pattern.p, pattern.n < BUDGET_PATTERN ? pattern.n : BUDGET_PATTERN};

	if (cut.n < pattern.n)
		cut.n = utf8_valid_prefix(cut);
	re->budget = budget;
	re->at = at;
	snprintf(re->shown, sizeof(re->shown), "%.*s%s", SPAN_FMT(cut), cut.n < pattern.n ? "..." : "");
}

void regex_free(struct regex **rep)
{
	struct regex *re = *rep;

	if (!re)
		return;
	if (re->region)
		onig_region_free(re->region, 1);
	if (re->param)
		onig_free_match_param(re->param);
	if (re->code)
		onig_free(re->code);
	free((char *)(uintptr_t)re->literal.p);
	free(re);
	*rep = NULL;
}

int regex_group(const struct regex *re, struct span name)
{
	const OnigUChar *p = (const OnigUChar *)name.p;
	int *groups, n = onig_name_to_group_numbers(re->code, p, p + name.n, &groups);

	return n > 0 ? groups[n - 1] : -1;
}

enum regex_result regex_search(struct regex *re, struct span subject, size_t from,
			       struct regex_match *m)
{
	const OnigUChar *p = (const OnigUChar *)(subject.p ? subject.p : "");
	int r;

	CHECK(from <= subject.n && subject.n <= INT32_MAX);
	if (re->literal.p)
		return search_literal(re, subject, from, m);
	if (re->budget && budget_spent(re->budget))
		return REGEX_LIMIT;
	r = onig_search_with_param(re->code, p, p + subject.n, p + from, p + subject.n, re->region,
				   ONIG_OPTION_NONE, re->param);
	if (r == ONIG_MISMATCH)
		return REGEX_MISS;
	if (r < 0) { /* a limit, or no memory for the stack: both are what this pattern costs on this row */
		if (re->budget)
			budget_strike(re->budget, re->shown, re->at);
		return REGEX_LIMIT;
	}
	*m = (struct regex_match){(size_t)re->region->num_regs, re->region->beg, re->region->end};
	return REGEX_MATCH;
}
