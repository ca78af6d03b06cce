/*
 * explain - why is this file not taken, or not finished?  `ingestctl explain PATH`; see views.h
 *
 * One rule (model/rules.def), since when, what it waits for in words, what to do.  Of what lies in in/ arrival/ knows it; of what was taken
 * the journal's record; of a path that is nowhere near in/ the path itself.
 */
#include "watcher/base/base.h"
#include "watcher/arrival/arrival.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/manifests.h"
#include "watcher/daemon/paths.h"
#include "watcher/daemon/route.h"
#include "watcher/daemon/starts.h"
#include "watcher/daemon/views.h"
#include "watcher/model/rule.h"

#define LYING_LISTED 100

struct explanation {
	enum rule rule;
	const char *state; /* arrival's, or the record's; NULL: neither has it */
	const char *id;
	const char *job;
	int64_t since_ms; /* 0: nobody knows */
	struct strbuf text;
};

/* --- what was taken --- */

static enum rule rule_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum rule rule;
	} table[] = {
		{"queued", RULE_QUEUED},  {"running", RULE_RUNNING},  {"waiting", RULE_WAITING}, {"held", RULE_HELD},
		{"failed", RULE_FAILED},  {"undone", RULE_FAILED},    {"done", RULE_DONE},	 {"duplicate", RULE_DONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].state, state) == 0)
			return table[i].rule;
	CHECK(!"a record's state");
	return RULE_NONE;
}

static void tell_living(const struct file *x, const struct file_row *r, struct strbuf *out)
{
	if (x && r->state == FILE_WAITING)
		strbuf_addf(out, "It was taken and waits: %s.", x->waits_for ? x->waits_for : "no reason");
	else if (x && !x->task && x->parked)
		strbuf_adds(out, "It was taken and waits for its tenant's profile.");
	else if (x && x->at_barrier)
		strbuf_adds(out, "It was taken and waits for the other files of its run.");
	else if (x && x->task && !r->running)
		strbuf_adds(out, "It was taken and waits for a free worker.");
	else
		strbuf_adds(out, "It was taken and is in work.");
}

static void explain_row(struct ingestd *d, const struct file_row *r, struct explanation *e)
{
	const struct file *x = file_find(d, r->arrival);

	e->state = file_row_record_state(r);
	e->rule = rule_of_state(e->state);
	e->id = r->arrival;
	e->job = r->job;
	e->since_ms = r->times.placed ? r->times.placed : r->times.claimed;
	if (r->sentence)
		strbuf_adds(&e->text, r->sentence);
	else
		tell_living(x, r, &e->text);
	if (r->sentence && r->times.removed)
		strbuf_adds(&e->text, " Retention has removed it since.");
}

/* --- what lies in in/ --- */

/* What becomes of it once it is whole. */
static void forecast(const struct tenant *t, const char *name, struct explanation *e)
{
	struct fault f = FAULT_INIT;
	const struct job *j;
	size_t count = 0;

	j = profile_match(t->profile, name, TRIGGER_ARRIVAL, &count);
	if (j) {
		e->job = j->name;
		return;
	}
	route_describe(t->profile, name, count, &f);
	strbuf_addf(&e->text, "; then it %s: %s", count ? "goes to held/" : "fails", f.text);
}

static void explain_arriving(struct ingestd *d, const struct path_place *at, struct explanation *e)
{
	const struct tenant *t = at->tenant;
	const struct file *list;
	struct arrival_view v;

	if (!t->watched || !t->profile) {
		e->rule = RULE_NO_PROFILE;
		strbuf_addf(&e->text, "The tenant has no profile in force: nothing is taken from its folder%s%s.",
			    t->refused ? "; " : "", t->refused ? t->refused : "");
		return;
	}
	e->rule = arrival_explain(d->arrival, t->name, at->name, &e->since_ms, &e->text);
	if (!arrival_find(d->arrival, t->name, at->name, &v))
		return;
	e->state = arrival_state_name(v.state);
	e->job = v.job;
	list = v.rule == RULE_RUN ? starts_listing(d, t, at->name) : NULL;
	if (list)
		strbuf_addf(&e->text, "; %s lists it: %s", list->row.file, list->waits_for ? list->waits_for : "it is being read");
	if (!v.job && !manifests_start_run(t->profile, at->name) && v.state != ARRIVAL_STATE_ASIDE && v.state != ARRIVAL_STATE_ODD)
		forecast(t, at->name, e);
}

/* --- it is not there any more --- */

/* A living file of that name, the newest. */
static const struct file *living(struct ingestd *d, const struct path_place *at)
{
	const struct file *found = NULL;

	for (size_t i = 0; i < map_len(&d->files); i++) {
		const struct file *x = map_value(&d->files, i);
		const char *name = x->row.original ? x->row.original : x->row.file;

		if (x->tenant == at->tenant && strcmp(name, at->name) == 0 &&
		    (!found || strcmp(found->row.arrival, x->row.arrival) < 0))
			found = x;
	}
	return found;
}

