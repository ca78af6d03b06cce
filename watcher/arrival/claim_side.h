/*
 * claim_side - NAME.sha256 goes into work/A with NAME, in front of it
 *
 *	claim_side_begin(c, &f)     opened beneath in/ and leased; none there: c->side.fd stays -1
 *	claim_side_move(c, &f)      renamed before the file itself, so that a file in work/A without it never had it
 *	claim_side_prove(c, &f)     the daemon's, 0400, the same inode with one name, and no writer waits
 *	claim_side_undo(c, &f)      back into in/ (dropped when a newer one has its name)
 *	claim_side_unlease(c), claim_side_end(c)
 *
 * Steps of claim.c and nobody else's; results and faults as there.
 */
#ifndef ARRIVAL_CLAIM_SIDE_H
#define ARRIVAL_CLAIM_SIDE_H

#include "watcher/arrival/claim.h"

enum claim_result claim_side_begin(struct claim *c, struct fault *f);
enum claim_result claim_side_move(struct claim *c, struct fault *f);
enum claim_result claim_side_prove(struct claim *c, struct fault *f);
int claim_side_undo(struct claim *c, struct fault *f) MUST_CHECK;
void claim_side_unlease(struct claim *c);
void claim_side_end(struct claim *c);
/* rename that replaces nothing, on every filesystem. */
int claim_own_rename(int from_fd, const char *from, int to_fd, const char *to) MUST_CHECK;

#endif
