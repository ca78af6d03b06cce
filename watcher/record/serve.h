/*
 * serve - the recorder's service on the daemon's socket: model/recording.h is what is said there
 *
 * 0: the daemon closed its end, or the credentials are wrong (said as trouble; the daemon starts another one with the
 * credentials as they are then).  -1: the daemon said what makes no sense.
 */
#ifndef RECORD_SERVE_H
#define RECORD_SERVE_H

#include "watcher/base/fault.h"

int serve(int socket, struct fault *f) MUST_CHECK;

#endif
