/*
 * why - `ingestctl why DOCUMENT-ID`: from a document's _id to its file, row and what the filters made of it
 *
 * Asks the daemon for the delivery's record, finds the placed file and the kept job version by the configuration, and hands both to
 * ingest-worker --why.  What is gone (a file taken away, a version no longer kept) is said, with what is still known.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/own.h"
#include <time.h>
#include <unistd.h>

#define DELIVERY 20 /* characters */

struct document_name {
	char delivery[DELIVERY + 1];
	uint64_t row;
	uint64_t part;
};

static bool base36(const char **p, uint64_t *out)
{
	const char *from = *p;

	*out = 0;
	while ((**p >= '0' && **p <= '9') || (**p >= 'a' && **p <= 'z')) {
		if (*p - from > 11)
			return false;
		*out = *out * 36 + (uint64_t)(**p <= '9' ? **p - '0' : **p - 'a' + 10);
		++*p;
	}
	return *p > from;
}

/* DELIVERY-ROW or DELIVERY-ROW.PART */
static bool parse_name(const char *text, struct document_name *out)
{
	const char *p = text + DELIVERY + 1;

	memset(out, 0, sizeof(*out));
	if (strlen(text) < DELIVERY + 2 || text[DELIVERY] != '-')
		return false;
	memcpy(out->delivery, text, DELIVERY);
	if (!base36(&p, &out->row) || !out->row)
		return false;
	if (*p == '.') {
		p++;
		if (!base36(&p, &out->part) || !out->part)
			return false;
	}
	return *p == '\0';
}

static const char *text_of(const json_t *record, const char *key)
{
	const char *s = json_string_value(json_object_get(record, key));

	return s ? s : "";
}

/* 2026-01-02T03:04:05.678Z in milliseconds; 0: no time */
static int64_t milliseconds(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int ms = 0;

	if (!rest)
		return 0;
	if (*rest == '.')
		ms = atoi(rest + 1);
	return (int64_t)timegm(&tm) * 1000 + ms;
}

/* staging/T/STATE/NAME, or NAME.A where the name was taken; NULL: it is not there any more. */
static char *placed_file(const struct config *c, const json_t *record)
{
	static const char *const states[] = {"done", "held", "failed"};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		char *path = xasprintf("%s/%s/%s/%s.%s", c->staging, text_of(record, "tenant"), states[i],
				       text_of(record, "file"), text_of(record, "id"));

		if (access(path, F_OK) == 0)
			return path;
		path[strlen(path) - strlen(text_of(record, "id")) - 1] = '\0';
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* What is known without the file: the daemon's record. */
static int say_gone(const json_t *record, const struct document_name *n, const char *what)
{
	fprintf(stderr,
		"ingestctl: row %llu of %s (tenant %s, job %s, arrival %s, delivery %s): %s; ingestctl show %s tells "
		"what the journal keeps\n",
		(unsigned long long)n->row, text_of(record, "file"), text_of(record, "tenant"),
		text_of(record, "job"), text_of(record, "id"), n->delivery, what, text_of(record, "id"));
	return CTL_PARTLY;
}

static void say_delivery(const json_t *record, const char *path)
{
	printf("delivery   %s, arrival %s\n", text_of(record, "delivery"), text_of(record, "id"));
	printf("file       %s of tenant %s, %s\n", text_of(record, "file"), text_of(record, "tenant"), path);
	printf("job        %s, version %s\n", text_of(record, "job"), text_of(record, "job_version"));
	fflush(stdout);
}

static int hand_over(const struct ctl_options *o, const struct config *c, const json_t *record,
		     const struct document_name *n, char *version, char *path)
{
	char numbers[3][24];
	char *argv[16] = {NULL, (char *)(uintptr_t) "--why", (char *)(uintptr_t) "-c", c->file};
	size_t a = 4;
	const char *claimed = text_of(json_object_get(record, "times"), "claimed");

	snprintf(numbers[0], sizeof(numbers[0]), "%llu", (unsigned long long)n->row);
	snprintf(numbers[1], sizeof(numbers[1]), "%llu", (unsigned long long)n->part);
	snprintf(numbers[2], sizeof(numbers[2]), "%lld", (long long)milliseconds(claimed));
	if (o->json)
		argv[a++] = (char *)(uintptr_t) "--json";
	else
		say_delivery(record, path);
	argv[a++] = (char *)(uintptr_t) "--"; /* names and ids may begin with a minus */
	argv[a++] = version;
	argv[a++] = path;
	argv[a++] = (char *)(uintptr_t)text_of(record, "file");
	argv[a++] = (char *)(uintptr_t)n->delivery;
	argv[a++] = numbers[0];
	argv[a++] = numbers[1];
	argv[a++] = (char *)(uintptr_t)text_of(record, "sha256");
	argv[a++] = numbers[2];
	return ctl_become("ingest-worker", argv);
}

static int say_removed(const json_t *record, const struct document_name *n)
{
	char *what = xasprintf("retention removed the file at %s", text_of(record, "removed"));
	int r = say_gone(record, n, what);

	free(what);
	return r;
}

static int answer(const struct ctl_options *o, const struct config *c, const json_t *record,
		  const struct document_name *n)
{
	char *version = xasprintf("%s/jobs/%s/version.json", c->state, text_of(record, "job_version"));
	char *path = placed_file(c, record);
	int r;

	/* whatever lies under its name now is another */
	if (text_of(record, "removed")[0])
		r = say_removed(record, n);
	else if (!path)
		r = say_gone(record, n, "the file is not in done/, held/ or failed/ any more");
	else if (access(version, R_OK) < 0)
		r = say_gone(record, n, "the job version it was loaded under is not kept any more");
	else
		r = hand_over(o, c, record, n, version, path);
	free(path);
	free(version);
	return r;
}

int command_why(const struct ctl_options *o)
{
	struct strbuf errors = STRBUF_INIT, where = STRBUF_INIT;
	struct api_reply reply = {0};
	struct document_name n;
	struct config *c = NULL;
	int r;

	if (o->arg_count != 1 || !parse_name(o->args[0], &n)) {
		fputs("ingestctl: usage: ingestctl why DOCUMENT-ID (the _id of a document: 20 characters, -, row)\n",
		      stderr);
		return CTL_USAGE;
	}
	strbuf_addf(&where, "/v1/files/%s", n.delivery);
	r = ctl_ask(o, "GET", where.p, &reply);
	if (r == CTL_OK && ctl_config(o, &c, &errors) < 0) {
		fprintf(stderr, "ingestctl: %s", errors.p);
		r = CTL_REFUSED;
	}
	if (r == CTL_OK)
		r = answer(o, c, reply.json, &n);
	api_reply_release(&reply);
	config_free(&c);
	strbuf_release(&errors);
	strbuf_release(&where);
	return r;
}
