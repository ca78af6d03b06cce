/*
 * bulkserve - one request of the bulk API and its answer; see the header
 *
 * Owns the buffer of the answer, the indices it was told of, and the totals.
 */
#include "tests/tools/bulkserve.h"
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zlib.h>

#define INDICES 64
#define NAME_MAX_BYTES 128
#define UNZIPPED_MAX (256u * 1024 * 1024)
#define NO_ID "AAAAAAAAAAAAAAAAAAAA" /* of a document that came without one */
#define SPAN(literal) literal, sizeof(literal) - 1

static struct totals {
	unsigned long long requests, bulks, documents, bytes, longest;
} totals;

static struct index {
	char name[NAME_MAX_BYTES];
	char *what; /* the body it was made with */
} indices[INDICES];

static struct answer {
	char *p;
	size_t n, room;
} answer;

static FILE *kept;
static struct bulk_faults faults;

void request_faults(const struct bulk_faults *f)
{
	faults = *f;
}

const char *request_header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " ");
	}
	return NULL;
}

int request_record(const char *file)
{
	if (kept && fclose(kept) != 0)
		return 1;
	kept = file ? fopen(file, "w") : NULL;
	return file && !kept ? -1 : 0;
}

static void put(const char *p, size_t n)
{
	if (answer.n + n > answer.room) {
		answer.room = (answer.n + n) * 2;
		answer.p = realloc(answer.p, answer.room);
	}
	memcpy(answer.p + answer.n, p, n);
	answer.n += n;
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (errno == EAGAIN) {
			struct pollfd room = {fd, POLLOUT, 0};

			if (poll(&room, 1, 10000) <= 0)
				return -1;
		} else {
			return -1;
		}
	}
	return 0;
}

static int reply(int fd, int status, bool with_body)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 status, status == 200 ? "OK" : status == 404 ? "Not Found" : "Service Unavailable", answer.n);

	if (send_all(fd, head, (size_t)n) < 0)
		return -1;
	return with_body ? send_all(fd, answer.p, answer.n) : 0;
}

/* --- bulk --- */

struct item {
	const char *op, *id, *index;
	size_t op_n, id_n, index_n;
};

static const char *text_of(const char *line, size_t n, const char *key, size_t *length)
{
	const char *p = memmem(line, n, key, strlen(key)), *end;

	if (p)
		p = memchr(p + strlen(key), '"', n - (size_t)(p + strlen(key) - line));
	end = p ? memchr(p + 1, '"', n - (size_t)(p + 1 - line)) : NULL;
	*length = end ? (size_t)(end - p - 1) : 0;
	return end ? p + 1 : NULL;
}

/* {"create":{"_id":"..."}}, in whatever order a client writes it; false: no action line. */
static bool read_action(const char *line, size_t n, struct item *item)
{
	item->op = text_of(line, n, "{", &item->op_n);
	item->id = text_of(line, n, "\"_id\"", &item->id_n);
	item->index = text_of(line, n, "\"_index\"", &item->index_n);
	if (!item->id) {
		item->id = NO_ID;
		item->id_n = sizeof(NO_ID) - 1;
	}
	if (!item->index) {
		item->index = "bench";
		item->index_n = 5;
	}
	return item->op != NULL;
}

/* What the document's text makes of it: 201, 400 or 429. */
static int status_of(const char *document, size_t n)
{
	if (faults.refused && memmem(document, n, faults.refused, strlen(faults.refused)))
		return 400;
	if (faults.busy && faults.busy_times && memmem(document, n, faults.busy, strlen(faults.busy))) {
		faults.busy_times--;
		return 429;
	}
	return 201;
}

static void put_refusal(int status)
{
	put(SPAN("\",\"status\":"));
	put(status == 400 ? "400" : "429", 3);
	put(SPAN(",\"error\":{\"type\":\""));
	if (status == 400)
		put(SPAN("document_parsing_exception\",\"reason\":\"failed to parse field (on purpose)\"}}},"));
	else
		put(SPAN("es_rejected_execution_exception\",\"reason\":\"rejected execution (on purpose)\"}}},"));
}

static void put_item(const struct item *item, bool whole, int status)
{
	put(SPAN("{\""));
	put(item->op, item->op_n);
	put(SPAN("\":{"));
	if (whole) {
		put(SPAN("\"_index\":\""));
		put(item->index, item->index_n);
		put(SPAN("\","));
	}
	put(SPAN("\"_id\":\""));
	put(item->id, item->id_n);
	if (status != 201) {
		put_refusal(status);
		return;
	}
	if (whole)
		put(SPAN("\",\"_version\":1,\"result\":\"created\",\"_shards\":{\"total\":1,\"successful\":1,"
			 "\"failed\":0},\"_seq_no\":100000,\"_primary_term\":1"));
	else
		put(SPAN("\""));
	put(SPAN(",\"status\":201}},"));
}

static void keep(const char *p, size_t n)
{
	totals.documents++;
	if (!kept)
		return;
	fwrite(p, 1, n, kept);
	fputc('\n', kept);
}

/* One action with its document; where the next begins, or NULL: that is no bulk. */
static const char *take_action(const char *p, const char *end, bool whole, bool *errors)
{
	const char *line = memchr(p, '\n', (size_t)(end - p)), *document;
	struct item item;
	int status = 200;

	if (!line)
		line = end;
	if (line == p || *p == '\r')
		return line + 1;
	if (!read_action(p, (size_t)(line - p), &item))
		return NULL;
	document = line + 1;
	if (item.op_n != 6 || memcmp(item.op, "delete", 6) != 0) {
		line = document < end ? memchr(document, '\n', (size_t)(end - document)) : NULL;
		if (!line)
			line = end;
		status = document < end ? status_of(document, (size_t)(line - document)) : 400;
		if (status == 201)
			keep(document, (size_t)(line - document));
		*errors |= status != 201;
	}
	put_item(&item, whole, status == 200 ? 201 : status);
	return line + 1;
}

