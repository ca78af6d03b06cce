/*
 * judge - what an error of MongoDB means for the rows behind it
 *
 * A document alone is refused only for an error that MongoDB gave for that document (writeErrors); an error of a whole command,
 * of the connection or of the write concern is everybody's and waits.  Wrong credentials and missing rights are of kind key.
 * Source: error codes of MongoDB 4.4 to 7.0 (src/mongo/base/error_codes.yml), driver specification "retryable writes".
 */
#ifndef RECORD_JUDGE_H
#define RECORD_JUDGE_H

#include "watcher/base/fault.h"
#include <mongoc/mongoc.h>

enum judgement {
	JUDGE_AGAIN,   /* the server's state: the same document may be taken later */
	JUDGE_REFUSED, /* the document: it never will be */
	JUDGE_UNSURE,  /* an unknown code: again, and refused when it stays so */
};

/* code: of one document. */
enum judgement judge_document(int32_t code);
/* Of a whole command or of the connection: kind key or temporary, and the sentence.  secret: taken out of it; NULL: none. */
void judge_command(const bson_error_t *e, const char *secret, struct fault *f);

#endif
