/*
 * serve - the worker's service: job after job from the daemon's socket until it closes
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include "watcher/base/fault.h"

/* 0: the daemon closed the socket; -1: it sent something ill-formed. */
int serve(int socket, struct fault *f) MUST_CHECK;

#endif
