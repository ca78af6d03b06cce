/*
 * age_key - identities and recipients of age as text (bech32)
 *
 *	age_identity_parse("AGE-SECRET-KEY-1...", secret)      -1: no identity of that form
 *	age_identity_write(secret, text)
 *	age_recipient_parse("age1...", recipient)
 *	age_recipient_write(recipient, text)
 *
 * Source: age-encryption.org/v1; BIP 173 for bech32.  Texts are NUL-terminated and are wiped by their owner.
 */
#ifndef BASE_AGE_KEY_H
#define BASE_AGE_KEY_H

#include "watcher/base/age_crypto.h"

#define AGE_IDENTITY_TEXT 75  /* with NUL */
#define AGE_RECIPIENT_TEXT 63 /* with NUL */

int age_identity_parse(struct span text, unsigned char secret[AGE_KEY]) MUST_CHECK;
void age_identity_write(const unsigned char secret[AGE_KEY], char text[AGE_IDENTITY_TEXT]);
int age_recipient_parse(struct span text, unsigned char recipient[AGE_KEY]) MUST_CHECK;
void age_recipient_write(const unsigned char recipient[AGE_KEY], char text[AGE_RECIPIENT_TEXT]);

#endif
