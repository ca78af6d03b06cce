/*
 * sink_elasticsearch_own - what the parts of the elasticsearch sink share; nobody else includes it
 *
 *	nodes      which url is asked next; one that is away leaves the rotation and comes back
 *	ask        one request and its answer, tried again on every node: all that is not a bulk
 *	index      is the index there, what types has it; made or widened for a leg
 *	bulk       documents on their way: one body, built in place
 *	answer     what the server says of each of them
 *	verdict    and what becomes of it
 *	moved      one that a pipeline put elsewhere: taken back, and the leg ends
 *	pace       how large a body and how many at the same time, by the answers
 *	flight     several bulks at the same time: retries, back-off, splitting, giving up
 *
 * struct es is the connection, kept by the pool between files; struct sink_es one leg.
 */
#ifndef SINK_SINK_ELASTICSEARCH_OWN_H
#define SINK_SINK_ELASTICSEARCH_OWN_H

#include "watcher/base/http.h"
#include "watcher/base/strbuf.h"
#include "watcher/sink/document_id.h"
#include "watcher/sink/sink_elasticsearch_pace.h"
#include "watcher/sink/sink_ops.h"

#define ES_BODY_SPARE (64u * 1024) /* a body ends so much below its buffer, and there is one buffer more than requests */
#define ES_BODY_DOCUMENTS 20000
#define ES_BODY_REMOVALS 1000 /* of 60 bytes each: each is looked for in all segments, and a busy server did not do 5,000 in 10 s */
#define ES_PATIENCE_MS 10000
#define ES_ASK_MS 2500 /* one request that is no bulk */

/* --- nodes --- */

struct es_node {
	char *url;
	int64_t down_until; /* mono; 0: up */
	unsigned fails;     /* in a row */
	bool distrusted;    /* the last time */
};

struct es_nodes {
	struct es_node *list;
	size_t count;
	size_t next[2]; /* by use */
};

/* Each goes round by itself: a file takes as many questions as there may be nodes, and its bulk would always meet the same one. */
enum es_use { ES_ASKED, ES_BULK };

void es_nodes_init(struct es_nodes *n, char *const *urls, size_t count);
void es_nodes_release(struct es_nodes *n);
/* The next one that is up; all are down: the one that is to be tried soonest. */
size_t es_nodes_pick(struct es_nodes *n, enum es_use use);
void es_nodes_failed(struct es_nodes *n, size_t i);
/* The same of one that is not trusted, or speaks no TLS: time does not mend that.  true: so are all. */
bool es_nodes_distrusted(struct es_nodes *n, size_t i);
void es_nodes_worked(struct es_nodes *n, size_t i);

/* --- the connection --- */

/* By a header that Elasticsearch puts on every answer it is sure of, and OpenSearch on none; `GET /` is not asked. */
enum es_vendor { ES_UNKNOWN, ES_ELASTICSEARCH, ES_OPENSEARCH };

struct es {
	char *name; /* the sink's */
	struct http *http;
	struct es_nodes nodes;
	struct bulk *spare; /* bodies of before: their memory is used again */
	size_t spare_count;
	struct pace pace;
	enum es_vendor vendor;
	char *asked; /* url of the last question */
	bool piped;  /* the index that was opened last has pipelines of its own */
	void (*waits)(void *context, int64_t ms); /* of the leg in hand, NULL: none */
	void *context;
};

/* Waiting for an answer since then; 0: there is none that is waited for. */
void es_waits(const struct es *es, int64_t since);

/* 100 ms doubled each time up to 5 s, with jitter; at least what the server asked for, of which a minute is heeded. */
int64_t es_backoff(unsigned tries, int64_t retry_after_ms);
/* 429 and 5xx: it is not the request's fault. */
bool es_is_busy(long status);
/* What a call that was not answered, or a status, means for others; always -1.  The text names sink and url. */
int es_fault_call(struct es *es, const struct http_call *c, struct fault *f);
int es_fault_status(struct es *es, const struct http_call *c, enum fault_scope scope, struct fault *f);
/* The same for an answer that neither vendor gives: something else is asked, or stands between. */
int es_fault_stranger(struct es *es, const struct http_call *c, struct fault *f);
/* The server's reason in an answer: "type: reason: cause", cut; bytes of values are raw. */
void es_add_reason(struct strbuf *sb, struct span error);
/* One segment of a path. */
void es_add_segment(struct strbuf *path, const char *s);

/*
 * Asks until a node answers with anything but 429 and 5xx, at most patience_ms.  0: c->status and c->answer, any other status is the
 * caller's; 401 and 403 are faults.  c is initialised here and released by the caller in every case; its url is good until the next
 * question.
 */
int es_ask(struct es *es, const char *method, const char *path, struct span body, int64_t patience_ms,
	   struct http_call *c, struct fault *f) MUST_CHECK;

/* --- the index --- */

/* The concrete index of leg->index, there or not yet; its types are compared, nothing made.  malloc'ed. */
int es_index_resolve(struct es *es, const struct sink_leg *leg, char **concrete, struct fault *f) MUST_CHECK;
/* Made if it is not there, its types compared, new fields added. */
int es_index_open(struct es *es, const struct sink_leg *leg, struct fault *f) MUST_CHECK;
int es_index_exists(struct es *es, const struct sink_leg *leg, bool *exists, struct fault *f) MUST_CHECK;

