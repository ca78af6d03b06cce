/*
 * recorder - the outbox on its way to MongoDB, over ingest-record
 *
 *	recorder_init(d); recorder_start(d, &f)     at start; nothing when ingestd.json has no mongodb
 *	recorder_jobs(d)                            profiles: jobs came, changed or went
 *	recorder_before(d); recorder_after(d)       turn: before the commit and behind it
 *	recorder_idle(d)                            --once: the outbox is empty
 *	recorder_quiet(d)                           the end: nothing is in flight that an answer can be hoped for
 *	recorder_stop(d)
 *	recorder_add_json(d, &sb)                   for `status`
 *
 * Rows are handed over in order, one batch at a time, only those that are committed, and leave the outbox when the recorder says
 * that they are written; a recorder that dies is started again (1 s to 15 s) and gets the same rows again.  MongoDB away or wrong
 * stops nothing else: it is told in the log once, in `status` all the time, and the outbox grows meanwhile.
 * Rows that MongoDB refuses for ever are kept apart, named in the log and in `status`, and tried again at the next start
 * (spool/outbox.h).  So is a row that kills the recorder: after two deaths with the same rows they are handed one at a time, and the
 * one of which it dies three times alone is put aside.
 */
#ifndef DAEMON_RECORDER_H
#define DAEMON_RECORDER_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"
#include "watcher/daemon/helper.h"
#include "watcher/model/recording.h"

struct ingestd;

struct recorder {
	bool on;
	char *program;
	struct helper child;
	ev_timer again;	  /* the next start */
	ev_timer silence; /* nothing was heard since a batch was given */
	bool ready;	  /* it has said so; a batch may be given */
	int64_t handed;	  /* last row of the batch in flight, 0: none */
	int64_t first;	  /* of that batch */
	int64_t upto;	  /* last row acknowledged */
	int64_t careful;  /* up to this row they are handed one at a time */
	int64_t died_at;  /* the first row of the batches that it died with, ... */
	unsigned deaths;  /* ... so many times in a row */
	bool hushed;	  /* killed because nothing was heard, or ends of a key: that says nothing of its rows */
	uint64_t seen;	  /* outbox_appended when the outbox was last found empty */
	bool empty;
	bool jobs_owed;
	unsigned fails; /* starts in a row that came to nothing */
	bool sick;	/* told in the log */
	bool sick_writing; /* it began with a batch: only one that goes through ends it */
	int64_t sick_ms;
	struct fault fault;
	int64_t written_ms; /* wall: of the last acknowledgement */
	uint64_t refused;   /* since start */
};

void recorder_init(struct ingestd *d);
int recorder_start(struct ingestd *d, struct fault *f) MUST_CHECK;
void recorder_jobs(struct ingestd *d);
void recorder_before(struct ingestd *d);
void recorder_after(struct ingestd *d);
bool recorder_idle(const struct ingestd *d);
bool recorder_quiet(const struct ingestd *d);
void recorder_stop(struct ingestd *d);
void recorder_add_json(struct ingestd *d, struct strbuf *out);

#endif
