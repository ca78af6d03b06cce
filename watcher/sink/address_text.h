/*
 * address_text - is this text an IP address as a server's type ip reads it?
 *
 *	address_text_fits(text)
 *
 * IPv4: four decimal numbers up to 255 without leading zeros.  IPv6: eight groups of hexadecimal digits, one run of them left out as
 * `::`, the last two perhaps as IPv4; a scope may stand behind a percent sign, which the servers leave away.  No prefix
 * length, port or brackets.  Source: RFC 4291, 2.2, and both servers' answers (tests/e2e/test_b_fit.py).
 */
#ifndef SINK_ADDRESS_TEXT_H
#define SINK_ADDRESS_TEXT_H

#include "watcher/base/span.h"

bool address_text_fits(struct span s);

#endif
