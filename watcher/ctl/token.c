/*
 * token - ingestctl's verbs for the tokens of the TCP listener: token add, list, revoke
 *
 * They work on the file that admin.tokens_file names, which a running daemon reads anew when it has changed; none is needed.  A token is
 * printed once, by the command that makes it, and stands nowhere else.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include "watcher/ctl/own.h"
#include "watcher/model/profile.h"
#include "watcher/model/tokens.h"
#include <unistd.h>

/* The configuration with a tokens_file; NULL: why not is on standard error. */
static struct config *open_config(const struct ctl_options *o)
{
	struct strbuf errors = STRBUF_INIT;
	struct config *c = NULL;

	if (ctl_config(o, &c, &errors) < 0)
		fprintf(stderr, "ingestctl: %s", errors.p);
	else if (!c->admin.tokens_file)
		fprintf(stderr,
			"ingestctl: %s: $.admin.tokens_file is not set: name a file there, like \"admin\": "
			"{\"http\": \"127.0.0.1:8370\", \"tokens_file\": \"secrets/tokens\"}\n",
			c->file);
	if (c && !c->admin.tokens_file)
		config_free(&c);
	strbuf_release(&errors);
	return c;
}

static int failed(const struct fault *f)
{
	fprintf(stderr, "ingestctl: %s\n", f->text);
	return CTL_REFUSED;
}

/* A name that is nobody's is a slip of the pen. */
static int check_scope(const struct config *c, const char *scope, struct fault *f)
{
	char *file;
	int r = 0;

	if (strcmp(scope, "operator") == 0)
		return 0;
	if (!tenant_name_valid(span_of(scope)))
		return fault_set(f, FAULT_CONFIG, "\"%.60s\" is neither operator nor a tenant's name", scope);
	file = xasprintf("%s/%s/profile.json", c->profiles, scope);
	if (access(file, F_OK) < 0)
		r = fault_set(f, FAULT_CONFIG, "no tenant %s: %s is not there", scope, file);
	free(file);
	return r;
}

static int make_folder(const char *path, struct fault *f)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	int r = fs_make_dirs(folder, 0700, f);

	free(folder);
	return r;
}

/* Where root makes it, it is the daemon's, as the state folder is. */
static int give(const struct config *c, struct fault *f)
{
	struct stat st;

	if (geteuid() != 0 || stat(c->state, &st) < 0)
		return 0;
	if (chown(c->admin.tokens_file, st.st_uid, st.st_gid) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot give %s to the owner of %s", c->admin.tokens_file, c->state);
	return 0;
}

static json_t *token_json(const struct token *k)
{
	return json_pack("{ss ss ss}", "id", k->id, "scope", k->scope[0] ? k->scope : "operator", "made", k->made);
}

int command_token_add(const struct ctl_options *o)
{
	struct fault f = FAULT_INIT;
	char text[TOKEN_TEXT];
	struct token k;
	struct config *c;
	json_t *v;
	int r;

	if (o->arg_count != 1)
		return ctl_usage(o);
	c = open_config(o);
	if (!c)
		return CTL_USAGE;
	r = check_scope(c, o->args[0], &f);
	if (r == 0)
		r = make_folder(c->admin.tokens_file, &f);
	if (r == 0)
		r = tokens_add(c->admin.tokens_file, o->args[0], clock_now_ms(), &k, text, &f);
	if (r == 0)
		r = give(c, &f);
	config_free(&c);
	if (r < 0)
		return failed(&f);
	v = token_json(&k);
	json_object_set_new(v, "token", json_string(text));
	ctl_print(o, v, "");
	if (!o->json)
		fputs("It is shown this once: only its hash is kept.\n", stderr);
	explicit_bzero(text, sizeof(text));
	json_decref(v);
	return CTL_OK;
}

int command_token_list(const struct ctl_options *o)
{
	struct fault f = FAULT_INIT;
	struct tokens *t = NULL;
	struct config *c;
	json_t *list;
	int r;

	if (o->arg_count > 1)
		return ctl_usage(o);
	c = open_config(o);
	if (!c)
		return CTL_USAGE;
	r = tokens_load(c->admin.tokens_file, &t, &f);
	config_free(&c);
	if (r < 0)
		return failed(&f);
	list = json_array();
	for (size_t i = 0; i < t->count; i++) {
		const char *scope = t->list[i].scope[0] ? t->list[i].scope : "operator";

		if (!o->arg_count || strcmp(scope, o->args[0]) == 0)
			json_array_append_new(list, token_json(&t->list[i]));
	}
	ctl_print(o, list, "id scope made");
	json_decref(list);
	tokens_free(&t);
	return CTL_OK;
}

int command_token_revoke(const struct ctl_options *o)
{
	struct fault f = FAULT_INIT;
	size_t count = 0;
	struct config *c;
	json_t *v;
	int r;

	if (o->arg_count != 1)
		return ctl_usage(o);
	c = open_config(o);
	if (!c)
		return CTL_USAGE;
	r = tokens_revoke(c->admin.tokens_file, o->args[0], &count, &f);
	if (r == 0 && !count)
		r = fault_set(&f, FAULT_CONFIG, "no token of %s in %s", o->args[0], c->admin.tokens_file);
	if (r == 0)
		r = give(c, &f);
	config_free(&c);
	if (r < 0)
		return failed(&f);
	v = json_pack("{ss sI}", "revoked", o->args[0], "tokens", (json_int_t)count);
	ctl_print(o, v, "");
	json_decref(v);
	return CTL_OK;
}
