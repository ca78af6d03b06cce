/*
 * replay - POST of bulk bodies that are ready: what the transport alone costs, the yardstick of file to POST
 *
 *	replay [-b BYTES] [-d DOCUMENTS] [-f FLIGHT] [-n TIMES] URL FILE
 *
 * FILE is what `ingest-worker --convert` prints.  It is cut into bodies of whole documents as our sink cuts them (-b, -d), FLIGHT of
 * them on their way at a time, by libcurl's multi interface from one thread; the index goes out of the action lines while the file is
 * read, before the clock runs.  An answer is read and thrown away, but its status and its `"errors":false` count.  On standard output:
 * bodies, documents, bytes, user and system time and seconds of the sending alone, as JSON.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FLIGHT_MAX 64
#define UPLOAD_BUFFER (256L * 1024)
#define LOOK 64 /* bytes of an answer in which it says whether there were errors */

struct body {
	size_t from, n;
};

struct line {
	CURL *easy;
	const char *p; /* of its body */
	size_t n, sent;
	char answer[LOOK];
	size_t answered;
};

static struct options {
	size_t bytes, documents;
	unsigned flight, times;
	const char *url;
} o = {1024 * 1024, 20000, 4, 1, NULL};

static char *text;
static struct body *bodies;
static size_t body_count, document_count;

static void die(const char *what)
{
	fprintf(stderr, "replay: %s\n", what);
	exit(1);
}

/* `"_index":"NAME",` out of an action line; what is left of it. */
static size_t strip_index(char *line, size_t n)
{
	char *p = memmem(line, n, "\"_index\":\"", 10), *end;

	if (!p)
		return n;
	end = memchr(p + 10, ',', n - (size_t)(p + 10 - line));
	if (!end)
		return n;
	memmove(p, end + 1, n - (size_t)(end + 1 - line));
	return n - (size_t)(end + 1 - p);
}

static void add_body(size_t from, size_t n)
{
	static size_t room;

	if (body_count == room) {
		room = room ? room * 2 : 64;
		bodies = realloc(bodies, room * sizeof(*bodies));
	}
	bodies[body_count++] = (struct body){from, n};
}

/* The file into memory, document by document, and where its bodies end. */
static void read_file(const char *file)
{
	FILE *in = fopen(file, "r");
	size_t n = 0, room = 0, from = 0, documents = 0, line_room = 0;
	char *line = NULL;
	bool action = true;
	ssize_t got;

	if (!in)
		die("cannot open the file");
	while ((got = getline(&line, &line_room, in)) > 0) {
		size_t length = action ? strip_index(line, (size_t)got) : (size_t)got;

		if (n + length > room) {
			room = room ? room * 2 : 1u << 20;
			text = realloc(text, room);
		}
		memcpy(text + n, line, length);
		n += length;
		action = !action;
		documents += action;
		document_count += action;
		if (action && (n - from >= o.bytes || documents >= o.documents)) {
			add_body(from, n - from);
			from = n;
			documents = 0;
		}
	}
	if (n > from)
		add_body(from, n - from);
	free(line);
	fclose(in);
}

static size_t give(char *to, size_t size, size_t count, void *context)
{
	struct line *l = context;
	size_t left = l->n - l->sent, some = size * count < left ? size * count : left;

	memcpy(to, l->p + l->sent, some);
	l->sent += some;
	return some;
}

static size_t take(char *p, size_t size, size_t count, void *context)
{
	struct line *l = context;
	size_t n = size * count, some = LOOK - l->answered < n ? LOOK - l->answered : n;

	memcpy(l->answer + l->answered, p, some);
	l->answered += some;
	return n;
}

static void start(CURLM *multi, struct line *l, const struct body *b)
{
	l->p = text + b->from;
	l->n = b->n;
	l->sent = l->answered = 0;
	curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->n);
	curl_multi_add_handle(multi, l->easy);
}

static struct curl_slist *set_up(struct line *lines)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson");

	headers = curl_slist_append(headers, "Expect:");
	for (unsigned i = 0; i < o.flight; i++) {
		CURL *e = lines[i].easy = curl_easy_init();

		curl_easy_setopt(e, CURLOPT_URL, o.url);
		curl_easy_setopt(e, CURLOPT_PROXY, "");
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, give);
		curl_easy_setopt(e, CURLOPT_READDATA, &lines[i]);
		curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(e, CURLOPT_WRITEDATA, &lines[i]);
		curl_easy_setopt(e, CURLOPT_PRIVATE, &lines[i]);
	}
	return headers;
}

static struct line *landed(CURLM *multi, const CURLMsg *m)
{
	struct line *l = NULL;
	long status = 0;

	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &l);
	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	if (m->data.result != CURLE_OK)
		die(curl_easy_strerror(m->data.result));
	if (status != 200 || !memmem(l->answer, l->answered, "\"errors\":false", 14))
		die("an answer says that documents were refused");
	curl_multi_remove_handle(multi, m->easy_handle);
	return l;
}

static void send_all(struct line *lines)
{
	CURLM *multi = curl_multi_init();
	size_t sent = 0, done = 0, all = body_count * o.times;
	int running, left;
	CURLMsg *m;

	for (unsigned i = 0; i < o.flight && sent < all; i++)
		start(multi, &lines[i], &bodies[sent++ % body_count]);
	while (done < all) {
		curl_multi_perform(multi, &running);
		while ((m = curl_multi_info_read(multi, &left)) != NULL) {
			struct line *l = landed(multi, m);

			done++;
			if (sent < all)
				start(multi, l, &bodies[sent++ % body_count]);
		}
		if (done < all)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	curl_multi_cleanup(multi);
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(void)
{
	struct line *lines = calloc(FLIGHT_MAX, sizeof(*lines));
	struct curl_slist *headers = set_up(lines);
	struct rusage before, after;
	size_t bytes = 0;
	double begin;

	for (size_t i = 0; i < body_count; i++)
		bytes += bodies[i].n;
	getrusage(RUSAGE_SELF, &before);
	begin = now();
	send_all(lines);
	begin = now() - begin;
	getrusage(RUSAGE_SELF, &after);
	printf("{\"bodies\":%zu,\"documents\":%zu,\"bytes\":%zu,\"user\":%.6f,\"system\":%.6f,\"seconds\":%.6f}\n",
	       body_count * o.times, document_count * o.times, bytes * o.times,
	       seconds(&after.ru_utime) - seconds(&before.ru_utime),
	       seconds(&after.ru_stime) - seconds(&before.ru_stime), begin);
	for (unsigned i = 0; i < o.flight; i++)
		curl_easy_cleanup(lines[i].easy);
	curl_slist_free_all(headers);
	free(lines);
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "b:d:f:n:")) != -1) {
		if (c == 'b')
			o.bytes = strtoul(optarg, NULL, 10);
		else if (c == 'd')
			o.documents = strtoul(optarg, NULL, 10);
		else if (c == 'f')
			o.flight = (unsigned)atoi(optarg);
		else if (c == 'n')
			o.times = (unsigned)atoi(optarg);
	}
	if (optind + 2 != argc || !o.flight || o.flight > FLIGHT_MAX || !o.times || !o.bytes || !o.documents) {
		fputs("usage: replay [-b BYTES] [-d DOCUMENTS] [-f FLIGHT] [-n TIMES] URL FILE\n", stderr);
		return 2;
	}
	o.url = argv[optind];
	curl_global_init(CURL_GLOBAL_DEFAULT);
	read_file(argv[optind + 1]);
	if (!body_count)
		die("the file is empty");
	measure();
	return 0;
}
