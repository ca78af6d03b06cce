/*
 * sink_elasticsearch_answer - what the server says of each document of a bulk
 *
 * Called for each bulk that came back with HTTP 200, which says nothing yet.  Items answered must be items sent, each under its id and,
 * but for pipelines, in its place: a middle-man that cuts, mixes or makes up answers must not make a row look stored.  Source:
 * Elasticsearch reference, "Bulk API".
 */
#include "watcher/base/base.h"
#include "watcher/base/json_in.h"
#include "watcher/sink/sink_elasticsearch_own.h"

static int PRINTF_LIKE(2, 3) wrong(char why[128], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 128, fmt, ap);
	va_end(ap);
	return -1;
}

/* {"create": {"_index": "...", "status": 201, "_id": "...", "error": {...}}} */
static bool read_item(struct json_in *in, bool *remove, struct answer_item *item)
{
	uint64_t status = 0;
	struct span op, key;

	*item = (struct answer_item){.error = SPAN_NONE};
	if (!json_in_object(in) || !json_in_key(in, &op) || !json_in_object(in))
		return false;
	*remove = span_is(op, "delete");
	if (!*remove && !span_is(op, "create"))
		return false;
	while (json_in_key(in, &key)) {
		if (span_is(key, "status"))
			(void)json_in_u64(in, &status);
		else if (span_is(key, "_id"))
			(void)json_in_string(in, &item->id);
		else if (span_is(key, "_index"))
			(void)json_in_string(in, &item->index);
		else if (span_is(key, "error"))
			item->error = json_in_skip(in);
		else
			json_in_skip(in);
	}
	item->status = (unsigned)status;
	return item->id.p && status >= 200 && status < 600 && !json_in_key(in, &op);
}

static int not_ours(char why[128], size_t n, const struct bulk *b)
{
	return wrong(why, "item %zu of %zu is not the answer to what was sent", n, b->len);
}

static int too_many(char why[128], const struct bulk *b)
{
	return wrong(why, "it has more than the %zu items that were sent", b->len);
}

static int check_count(char why[128], size_t n, const struct bulk *b)
{
	return n == b->len ? 0 : wrong(why, "it has %zu items, %zu were sent", n, b->len);
}

/* --- as they were sent --- */

/* What nearly every item is, word for word. */
static bool created(struct json_in *in, struct span id, struct answer_item *item)
{
	const struct span parts[] = {SPAN_LITERAL("{\"create\":{\"_id\":\""), id, SPAN_LITERAL("\",\"status\":201}}")};

	if (!json_in_just(in, parts, ARRAY_LEN(parts)))
		return false;
	*item = (struct answer_item){.status = 201, .error = SPAN_NONE};
	return true;
}

static int read_in_order(struct json_in *in, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
			 char why[128])
{
	struct document_ids ids = {.row = 0};
	size_t n = 0;

	while (json_in_item(in)) {
		const struct bulk_document *d = &b->documents[n];
		struct span id;
		bool remove;

		if (n == b->len)
			return too_many(why, b);
		/* made again: the body that went out is cold by now */
		id = document_ids_at(&ids, to->delivery, d->row, d->part);
		if ((d->remove || !created(in, id, &items[n])) &&
		    (!read_item(in, &remove, &items[n]) || remove != d->remove || !span_equal(items[n].id, id)))
			return not_ours(why, n + 1, b);
		n++;
	}
	return check_count(why, n, b);
}

/*
 * --- by their ids, where a pipeline may have its say ---
 *
 * OpenSearch 2.19 puts the items of documents that a pipeline drops or fails in each other's places; each has its own id and status.
 * An id that is no row's of this delivery is one that the pipeline gave.
 */

static bool is_of(struct span id, const char *delivery)
{
	size_t n = strlen(delivery);

	return id.n > n && memcmp(id.p, delivery, n) == 0 && id.p[n] == '-';
}

/* false: no id that document_id makes. */
static bool read_id(struct span id, const char *delivery, uint64_t *row, unsigned *part)
{
	char text[64], again[DOCUMENT_ID_TEXT];
	size_t n = strlen(delivery) + 1;
	char *end;

	if (id.n >= sizeof(text))
		return false;
	memcpy(text, id.p, id.n);
	text[id.n] = '\0';
	*row = strtoull(text + n, &end, 36);
	*part = *end == '.' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
	return *row && span_equal(id, (struct span){again, document_id(delivery, *row, *part, again)});
}

/* Which document an item is about: mostly the n-th; b->len: none that has no answer yet. */
static size_t place_of(const struct bulk *b, const struct answer_item *items, size_t n, bool remove, struct span id,
		       const char *delivery)
{
	uint64_t row;
	unsigned part;

	if (!read_id(id, delivery, &row, &part))
		return b->len;
	for (size_t k = 0; k < b->len; k++) {
		size_t at = (n + k) % b->len;
		const struct bulk_document *d = &b->documents[at];

		if (d->row == row && d->part == part && d->remove == remove && !items[at].status)
			return at;
	}
	return b->len;
}

/* Those with ids of this delivery, or the strangers, which take the places that are left. */
static int sweep(struct json_in *in, const struct bulk *b, const struct answer_to *to, struct answer_item *items, bool strangers,
		 char why[128])
{
	size_t n = 0, left = 0;

	while (json_in_item(in)) {
		struct answer_item item;
		size_t at;
		bool remove;

		if (n == b->len)
			return too_many(why, b);
		if (!read_item(in, &remove, &item) || !item.index.p)
			return not_ours(why, n + 1, b);
		n++;
		if (is_of(item.id, to->delivery) == strangers)
			continue;
		while (strangers && left < b->len && items[left].status)
			left++;
		at = strangers ? left : place_of(b, items, n - 1, remove, item.id, to->delivery);
		if (at == b->len)
			return not_ours(why, n, b);
		item.moved = strangers || !span_is(item.index, to->index);
		items[at] = item;
	}
	return check_count(why, n, b);
}

static int read_by_ids(struct json_in *in, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
		       char why[128])
{
	struct json_in first = *in;

	memset(items, 0, b->len * sizeof(*items));
	if (sweep(&first, b, to, items, false, why) < 0)
		return -1;
	return sweep(in, b, to, items, true, why);
}

static int read_items(struct json_in *in, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
		      char why[128])
{
	if (!json_in_array(in))
		return wrong(why, "it has no items");
	return to->index ? read_by_ids(in, b, to, items, why) : read_in_order(in, b, to, items, why);
}

int answer_read(struct span text, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
		char why[128])
{
	struct json_in in;
	struct span key;
	bool found = false;

	json_in_init(&in, text);
	if (!json_in_object(&in))
		return wrong(why, "it is no JSON object");
	while (json_in_key(&in, &key)) {
		if (!found && span_is(key, "items")) {
			if (read_items(&in, b, to, items, why) < 0)
				return -1;
			found = true;
		} else {
			json_in_skip(&in);
		}
	}
	if (!json_in_end(&in))
		return wrong(why, "its JSON is broken at byte %zu of %zu", (size_t)(in.p - text.p), text.n);
	return found ? 0 : wrong(why, "it has no items");
}
