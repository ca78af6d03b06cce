/*
 * sink_elasticsearch_flight - several bulks at the same time, each until every document of it is answered
 *
 * Called for each document and at the flush.  A bulk is filled, then READY, FLYING, and READY again for what the server did not take;
 * it is gone when every document of it has its verdict.  Straight-line code: answers are looked for while bodies are built, and waited
 * for when as many bulks as the job may have are under way.  How large a body is and how many fly, within that, is the pace's.
 *
 * What is tried again: documents answered 429, 500 or more; whole requests answered 429 or 5xx, cut off, timed out, or with an answer
 * that is not one.  A body that was not answered in time is halved, and so is one that 429 met twice.  413: the body is halved, down to
 * one document, which is then refused; a body that was cut off in the middle twice is asked for first (Expect), since a server may
 * close before its 413 is read.  A document that was sent before without a verdict and is there now was stored by us.
 * Given up: no document answered for the patience while requests fail; at once when the fault is not the moment's (401, 403, 404; no node
 * that is trusted).
 * Memory: a body more than requests at the same time, and the books of the rows of AHEAD times as many.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/crash.h"
#include "watcher/sink/sink_elasticsearch_own.h"

#define LOOK_BYTES (128u * 1024)
#define LOOK_MS 100
#define WAIT_MS 250
#define CUTS 2 /* of a body in the middle, before it is asked for first */
#define AHEAD 2 /* a body may be passed by so many times as many others as may fly */
#define FULLS 2 /* 429 for a whole body, before it is halved */
#define TOO_LARGE "the document is larger than the server takes in one request (HTTP 413)"

/* --- bulks --- */

static struct bulk *take_bulk(struct sink_es *s)
{
	struct es *es = s->es;
	struct bulk *b = es->spare;

	if (!b)
		return bulk_new();
	es->spare = b->next;
	es->spare_count--;
	b->next = NULL;
	return b;
}

static void give_bulk(struct sink_es *s, struct bulk *b)
{
	http_answer_read(s->es->http, &b->call);
	bulk_reset(b);
	if (s->es->spare_count > s->es->pace.flight_most) {
		bulk_free(&b);
		return;
	}
	b->next = s->es->spare;
	s->es->spare = b;
	s->es->spare_count++;
}

/* Behind the others: the oldest rows go first, since the acknowledged prefix waits for them. */
static void push(struct sink_es *s, struct bulk *b)
{
	struct bulk **at = &s->bulks;

	if (!s->bulks)
		s->heard = clock_mono_ms();
	while (*at)
		at = &(*at)->next;
	*at = b;
	b->state = BULK_READY;
	b->next = NULL;
	s->bulk_count++;
}

static void remove_bulk(struct sink_es *s, struct bulk *b)
{
	struct bulk **at = &s->bulks;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	b->next = NULL;
	s->bulk_count--;
}

/* Documents of a bulk stand in ascending order. */
static void set_oldest(struct sink_es *s)
{
	uint64_t oldest = s->filling && s->filling->len ? s->filling->documents[0].row : 0;

	for (const struct bulk *b = s->bulks; b; b = b->next)
		if (!oldest || b->documents[0].row < oldest)
			oldest = b->documents[0].row;
	s->head.oldest = oldest;
}

void es_cancel(struct sink_es *s)
{
	while (s->bulks) {
		struct bulk *b = s->bulks;

		http_cancel(s->es->http, &b->call);
		remove_bulk(s, b);
		give_bulk(s, b);
	}
	if (s->filling)
		give_bulk(s, s->filling);
	s->filling = NULL;
}

/* --- sending --- */

static void launch(struct sink_es *s, struct bulk *b, size_t flying)
{
	struct es *es = s->es;

	b->node = es_nodes_pick(&es->nodes, ES_BULK);
	free(b->url);
	b->url = xasprintf("%s%s", es->nodes.list[b->node].url, s->path);
	b->call.method = "POST";
	b->call.url = b->url;
	b->call.body = strbuf_span(&b->body);
	b->call.content_type = "application/x-ndjson";
	b->call.timeout_ms = 60000;
	b->call.expect = b->expect;
	pace_sent(&b->sent, b->body.n, flying, clock_mono_ms());
	b->state = BULK_FLYING;
	b->tries++;
	s->head.stats.requests++;
	s->head.stats.retries += b->outs++ > 0;
	s->head.stats.bytes_sent += b->body.n;
	crash_point("before-send");
	http_send(es->http, &b->call);
}

