/*
 * place_own - shared by place.c and place_receipt.c only
 */
#ifndef SPOOL_PLACE_OWN_H
#define SPOOL_PLACE_OWN_H

#include "watcher/spool/place.h"
#include <sys/types.h>

#define RECEIPT_TMP ".receipt.tmp"
#define MODE_SIDE 0640

/* The tenant's group and mode; without the right to give it away the file keeps its own. */
int place_give(const struct folders *t, int fd, mode_t mode, const char *name, struct fault *f) MUST_CHECK;

#endif