static int bulk(int fd, const char *head, const char *body, size_t n)
{
	bool whole = memmem(head, strcspn(head, "\r"), SPAN("filter_path")) == NULL, errors = false;
	const char *end = body + n;
	size_t verdict;

	totals.bulks++;
	if (faults.away) {
		faults.away--;
		put(SPAN("{\"error\":{\"type\":\"unavailable\",\"reason\":\"on purpose\"},\"status\":503}"));
		return reply(fd, 503, true);
	}
	put(SPAN("{\"took\":1,\"errors\":"));
	verdict = answer.n;
	put(SPAN("false,\"items\":["));
	while (body < end) {
		body = take_action(body, end, whole, &errors);
		if (!body)
			return -1;
	}
	if (answer.p[answer.n - 1] == ',')
		answer.n--;
	put(SPAN("]}"));
	if (errors)
		memcpy(answer.p + verdict, "true ", 5);
	if (kept)
		fflush(kept);
	return reply(fd, 200, true);
}

/* --- all else --- */

static int say_totals(int fd)
{
	struct rusage ru;
	char text[256];

	getrusage(RUSAGE_SELF, &ru);
	put(text, (size_t)snprintf(text, sizeof(text),
				   "{\"requests\":%llu,\"bulks\":%llu,\"documents\":%llu,\"bytes\":%llu,\"longest\":%llu,"
				   "\"cpu\":%.6f}",
				   totals.requests, totals.bulks, totals.documents, totals.bytes, totals.longest,
				   (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
					   (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6));
	return reply(fd, 200, true);
}

static struct index *index_of(const char *name, size_t n)
{
	for (size_t i = 0; i < INDICES; i++)
		if (!indices[i].what || (strlen(indices[i].name) == n && memcmp(indices[i].name, name, n) == 0))
			return &indices[i];
	return NULL;
}

static int make_index(int fd, const char *name, size_t n, const char *body, size_t length)
{
	struct index *x = n < NAME_MAX_BYTES ? index_of(name, n) : NULL;

	if (x) {
		memcpy(x->name, name, n);
		x->name[n] = '\0';
		free(x->what);
		x->what = strndup(body, length);
	}
	put(SPAN("{\"acknowledged\":true,\"shards_acknowledged\":true}"));
	return reply(fd, 200, true);
}

static int tell_index(int fd, const char *name, size_t n, bool with_body)
{
	const struct index *x = n < NAME_MAX_BYTES ? index_of(name, n) : NULL;

	if (n == 0) {
		put(SPAN("{\"name\":\"bulksink\",\"cluster_name\":\"bench\",\"cluster_uuid\":\"u\",\"version\":"
			 "{\"number\":\"8.13.0\",\"build_flavor\":\"default\",\"build_type\":\"tar\","
			 "\"lucene_version\":\"9.10.0\",\"minimum_wire_compatibility_version\":\"7.17.0\","
			 "\"minimum_index_compatibility_version\":\"7.0.0\"},\"tagline\":\"You Know, for Search\"}"));
		return reply(fd, 200, with_body);
	}
	if (!x || !x->what || *name == '_') {
		put(SPAN("{\"error\":{\"type\":\"index_not_found_exception\",\"reason\":\"no such index\"},\"status\":404}"));
		return reply(fd, 404, with_body);
	}
	put(SPAN("{\""));
	put(name, n);
	put(SPAN("\":"));
	put(x->what, strlen(x->what));
	put(SPAN("}"));
	return reply(fd, 200, with_body);
}

static char *unzip(const char *p, size_t *n)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)*n};
	size_t room = *n * 16 + 65536 < UNZIPPED_MAX ? *n * 16 + 65536 : UNZIPPED_MAX;
	char *out = malloc(room);

	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)room;
	if (inflateInit2(&z, 15 + 32) != Z_OK || inflate(&z, Z_FINISH) != Z_STREAM_END) {
		free(out);
		out = NULL;
	}
	*n = z.total_out;
	inflateEnd(&z);
	return out;
}

static int serve_bulk(int fd, const char *head, const char *body, size_t n)
{
	char *plain = NULL;
	int r = -1;

	totals.bytes += n;
	if (n > totals.longest)
		totals.longest = n;
	if (n > 1 && body[0] == '\x1f' && body[1] == '\x8b') {
		plain = unzip(body, &n);
		body = plain;
	}
	if (body)
		r = bulk(fd, head, body, n);
	free(plain);
	return r;
}

int request_serve(int fd, char *head, char *body, size_t n)
{
	char *path = head + strcspn(head, " ") + 1;
	size_t path_n = strcspn(path, " ?");
	bool put_it = strncmp(head, "PUT ", 4) == 0;

	answer.n = 0;
	if (path_n >= 5 && memcmp(path + path_n - 5, "_bulk", 5) == 0) {
		totals.requests++;
		return serve_bulk(fd, head, body, n);
	}
	if (strncmp(path, "/_totals", 8) == 0)
		return say_totals(fd);
	if (strncmp(path, "/_reset", 7) == 0) {
		memset(&totals, 0, sizeof(totals));
		put(SPAN("{}"));
		return reply(fd, 200, true);
	}
	totals.requests++;
	return put_it ? make_index(fd, path + 1, path_n - 1, body, n)
		      : tell_index(fd, path + 1, path_n - 1, strncmp(head, "HEAD ", 5) != 0);
}