static void launch_ready(struct sink_es *s)
{
	int64_t now = clock_mono_ms();
	size_t flying = http_flying(s->es->http);

	if (s->moved.kind != FAULT_NONE)
		return;
	for (struct bulk *b = s->bulks; b && flying < s->es->pace.flight; b = b->next)
		if (b->state == BULK_READY && b->not_before <= now) {
			launch(s, b, ++flying);
		}
}

/* --- what comes back --- */

static void worked(struct sink_es *s)
{
	s->failing_since = 0;
	s->heard = clock_mono_ms();
	/* what was a probe is a load like any other now */
	s->patience_ms = ES_PATIENCE_MS;
}

static void later(struct sink_es *s, struct bulk *b)
{
	b->not_before = clock_mono_ms() + es_backoff(b->tries - 1, b->call.retry_after_ms);
	b->state = BULK_READY;
	if (!s->failing_since)
		s->failing_since = b->sent.began;
}

/* Tried again later; its documents' fate may be unknown. */
static void again(struct sink_es *s, struct bulk *b, bool unsure)
{
	for (size_t i = 0; unsure && i < b->len; i++)
		b->documents[i].unsure = true;
	later(s, b);
	pace_refused(&s->es->pace, &b->sent, clock_mono_ms());
}

static int give_up(const struct sink_es *s, struct fault *f)
{
	*f = s->trouble;
	return -1;
}

static void room_for(struct sink_es *s, size_t n)
{
	if (n <= s->item_cap)
		return;
	s->item_cap = n * 2;
	s->items = xrealloc(s->items, s->item_cap * sizeof(*s->items));
	s->keep = xrealloc(s->keep, s->item_cap * sizeof(*s->keep));
}

static int take_items(struct sink_es *s, struct bulk *b, struct fault *f)
{
	size_t left = 0;
	bool stop = false;

	for (size_t i = 0; i < b->len; i++) {
		enum item_way way = es_judge(s, &b->documents[i], &s->items[i]);

		s->keep[i] = way != ITEM_ANSWERED;
		left += s->keep[i];
		stop |= way == ITEM_STOP;
	}
	if (left < b->len) {
		worked(s);
		s->head.pending -= b->len - left;
		b->tries = 0;
	}
	bulk_keep(b, s->keep);
	if (stop && s->moved.kind == FAULT_NONE)
		return give_up(s, f);
	if (left) {
		b->tries += b->tries == 0;
		b->sent.whole = false;
		again(s, b, false);
	} else {
		pace_answered(&s->es->pace, &b->sent, s->heard);
		remove_bulk(s, b);
		give_bulk(s, b);
	}
	return 0;
}

static int take_bulk_answer(struct sink_es *s, struct bulk *b, struct fault *f)
{
	const struct sink_leg *leg = &s->head.leg;
	const struct answer_to to = {leg->delivery, s->piped ? leg->index : NULL};
	char why[128];

	room_for(s, b->len);
	if (answer_read(strbuf_span(&b->call.answer), b, &to, s->items, why) < 0) {
		s->trouble.scope = SCOPE_INDEX;
		s->trouble.pause_ms = 0;
		fault_set(&s->trouble, FAULT_TEMPORARY, "sink %s: %.*s: the answer is not that of a bulk: %s",
			  s->es->name, (int)strcspn(b->url, "?"), b->url, why);
		again(s, b, true);
		return 0;
	}
	es_nodes_worked(&s->es->nodes, b->node);
	crash_point("ack");
	return take_items(s, b, f);
}

/* Half a body each, and no later body so large for a while. */
static void halve(struct sink_es *s, struct bulk *b)
{
	struct bulk *half = take_bulk(s);

	pace_bound(&s->es->pace, b->body.n / 2);
	bulk_split(b, half);
	b->sent.whole = half->sent.whole = false;
	half->number = b->number;
	half->tries = b->tries;
	half->outs = b->outs;
	half->not_before = b->not_before;
	push(s, half);
}