/* --- a bulk --- */

enum bulk_state { BULK_FILLING, BULK_READY, BULK_FLYING };

struct bulk_document {
	uint64_t row;
	unsigned part;
	uint32_t bytes : 30; /* action line and document */
	bool remove : 1; /* taken back, not created */
	bool unsure : 1; /* sent before, and what became of it was not told */
};

struct bulk {
	struct bulk *next;
	enum bulk_state state;
	struct strbuf body;
	struct bulk_document *documents;
	size_t len, cap;
	size_t begun; /* where the document begins that is being added */
	uint64_t number; /* of the leg's bodies; of a half, that of the whole */
	struct document_ids ids; /* of what is added */
	struct http_call call;
	char *url; /* own, while it flies */
	size_t node;
	unsigned tries;
	unsigned outs; /* tries that went out */
	bool expect;        /* ask before the body is sent: the last one was cut off in the middle */
	int64_t not_before; /* mono, READY */
	struct pace_request sent;
};

struct bulk *bulk_new(void);
void bulk_free(struct bulk **b);
/* Empty again, memory kept. */
void bulk_reset(struct bulk *b);
/* The action line; the document's JSON is then added to the body, unless it is to be removed, and bulk_end gives the bytes of both. */
void bulk_begin(struct bulk *b, const char *delivery, uint64_t row, unsigned part, bool remove);
size_t bulk_end(struct bulk *b);
/* Only the documents for which keep is true stay. */
void bulk_keep(struct bulk *b, const bool *keep);
/* The second half of the documents goes to `half`, an empty bulk. */
void bulk_split(struct bulk *b, struct bulk *half);

/* --- an answer --- */

struct answer_item {
	unsigned status;
	struct span error; /* JSON text; n 0: none */
	struct span index, id; /* moved: where it is */
	bool moved;
};

/* Whose documents were sent. */
struct answer_to {
	const char *delivery;
	const char *index; /* with a pipeline, where documents are to be; NULL: they can be nowhere else */
};

/* items has room for b->len.  -1: it is not the whole answer to this bulk, why says how. */
int answer_read(struct span text, const struct bulk *b, const struct answer_to *to, struct answer_item *items,
		char why[128]) MUST_CHECK;

/* --- a leg --- */

struct sink_es {
	struct sink head;
	struct es *es;
	char *path;           /* behind the node's url, of every bulk */
	bool piped;           /* the job's pipeline or one of the index has its say */
	struct bulk *filling; /* NULL: none */
	struct bulk *bulks;   /* READY and FLYING */
	size_t bulk_count;
	uint64_t filled; /* bodies, so far */
	struct answer_item *items;
	bool *keep;
	size_t item_cap;
	size_t unlooked;       /* bytes put since the last look at the network */
	int64_t looked;        /* mono: when that was */
	int64_t heard;         /* mono: when a document was last answered, or the first was sent */
	int64_t failing_since; /* mono; 0: what was asked last was answered */
	int64_t patience_ms;
	uint64_t removed;
	struct fault trouble; /* why it fails now */
	struct fault moved;   /* kind FAULT_NONE: a pipeline moved nothing */
	struct strbuf strays; /* a bulk that takes back what was moved */
	struct strbuf text;
};

enum item_way {
	ITEM_ANSWERED, /* it has its verdict */
	ITEM_AGAIN,    /* sent again; s->trouble says why */
	ITEM_STOP,     /* no use to go on; s->trouble says why */
};

void es_answer(struct sink_es *s, const struct bulk_document *d, enum sink_verdict verdict,
	       struct span column, struct span text);
enum item_way es_judge(struct sink_es *s, const struct bulk_document *d, const struct answer_item *item);

/* An event with a field that a pipeline would take for the document's place: it is answered, and not put. */
bool es_refuse_metadata(struct sink_es *s, uint64_t row, unsigned part, const struct event *ev);
/* The first one makes the fault; nothing is launched any more. */
void es_moved_note(struct sink_es *s, const struct bulk_document *d, const struct answer_item *item);
/* When nothing flies: what was moved is taken back where it is; always -1. */
int es_moved_end(struct sink_es *s, struct fault *f);

/* ev NULL: the document is taken back. */
int es_put(struct sink_es *s, uint64_t row, unsigned part, const struct event *ev, struct fault *f) MUST_CHECK;
/* The body, for the document's JSON; es_text_put ends it. */
struct strbuf *es_text(struct sink_es *s, uint64_t row);
int es_text_put(struct sink_es *s, struct fault *f) MUST_CHECK;
int es_tend(struct sink_es *s, bool hurry, struct fault *f) MUST_CHECK;
int es_flush(struct sink_es *s, struct fault *f) MUST_CHECK;
void es_cancel(struct sink_es *s);

/* sink_elasticsearch_count.c: documents of rows 1 to rows that are there, parts of split rows included */
int es_count(struct sink_es *s, uint64_t rows, uint64_t *found, struct fault *f) MUST_CHECK;

#endif