static int placed(struct ingestd *d, const struct path_place *at, struct file_row *row, struct fault *f)
{
	static const enum folder folders[] = {FOLDER_DONE, FOLDER_FAILED, FOLDER_HELD};
	int found = 0;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		struct file_row one;
		int r;

		file_row_init(&one);
		r = journal_by_path(d->journal, at->tenant->name, folders[i], at->name, &one, f);
		if (r > 0 && (!found || one.times.placed > row->times.placed)) {
			file_row_release(row);
			*row = one;
			found = 1;
			continue;
		}
		file_row_release(&one);
		if (r < 0)
			return -1;
	}
	return found;
}

static int explain_taken(struct ingestd *d, const struct path_place *at, struct file_row *row,
			 struct explanation *e, struct fault *f)
{
	const struct file *x = living(d, at);
	int r = x ? 0 : placed(d, at, row, f);

	if (!x && r <= 0)
		return r;
	strbuf_reset(&e->text);
	strbuf_addf(&e->text, "It is not in in/ any more; the last file of that name: ");
	explain_row(d, x ? &x->row : row, e);
	return 0;
}

/* --- front door --- */

static int explain_in_folder(struct ingestd *d, const char *path, const struct path_place *at, struct file_row *row,
			     struct explanation *e, struct fault *f)
{
	int r;

	if (at->folder == FOLDER_IN) {
		explain_arriving(d, at, e);
		return e->rule == RULE_NO_FILE ? explain_taken(d, at, row, e, f) : 0;
	}
	if (at->folder == FOLDER_TRY) {
		e->rule = RULE_TRY;
		strbuf_adds(&e->text, "Dry runs in try/: not in this version.");
		return 0;
	}
	r = paths_row(d, path, row, f);
	if (r > 0) {
		explain_row(d, views_freshest(d, row), e);
	} else if (r == 0) {
		e->rule = RULE_UNKNOWN;
		strbuf_adds(&e->text, "The journal knows nothing of it.");
	}
	return r;
}

static void add_explanation(const char *path, const struct tenant *t, const struct explanation *e,
			    struct strbuf *out)
{
	strbuf_addc(out, '{');
	json_pair_string(out, "path", path);
	json_pair_string(out, "tenant", t ? t->name : NULL);
	json_pair_string(out, "state", e->state);
	json_pair_string(out, "rule", rule_word(e->rule));
	json_pair_time(out, "since", e->since_ms);
	json_pair_string(out, "id", e->id);
	json_pair_string(out, "job", e->job);
	json_pair_span(out, "explanation", strbuf_span(&e->text));
	json_pair_string(out, "remedy", rule_remedy(e->rule));
	strbuf_addc(out, '}');
}

unsigned views_explain(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const char *path = args->query(args, "path");
	struct explanation e = {.text = STRBUF_INIT};
	struct path_place at = {0};
	struct file_row row;
	enum paths kind;
	int r = 0;

	if (!path) {
		fault_set(f, FAULT_CONFIG, "which file? give ?path=");
		return 400;
	}
	file_row_init(&row);
	kind = paths_find(d, path, &at);
	/* to a tenant's token the others are not there */
	if (args->scope && (!at.tenant || !admin_sees(args, at.tenant->name)))
		kind = PATHS_OUTSIDE;
	switch (kind) {
	case PATHS_OUTSIDE:
		fault_set(f, FAULT_CONFIG, "%s is in no tenant's folder below %s", path,
			  args->scope ? "staging" : d->config->staging);
		file_row_release(&row);
		return 404;
	case PATHS_NO_TENANT:
		e.rule = RULE_NO_TENANT;
		strbuf_adds(&e.text, "No tenant has that folder: nothing is taken from it.");
		break;
	case PATHS_TENANT:
		e.rule = RULE_NOT_IN_IN;
		strbuf_adds(&e.text, "It lies beside in/: files are taken from in/ alone.");
		break;
	case PATHS_FOLDER:
		r = explain_in_folder(d, path, &at, &row, &e, f);
		if (args->scope && e.rule == RULE_DISK) {
			strbuf_reset(&e.text);
			strbuf_adds(&e.text, "It is complete and waits: " DISK_SHORT ".");
		}
		break;
	}
	if (r >= 0)
		add_explanation(path, at.tenant, &e, out);
	strbuf_release(&e.text);
	file_row_release(&row);
	if (r >= 0)
		return 200;
	fault_prefix(f, "the journal cannot answer");
	return 503;
}

/* --- of all that lies there --- */

static void add_lying_file(void *ctx, const struct arrival_view *v)
{
	struct strbuf *out = ctx;

	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "tenant", v->tenant);
	json_pair_string(out, "file", v->name);
	json_pair_string(out, "rule", rule_word(v->rule));
	json_pair_time(out, "since", v->since_ms);
	json_pair_string(out, "job", v->job);
	json_pair_string(out, "reason", v->reason);
	json_pair_string(out, "remedy", rule_remedy(v->rule));
	strbuf_addc(out, '}');
}

void views_add_lying(struct ingestd *d, const struct tenant *t, struct strbuf *out)
{
	struct strbuf files = STRBUF_INIT;
	size_t n = t->watched ? arrival_lying(d->arrival, t->name, LYING_LISTED, add_lying_file, &files) : 0;

	json_pair_u64(out, "lying", n);
	json_add_key(out, "lying_files");
	strbuf_addf(out, "[%s]", files.n ? files.p : "");
	strbuf_release(&files);
}
