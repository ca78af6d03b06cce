/*
 * chosen - the filter that a verb of the command line works with; see the header
 *
 * Called by apply and suite.
 */
#include "watcher/base/base.h"
#include "watcher/worker/chosen.h"
#include "watcher/base/fsutil.h"
#include "transforms/explain.h"
#include "watcher/worker/local.h"

static int compile_text(struct span text, const char *origin, struct plan **out, struct strbuf *said)
{
	struct plan_source src = {.text = text, .origin = origin};
	struct strbuf warnings = STRBUF_INIT;
	int r;

	r = plan_compile(&src, out, said, &warnings);
	strbuf_addspan(said, strbuf_span(&warnings));
	strbuf_release(&warnings);
	return r;
}

int chosen_file(struct chosen *c, const char *file, struct strbuf *said)
{
	struct strbuf text = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int r = fs_read_argument(file, SOURCE_MAX + 1, &text, &f);

	if (r < 0)
		strbuf_addf(said, "%s\n", f.text);
	else
		r = compile_text(strbuf_span(&text), file, &c->plan, said);
	if (r == 0)
		c->text = strbuf_detach(&text);
	strbuf_release(&text);
	return r;
}

int chosen_job(struct chosen *c, const char *config, const char *tenant, const char *job, struct strbuf *said)
{
	struct strbuf text = STRBUF_INIT, warnings = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	int r = local_version(config, tenant, job, &text, said);

	if (r == 0) {
		r = compiled_new(strbuf_span(&text), &c->compiled, said, &warnings, &f);
		if (r < 0 && !said->n)
			strbuf_addf(said, "%s\n", f.text);
		strbuf_addspan(said, strbuf_span(&warnings));
	}
	strbuf_release(&text);
	strbuf_release(&warnings);
	return r;
}

struct plan *chosen_plan(const struct chosen *c)
{
	return c->compiled ? c->compiled->plan : c->plan;
}

void chosen_explain(const struct chosen *c, struct strbuf *out)
{
	struct plan_source src = {.text = span_of(c->text), .origin = ""};

	if (c->compiled)
		compiled_explain(c->compiled, out);
	else if (plan_explain(&src, out) < 0)
		CHECK(!"a text that compiled");
}

void chosen_release(struct chosen *c)
{
	plan_free(&c->plan);
	free(c->text);
	c->text = NULL;
	compiled_free(&c->compiled);
}
