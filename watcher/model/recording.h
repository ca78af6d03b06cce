/*
 * recording - what ingestd and ingest-record say to each other
 *
 *	daemon -> recorder   setup (descriptor: the connection string)
 *	recorder -> daemon   ready, or trouble and the recorder tries again; of kind key or config it ends
 *	daemon -> recorder   batch (descriptor: the rows)          one at a time, after ready
 *	recorder -> daemon   trouble ... done                      done: every row up to `upto` is written, or refused
 *	recorder -> daemon   said                                  a line for the log, at any time
 *
 * One JSON object a packet, {"type": "...", ...}.  Rows of a batch are lines, each its number, a blank and an object of kind,
 * key and body; recording_row_add writes one, recording_row_take reads it.
 * Both sides check every field: an ill-formed message from the recorder ends it, one from the daemon ends the recorder.
 */
#ifndef MODEL_RECORDING_H
#define MODEL_RECORDING_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

#define RECORDING_SOCKET 3
#define RECORDING_ROWS 50 /* of a batch, at most */
#define RECORDING_BYTES (4u * 1024 * 1024) /* a batch is closed when it has so many */
#define RECORDING_REASON 320

#define RECORDING_TYPES(X) \
	X(SETUP, "setup") \
	X(BATCH, "batch") \
	X(READY, "ready") \
	X(TROUBLE, "trouble") \
	X(DONE, "done") \
	X(SAID, "said")

enum recording_type {
#define X(id, name) RECORDING_##id,
	RECORDING_TYPES(X)
#undef X
};

struct recording_refusal {
	int64_t seq;
	char reason[RECORDING_REASON];
};

struct recording {
	enum recording_type type;
	char database[64];    /* setup */
	int64_t upto;	      /* batch: its last row; done */
	struct fault fault;   /* trouble: kind and text; said: text */
	struct recording_refusal refused[RECORDING_ROWS]; /* done */
	size_t refused_count;
};

void recording_init(struct recording *m, enum recording_type type);
void recording_write(const struct recording *m, struct strbuf *out);
int recording_parse(struct span text, struct recording *out, struct fault *f) MUST_CHECK;

/* body: one JSON object; kind and key as the outbox has them; expires_ms: when the store may forget it, 0 = never. */
void recording_row_add(struct strbuf *out, int64_t seq, const char *kind, const char *key, int64_t expires_ms, struct span body);
/* The row at the begin of *rest, which moves behind it: its number, and its object as text.  false: ill-formed, or none is left. */
bool recording_row_take(struct span *rest, int64_t *seq, struct span *object);

#endif
