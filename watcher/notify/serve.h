/*
 * serve - tell webhooks what ingestd hands over, until it closes the socket
 *
 *	serve(NOTICE_SOCKET, &f)        0: the daemon has closed; -1: it said what makes no sense
 *
 * Several notices fly at once, so that a receiver that hangs keeps no other from its own.  A notice is tried once: when to try again is the
 * daemon's to say, whose journal has it.
 */
#ifndef NOTIFY_SERVE_H
#define NOTIFY_SERVE_H

#include "watcher/base/fault.h"

int serve(int socket, struct fault *f) MUST_CHECK;

#endif
