/*
 * file_row - what the journal knows of one arrival; see file_row.h
 *
 * Strings are listed once, in ROW_STRINGS, for release and copy.  Nothing here can fail.
 */
#include "watcher/base/base.h"
#include "watcher/spool/file_row.h"

#define ROW_STRINGS(X) \
	X(tenant) \
	X(file) \
	X(original) \
	X(job) X(arrival_fault) X(reason) X(target) X(rejects) X(error_column) X(error_text) X(coercions_json) \
		X(sentence) X(encrypted_to) X(leg.sink) X(leg.index)

static const char *const leg_names[] = {
	[LEG_NONE] = "none",       [LEG_GATED] = "gated",     [LEG_LOADING] = "loading",
	[LEG_INDEXED] = "indexed", [LEG_UNDOING] = "undoing", [LEG_UNDONE] = "undone",
};

void file_row_init(struct file_row *r)
{
	memset(r, 0, sizeof(*r));
}

void file_row_release(struct file_row *r)
{
#define X(field) free(r->field);
	ROW_STRINGS(X)
#undef X
	file_row_init(r);
}

void file_row_copy(const struct file_row *r, struct file_row *out)
{
	*out = *r;
#define X(field) out->field = r->field ? xstrdup(r->field) : NULL;
	ROW_STRINGS(X)
#undef X
}

bool file_row_undo_needs_file(const struct file_row *r)
{
	const struct counters *c = &r->leg.checkpoint.counters;

	return c->documents != c->indexed + c->duplicates;
}

void file_row_set(char **field, const char *s)
{
	char *copy = s ? xstrdup(s) : NULL; /* s may be a part of *field */

	free(*field);
	*field = copy;
}

void file_row_renew(struct file_row *r)
{
	r->has_outcome = r->has_folder = r->has_first_error = r->altered = false;
	r->after_undo = AFTER_UNDO_PLACE;
	r->fault = FAULT_NONE;
	r->until_ms = r->quota_until_ms = 0;
	r->quota_held = false;
	r->deaths = r->deaths_row = r->error_line = 0;
	r->version[0] = r->duplicate_of[0] = r->replaces[0] = r->replaced_by[0] = '\0';
	r->times.started = r->times.indexed = r->times.placed = 0;
	file_row_set(&r->reason, NULL);
	file_row_set(&r->target, NULL);
	file_row_set(&r->rejects, NULL);
	file_row_set(&r->error_column, NULL);
	file_row_set(&r->error_text, NULL);
	file_row_set(&r->coercions_json, NULL);
	file_row_set(&r->sentence, NULL);
	file_row_set(&r->encrypted_to, NULL);
	file_row_set(&r->leg.sink, NULL);
	file_row_set(&r->leg.index, NULL);
	r->leg = (struct leg){.state = LEG_NONE};
}

const char *file_row_record_state(const struct file_row *r)
{
	switch (r->state) {
	case FILE_PLACED:
		CHECK(r->has_outcome);
		return outcome_name(r->outcome);
	case FILE_HELD:
		return "held";
	case FILE_WAITING:
		return "waiting";
	case FILE_CLAIMED:
		return r->running ? "running" : "queued";
	case FILE_IDENTIFIED:
	case FILE_GATED:
	case FILE_LOADING:
	case FILE_INDEXED:
	case FILE_PLACING:
	case FILE_UNDOING:
	case FILE_RETAKING:
	case FILE_REPLACING:
		return "running";
	}
	CHECK(!"a file state");
	return "";
}

const char *leg_state_name(enum leg_state s)
{
	CHECK((size_t)s < ARRAY_LEN(leg_names));
	return leg_names[s];
}
