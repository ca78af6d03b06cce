/*
 * deliveries - which deliveries D were made: never pruned
 *
 *	deliveries_find(j, D, &d, &f)                  1, 0, -1
 *	deliveries_same_name(j, tenant, job, name, D, &d, &f)  another D of that name that is
 *	                                                       live or loading: 1, 0, -1
 *	deliveries_put(j, &d, &f)                      writes or overwrites
 *
 * States: loading (written with LOADING, and with RETAKING when rows of it are stored), live (with
 * INDEXED), undone (when its rows are taken back).  Another arrival of a D that is
 *   live     is a duplicate of d.arrival,
 *   loading  must wait: the first may yet be undone,
 *   undone   loads, and takes the row over.
 */
#ifndef SPOOL_DELIVERIES_H
#define SPOOL_DELIVERIES_H

#include "watcher/spool/journal.h"

enum delivery_state { DELIVERY_LOADING, DELIVERY_LIVE, DELIVERY_UNDONE };

struct delivery {
	char id[DELIVERY_TEXT];
	char arrival[ULID_TEXT];
	enum delivery_state state;
	int64_t made_ms; /* of the last change */
};

int deliveries_find(struct journal *j, const char *id, struct delivery *out,
		    struct fault *f) MUST_CHECK;
/* "FILE of tenant T, job J, arrival A, live since TIME" behind what is there: 1, 0, -1. */
int deliveries_tell(struct journal *j, const char *id, struct strbuf *out, struct fault *f) MUST_CHECK;
/* One that is loading, else the newest live one; except: the D that does not count, NULL = none. */
int deliveries_same_name(struct journal *j, const char *tenant, const char *job, const char *name,
			 const char *except, struct delivery *out, struct fault *f) MUST_CHECK;
/* The next live one of r's name with other bytes that is older than *at, which it becomes: 1, 0, -1. */
int deliveries_older(struct journal *j, const struct file_row *r, struct delivery *at, struct fault *f) MUST_CHECK;
/* r->delivery of r (tenant, job, file) by arrival r->arrival. */
int deliveries_put(struct journal *j, const struct file_row *r, enum delivery_state state,
		   int64_t now_ms, struct fault *f) MUST_CHECK;
const char *delivery_state_name(enum delivery_state s);

#endif