/* Never again a body so large; a single document is refused. */
static void too_large(struct sink_es *s, struct bulk *b)
{
	pace_bound_for_good(&s->es->pace, b->body.n - b->body.n / 8);
	b->state = BULK_READY;
	b->not_before = 0;
	if (b->len > 1) {
		halve(s, b);
		return;
	}
	es_answer(s, &b->documents[0], SINK_REJECTED, SPAN_NONE, SPAN_LITERAL(TOO_LARGE));
	s->head.pending--;
	remove_bulk(s, b);
	give_bulk(s, b);
}

/* It never went out: nobody was there. */
static void uncount(struct sink_es *s, struct bulk *b)
{
	s->head.stats.requests--;
	s->head.stats.retries -= --b->outs > 0;
	s->head.stats.bytes_sent -= b->body.n;
}

/* Others may be trusted: no byte went there, and it says nothing of what a server bears. */
static int distrusted(struct sink_es *s, struct bulk *b, struct fault *f)
{
	bool all = es_nodes_distrusted(&s->es->nodes, b->node);

	uncount(s, b);
	later(s, b);
	es_fault_call(s->es, &b->call, all ? f : &s->trouble);
	return all ? -1 : 0;
}

static void not_answered(struct sink_es *s, struct bulk *b)
{
	if (b->call.result == HTTP_AWAY)
		uncount(s, b);
	es_nodes_failed(&s->es->nodes, b->node);
	es_fault_call(s->es, &b->call, &s->trouble);
	if (b->call.result == HTTP_CUT && b->tries >= CUTS)
		b->expect = true;
	again(s, b, b->call.result != HTTP_AWAY);
	/* as long as a server may take, and it has not done so much */
	if (b->call.result == HTTP_TIMEOUT && b->len > 1)
		halve(s, b);
}

static int handle(struct sink_es *s, struct bulk *b, struct fault *f)
{
	const struct http_call *c = &b->call;

	if (c->result == HTTP_UNTRUSTED || c->result == HTTP_PLAIN)
		return distrusted(s, b, f);
	if (c->result == HTTP_CREDENTIAL) {
		es_nodes_failed(&s->es->nodes, b->node);
		b->state = BULK_READY;
		return es_fault_call(s->es, c, f);
	}
	if (c->result != HTTP_ANSWERED) {
		not_answered(s, b);
		return 0;
	}
	if (c->status == 200)
		return take_bulk_answer(s, b, f);
	if (c->status == 413) {
		too_large(s, b);
		return 0;
	}
	b->state = BULK_READY;
	if (!es_is_busy(c->status))
		return es_fault_status(s->es, c, SCOPE_INDEX, f);
	es_fault_status(s->es, c, SCOPE_INDEX, &s->trouble);
	if (c->status != 429)
		es_nodes_failed(&s->es->nodes, b->node);
	again(s, b, c->status != 429);
	/* full for this body, perhaps not for half of it */
	if (c->status == 429 && b->tries >= FULLS && b->len > 1)
		halve(s, b);
	return 0;
}

static struct bulk *bulk_of(struct sink_es *s, const struct http_call *c)
{
	struct bulk *b = s->bulks;

	while (b && &b->call != c)
		b = b->next;
	CHECK(b);
	return b;
}

/* --- the network's turn --- */

static int next_ms(const struct sink_es *s)
{
	int64_t now = clock_mono_ms(), next = now + WAIT_MS;

	for (const struct bulk *b = s->bulks; b; b = b->next) {
		CHECK(b->state == BULK_READY || http_flying(s->es->http));
		if (b->state == BULK_READY && b->not_before < next)
			next = b->not_before;
	}
	/* one that is ready and may not fly yet waits for an answer, not for the clock */
	return next > now ? (int)(next - now) : http_flying(s->es->http) ? 20 : 1;
}

static int check_patience(const struct sink_es *s, struct fault *f)
{
	if (!s->failing_since)
		return 0;
	if (s->trouble.pause_ms > s->patience_ms)
		return give_up(s, f);
	if (clock_mono_ms() - s->failing_since < s->patience_ms)
		return 0;
	return give_up(s, f);
}

