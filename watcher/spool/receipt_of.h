/*
 * receipt_of - the record of a file from its journal row
 *
 *	receipt_of(row, RECEIPT_RECORD, &c);         copies; receipt_release(&c)
 *	receipt_text(row, RECEIPT_FILE, &sb)         the JSON object and a line feed
 *
 * The one place where a row becomes a record.  RECEIPT_FILE is what lies beside the file: it tells
 * the outcome before the file is placed and has no times.placed.  RECEIPT_RECORD is what is known
 * now: `show`, lists, the outbox.
 */
#ifndef SPOOL_RECEIPT_OF_H
#define SPOOL_RECEIPT_OF_H

#include "watcher/spool/file_row.h"

enum receipt_for { RECEIPT_FILE, RECEIPT_RECORD };

void receipt_of(const struct file_row *r, enum receipt_for what, struct receipt *out);
void receipt_text(const struct file_row *r, enum receipt_for what, struct strbuf *sb);

#endif
