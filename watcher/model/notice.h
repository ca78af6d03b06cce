/*
 * notice - what ingestd and ingest-notify say to each other
 *
 *	daemon -> notify   notice (descriptor: the secret, a line end, the body)     several at a time, one a webhook
 *	notify -> daemon   told                                                      each of them once, in any order
 *
 * One JSON object a packet.  The secret travels in the descriptor alone.
 *
 * A receiver gets a POST of the body with X-Ingestd-Event, X-Ingestd-Delivery (the notice's number: the same again is the same notice) and,
 * when there is a secret, X-Ingestd-Signature: t=SECONDS,v1=HEX, the HMAC-SHA-256 of "SECONDS." and the body under the secret.
 */
#ifndef MODEL_NOTICE_H
#define MODEL_NOTICE_H

#include "watcher/base/fault.h"
#include "watcher/base/strbuf.h"

#define NOTICE_SOCKET 3
#define NOTICE_REASON 320
#define NOTICE_BODY_MAX (256u * 1024)

struct notice {
	int64_t seq;
	char url[4096];
	char event[64];
};

struct notice_told {
	int64_t seq;
	bool ok; /* the receiver answered 2xx */
	char reason[NOTICE_REASON];
};

void notice_write(const struct notice *n, struct strbuf *out);
int notice_parse(struct span text, struct notice *out, struct fault *f) MUST_CHECK;
void notice_told_write(const struct notice_told *n, struct strbuf *out);
int notice_told_parse(struct span text, struct notice_told *out, struct fault *f) MUST_CHECK;
/* "t=SECONDS,v1=HEX" */
void notice_sign(struct span secret, int64_t seconds, struct span body, struct strbuf *out);

#endif