/* Sends what may be sent, takes what has come; block: waits for something to happen. */
static int turn(struct sink_es *s, bool block, struct fault *f)
{
	struct http_call *c;

	s->unlooked = 0;
	s->looked = clock_mono_ms();
	launch_ready(s);
	c = http_wait(s->es->http, block ? next_ms(s) : 0);
	if (s->head.stats.requests)
		crash_point("send");
	while (c) {
		if (handle(s, bulk_of(s, c), f) < 0)
			return s->moved.kind != FAULT_NONE ? es_moved_end(s, f) : -1;
		launch_ready(s);
		c = http_wait(s->es->http, 0);
	}
	set_oldest(s);
	es_waits(s->es, s->bulks ? s->heard : 0);
	if (s->head.leg.tick && s->head.leg.tick(s->head.leg.context, f) < 0)
		return -1;
	if (s->moved.kind != FAULT_NONE)
		return http_flying(s->es->http) ? 0 : es_moved_end(s, f);
	return check_patience(s, f);
}

/* The rows behind one that is not answered are kept in the books: others may pass it, and not without end. */
static bool far_ahead(const struct sink_es *s)
{
	uint64_t oldest = s->filled;

	for (const struct bulk *b = s->bulks; b; b = b->next)
		if (b->number < oldest)
			oldest = b->number;
	return s->filled - oldest >= AHEAD * s->es->pace.flight_most;
}

static int close_filling(struct sink_es *s, bool full, struct fault *f)
{
	struct bulk *b = s->filling;

	if (!b || !b->len)
		return 0;
	s->filling = NULL;
	b->number = ++s->filled;
	pace_filled(&s->es->pace, &b->sent, full);
	push(s, b);
	if (turn(s, false, f) < 0)
		return -1;
	while (s->bulk_count > s->es->pace.flight_most || far_ahead(s))
		if (turn(s, true, f) < 0)
			return -1;
	return 0;
}

/* The bulk that is being filled, with the document's action line. */
static struct bulk *begin(struct sink_es *s, uint64_t row, unsigned part, bool remove)
{
	struct bulk *b = s->filling;

	if (!b) {
		b = s->filling = take_bulk(s);
		if (!b->body.cap)
			/* at once: pages that stay empty take no room */
			strbuf_reserve(&b->body, s->es->pace.body_most + ES_BODY_SPARE - 1);
	}
	bulk_begin(b, s->head.leg.delivery, row, part, remove);
	s->head.pending++;
	if (!s->head.oldest)
		s->head.oldest = row;
	return b;
}

struct strbuf *es_text(struct sink_es *s, uint64_t row)
{
	return &begin(s, row, 0, false)->body;
}

int es_text_put(struct sink_es *s, struct fault *f)
{
	struct bulk *b = s->filling;

	s->unlooked += bulk_end(b);
	if (b->body.n >= s->es->pace.body || b->len >= (b->documents[b->len - 1].remove ? ES_BODY_REMOVALS : ES_BODY_DOCUMENTS))
		return close_filling(s, true, f);
	return s->unlooked >= LOOK_BYTES && s->bulks ? turn(s, false, f) : 0;
}

int es_put(struct sink_es *s, uint64_t row, unsigned part, const struct event *ev, struct fault *f)
{
	struct bulk *b;

	if (ev && es_refuse_metadata(s, row, part, ev))
		return 0;
	b = begin(s, row, part, !ev);
	if (ev)
		event_add_json(&b->body, ev);
	return es_text_put(s, f);
}

/* Rows that send nothing must not keep what has come waiting, and what was put not without end. */
int es_tend(struct sink_es *s, bool hurry, struct fault *f)
{
	if (!s->bulks)
		return hurry ? close_filling(s, false, f) : 0;
	return clock_mono_ms() - s->looked < LOOK_MS ? 0 : turn(s, false, f);
}

int es_flush(struct sink_es *s, struct fault *f)
{
	if (close_filling(s, false, f) < 0)
		return -1;
	while (s->bulks)
		if (turn(s, true, f) < 0)
			return -1;
	set_oldest(s);
	CHECK(s->head.pending == 0);
	return 0;
}
