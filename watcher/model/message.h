/*
 * message - what ingestd and ingest-worker say to each other
 *
 *	daemon -> worker   job (descriptors: input, rejects file, version text, the sink's access); with `more` another one behind it
 *	worker -> daemon   progress ... gated             one for each job of mode MESSAGE_LOAD without a checkpoint
 *	daemon -> worker   load (pins the index)  or  drop (the job ends here)
 *	worker -> daemon   checkpoint ... result          after drop there is no result
 *	worker -> daemon   unwrap ... daemon -> worker  key     in a pass over an encrypted file, until one stanza is ours
 *	(mode PROVE: job, progress ..., result.  Mode LIST: job, listed ..., result.)
 *	(mode MESSAGE_UNDO: job, unwrap ..., result.  With a checkpoint: the digest is checked, then checkpoint ... result, no gated.)
 *
 * One JSON object a packet, {"type": "...", ...}; strings are valid UTF-8.  The file key of `key` stands behind the object and a
 * NUL, as it is, in no text that is copied about; who has sent or read such a packet wipes it (message_holds_key).
 * Both sides check every field: an ill-formed message from a worker kills that worker, one from the daemon ends the worker.
 * Ownership: message_parse fills *m with copies; message_release frees them.
 */
#ifndef MODEL_MESSAGE_H
#define MODEL_MESSAGE_H

#include "watcher/base/digest.h"
#include "watcher/base/fault.h"
#include "watcher/base/ulid.h"
#include "watcher/model/checkpoint.h"
#include "watcher/model/config.h"
#include "watcher/model/keyring.h"
#include "watcher/model/resources.h"
#include "watcher/model/version.h"

#define DELIVERY_BYTES 15
#define DELIVERY_TEXT 21 /* base64url of 120 bits, with NUL */

#define MESSAGE_TYPES(X) \
	X(JOB, "job") \
	X(PROGRESS, "progress") \
	X(GATED, "gated") \
	X(LOAD, "load") \
	X(DROP, "drop") \
	X(CHECKPOINT, "checkpoint") \
	X(RESULT, "result") \
	X(UNWRAP, "unwrap") \
	X(LISTED, "listed") \
	X(KEY, "key")

enum message_type {
#define X(id, name) MESSAGE_##id,
	MESSAGE_TYPES(X)
#undef X
};

#define MESSAGE_STANZAS 8 /* of one unwrap: what the daemon's loop does at once */

/* PROVE: the file's digest against its sidecar, or its run's manifest; LIST: a run's manifest.  No row is read. */
enum message_mode { MODE_LOAD, MODE_UNDO, MODE_PROVE, MODE_LIST };
/* ACCESS: sink_access, last, and only for a sink that is a server */
enum { MESSAGE_FD_INPUT, MESSAGE_FD_REJECTS, MESSAGE_FD_VERSION, MESSAGE_FD_ACCESS, MESSAGE_FD_COUNT };
/* A job of mode PROVE has its input and this, and nothing else; one of mode LIST its input. */
enum { MESSAGE_FD_SIDECAR = MESSAGE_FD_REJECTS, MESSAGE_FD_PROVE_COUNT };

struct message {
	enum message_type type;
	char arrival[ULID_TEXT];
	/* job */
	enum message_mode mode;
	char *tenant;
	char *file; /* the name as it arrived */
	char version[VERSION_HASH];
	uint64_t bytes;      /* size at the claim */
	int64_t claimed_ms;  /* wall */
	bool first_attempt;  /* of the load: 409s count as duplicates only then */
	struct sink_config sink; /* name, type, path */
	enum resources resources; /* job: of bulks and requests */
	bool probe;	     /* its sink was in trouble: give up soon */
	bool more;	     /* job: another one of its group follows at once (worker/group.h) */
	bool is_manifest;    /* PROVE: its sidecar is one */
	char *manifest;      /* PROVE: the name of its run's, which is compared instead; NULL = none */
	/* worker's: its sink has given no answer for a while, and the worker does nothing but wait */
	bool stalled;
	bool reached; /* progress of a probe: its sink has just answered a question */
	/* job with a checkpoint or undo, gated */
	char delivery[DELIVERY_TEXT]; /* "" = none */
	char sha256[DIGEST_HEX];      /* "" = none */
	/* job with a checkpoint or undo, load: pinned; gated: what the name means at the sink; NULL = none */
	char *index;
	/* job (where to go on), checkpoint, result; progress and gated use checkpoint.counters only */
	struct checkpoint checkpoint;
	/* gated, job of an undo */
	struct extent extent;
	/* gated, result: NULL texts mean null */
	struct fault fault; /* kind FAULT_NONE: all is well */
	bool has_first_error;
	uint64_t first_error_line;
	char *first_error_column; /* "" = none */
	char *first_error_text;
	char *coercions_json; /* gated: a JSON array */
	/* gated, result */
	uint64_t cpu_us; /* of this job so far */
	uint64_t peak_rss; /* bytes, of the worker */
	/* result of PROVE: rows that the sender states */
	bool has_stated_rows;
	uint64_t stated_rows;
	/* listed: some of the names that the manifest lists, in order */
	char **names;
	size_t name_count;
	/* result of LIST: the job that it names; NULL = none */
	char *job;
	/* unwrap */
	struct keyring_stanza stanzas[MESSAGE_STANZAS];
	size_t stanza_count;
	/* key; without one: none of these stanzas is ours, or fault says why */
	bool has_file_key;
	unsigned char file_key[AGE_FILE_KEY];
};

void message_init(struct message *m, enum message_type type);
void message_release(struct message *m);
void message_write(const struct message *m, struct strbuf *out);
int message_parse(struct span text, struct message *out, struct fault *f) MUST_CHECK;
bool message_holds_key(const struct message *m);
/* A job that needs a job version and a sink. */
bool message_reads_rows(const struct message *m);
const char *message_type_name(enum message_type t);

/* D: the first 120 bits of SHA-256(tenant 0 job 0 name 0 sha256-raw), base64url. */
void delivery_id(const char *tenant, const char *job, const char *file,
		 const unsigned char sha256[DIGEST_SIZE], char out[DELIVERY_TEXT]);

#endif
