/*
 * plain_own - the scans of each instruction set; only plain.c and they include this
 */
#ifndef PARSE_PLAIN_OWN_H
#define PARSE_PLAIN_OWN_H

#include "watcher/parse/plain.h"

plain_scan plain_avx2, plain_sse2, plain_scalar;

#endif
