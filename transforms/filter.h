/*
 * filter - what one filter is to the core; implemented by transforms/filter_NAME.c, listed in transforms/filters.def
 *
 *	const struct filter_type filter_upper = {
 *		.name = "upper", .says = "...", .size = sizeof(struct upper), .options = options, .option_count = ARRAY_LEN(options),
 *		.init = upper_init, .run = upper_run, .release = upper_release,
 *	};
 *
 * Calling sequence: the core zeroes `size` bytes, fills them by the table of options, calls init once, begin at the start of
 * every file, run for each event that comes by, release once.  init, begin and release may be NULL.
 *
 * init checks what the table cannot say; it reports with compile_error (any number) and returns -1 then.
 * run changes the event in place.  All memory of a row is of ev->arena.  It returns what became of it:
 *	FILTER_DONE    success: the core applies add_field, remove_field, add_tag, remove_tag, in this order
 *	FILTER_LEFT    nothing to do, or done without success: no decoration, no failure
 *	FILTER_FAILED  what filter_fail returned
 *	FILTER_CANCEL  the event ends here (drop; split's original); never decorated
 * A decoration that cannot be done (add_field below a text) ends the decorations: see undecorated.
 * Events given out by filter_emit are decorated and go on behind this filter, in the order given out, behind the original.
 * init is called when each setting is of its type, also when another is unknown or a text is no reference, template or word (its ref
 * or template is NULL then): a text's errors come all at once.  release is called for every init, also one that failed.
 *
 * filter_fail(run, ev, tag, field, value, ...) tags the event once and notes the row's first failure: the reject then reads
 * `FILTER: field FIELD: value "VALUE": WHY`.  filter_warn_tag does the same and the filter goes on (dissect's conversions).
 * A lossy conversion is counted by filter_lossy(run, field, "float", "integer", example).
 */
#ifndef TRANSFORMS_FILTER_H
#define TRANSFORMS_FILTER_H

#include "watcher/model/coercions.h"
#include "watcher/model/record.h"
#include "transforms/options.h"
#include "transforms/values.h"

struct filter_run;
struct compile;
struct plan_shape;

enum filter_result { FILTER_DONE, FILTER_LEFT, FILTER_FAILED, FILTER_CANCEL };

struct filter_type {
	const char *name;
	const char *says; /* one sentence for the reference */
	size_t size;
	const struct option *options;
	size_t option_count;
	int (*init)(void *self, struct compile *c);
	void (*begin)(void *self);
	enum filter_result (*run)(void *self, struct filter_run *run, struct event *ev);
	void (*release)(void *self);
	/* A decoration failed: tags ev and says why, as Logstash's filter does that runs its decorations within its own rescue.
	 * NULL: Logstash would end the pipeline there; here the row is refused. */
	enum filter_result (*undecorated)(void *self, struct filter_run *run, struct event *ev,
					  struct span field, const char *why);
	/* Does it the same to every usual row (plan.h)?  Then it says so and adds what it asks of the row.  NULL: no. */
	bool (*shape)(const void *self, struct plan_shape *shape);
	/* Columns that it takes a row of the usual form (parse/plain.h) apart into, comma and double quote; 0 or NULL: others. */
	size_t (*columns)(const void *self);
	/* Has it state from row to row?  Then a resumed file is read again from its first row.  NULL: no. */
	bool (*remembers)(const void *self);
};

#define FILTER(name) extern const struct filter_type filter_##name;
#include "transforms/filters.def"
#undef FILTER

/* While compiling.  at: of an option_item; 0: the filter's name. */
void compile_error(struct compile *c, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void compile_warning(struct compile *c, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* at: of the value of this setting of the filter; 0: the text does not have it. */
size_t compile_setting(const struct compile *c, const char *name);
struct arena *compile_arena(struct compile *c); /* lives as long as the plan */
/* Warns where ecs_compatibility is on and no target keeps the row's names from those of the Elastic Common Schema. */
void compile_warn_ecs(struct compile *c, const struct option_item *ecs, const struct option_item *target);
bool compile_lenient(const struct compile *c);  /* "compat": "logstash-8.6" */
/* Compiled or NULL and an error written; freed with the plan. */
struct regex *compile_regex(struct compile *c, struct span pattern, size_t at, unsigned flags);
const struct ref *compile_ref(struct compile *c, struct span text, size_t at);
const struct template *compile_template(struct compile *c, struct span text, size_t at);

/* While running. */
int64_t filter_now(const struct filter_run *run); /* wall clock, the same for the whole row */
enum filter_result filter_fail(struct filter_run *run, struct event *ev, const char *tag,
			       struct span field, const struct value *value, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
void filter_warn_tag(struct filter_run *run, struct event *ev, const char *tag, struct span field,
		     const struct value *value, const char *fmt, ...) PRINTF_LIKE(6, 7);
void filter_lossy(struct filter_run *run, struct span field, const char *from, const char *to,
		  struct span example);
/* The record that this text is, its fields found; NULL: it is none. */
const struct record *filter_record(const struct filter_run *run, struct span text);
/* The row has used up its time or memory: a loop over much ends by filter_fail then. */
bool filter_spent(struct filter_run *run);
/* A regular expression compiled for this event: what it costs is the file's.  at: of its option_item. */
void filter_charge(struct filter_run *run, struct regex *re, struct span pattern, size_t at);
/* One more event out of this filter.  -1: the row's fan-out limit; the failure is noted, return FILTER_FAILED. */
int filter_emit(struct filter_run *run, struct event *made) MUST_CHECK;

#endif
