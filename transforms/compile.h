/*
 * compile - what the parts of the compiler share: the plan as it is built, and its insides when it runs
 *
 * A plan is a flat program: filters, tests that jump when they are not met, jumps.  An event's whole future is so one number, the
 * place it goes on at, and an event that a filter gives out goes on where its original does.
 * Ownership: everything is the plan's arena's but the regular expressions, which stand in its list.
 */
#ifndef TRANSFORMS_COMPILE_H
#define TRANSFORMS_COMPILE_H

#include "transforms/budget.h"
#include "transforms/condition.h"
#include "transforms/filter.h"
#include "transforms/plan.h"

/* The options that every filter has. */
struct common {
	struct option_item id;
	struct option_hash add_field;
	struct option_list remove_field;
	struct option_list add_tag;
	struct option_list remove_tag;
	bool enable_metric;
	bool periodic_flush;
};

extern const struct option common_options[];
extern const size_t common_option_count;

enum step_kind { STEP_FILTER, STEP_TEST, STEP_JUMP };

struct step {
	enum step_kind kind;
	size_t line;
	size_t to; /* TEST: where to go on when not met; JUMP */
	const struct condition *condition;
	const struct filter_type *type;
	void *self;
	struct common common;
};

struct plan {
	struct arena arena;
	struct step *steps;
	size_t count;
	size_t cap;
	struct regex **regexes;
	size_t regex_count;
	bool lenient;
	bool has_csv;
	bool remembers;
	struct plan_watch watch;
	struct filter_run *run;
	struct span text; /* of the filter: places in it are told of a file that is given up */
	struct budget budget;
	const struct record *record; /* whose row is run, or NULL */
	char why[PLAN_TEXT]; /* of plan_given_up */
};

struct compile {
	struct plan *plan;
	struct source *source;
	const struct syntax_node *node; /* the filter being compiled */
	bool whole;                     /* each of its settings is of its type */
	size_t line;                    /* of line_at: places are asked for in ascending order */
	size_t line_at;
};

/* Fills self by the table from the filter's settings; unknown, missing and ill-typed ones are errors. */
void options_fill(struct compile *c, const struct filter_type *type, void *self, struct common *common);
/* The default words of a table, for the reference. */
const char *option_type_name(const struct option *o);
const struct filter_type *filter_find(struct span name);
/* Says that there is no such filter here: what is meant, what Logstash has, what is built. */
void filter_refuse(struct compile *c, struct span name, size_t at);
size_t compile_line(struct compile *c, size_t at);
/* Says what looks wrong and is not: branches never taken ... */
void compile_lint(struct compile *c, const struct syntax_node *nodes);
/* ... what a mutate, which is the compile's node, renames before it changes it ... */
void compile_lint_order(struct compile *c);
/* ... and fields that are read and never set. */
void compile_lint_fields(struct compile *c, const struct syntax_node *nodes);

#endif
