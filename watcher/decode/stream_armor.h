/*
 * stream_armor - a layer that takes the ASCII armor off an age file (`age --armor`)
 *
 *	s = stream_armor_new(below)        takes what it stands on
 *
 * Strict as age is: lines of 64 characters, a shorter last one with its padding, LF or CRLF, white space before and behind the
 * whole and nowhere else.
 * Errors: FAULT_DATA with the line.  Source: age-encryption.org/v1, "ASCII armor"; RFC 7468 (strict encoding).
 */
#ifndef DECODE_STREAM_ARMOR_H
#define DECODE_STREAM_ARMOR_H

#include "watcher/decode/stream.h"

#define ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"

struct stream *stream_armor_new(struct stream *below);

#endif
