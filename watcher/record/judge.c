/*
 * judge - what an error of MongoDB means for the rows behind it; see the header
 */
#include "watcher/base/base.h"
#include "watcher/record/judge.h"

/* The server shuts down, steps down, is full, busy or not allowed to. */
static const int32_t again[] = {
	1,     /* InternalError */
	6,     /* HostUnreachable */
	7,     /* HostNotFound */
	8,     /* UnknownError */
	13,    /* Unauthorized */
	18,    /* AuthenticationFailed */
	24,    /* LockTimeout */
	50,    /* MaxTimeMSExpired */
	64,    /* WriteConcernFailed */
	89,    /* NetworkTimeout */
	91,    /* ShutdownInProgress */
	112,   /* WriteConflict */
	133,   /* FailedToSatisfyReadPreference */
	189,   /* PrimarySteppedDown */
	202,   /* NetworkInterfaceExceededTimeLimit */
	262,   /* ExceededTimeLimit */
	317,   /* ConnectionPoolExpired */
	9001,  /* SocketException */
	10107, /* NotWritablePrimary */
	11600, /* InterruptedAtShutdown */
	11602, /* InterruptedDueToReplStateChange */
	13435, /* NotPrimaryNoSecondaryOk */
	13436, /* NotPrimaryOrSecondary */
	14031, /* OutOfDiskSpace */
};

/* The document breaks a rule of its collection or of BSON. */
static const int32_t refused[] = {
	2,     /* BadValue */
	9,     /* FailedToParse */
	14,    /* TypeMismatch */
	22,    /* InvalidBSON */
	28,    /* PathNotViable */
	52,    /* DollarPrefixedFieldName */
	54,    /* NotSingleValueField */
	57,    /* DottedFieldName */
	66,    /* ImmutableField */
	121,   /* DocumentValidationFailure */
	146,   /* ExceededMemoryLimit */
	171,   /* CannotIndexParallelArrays */
	10334, /* BSONObjectTooLarge */
	11000, /* DuplicateKey, of an index that is not ours */
	11001, /* the same, of an update */
	12582, /* the same, of a shard key */
	16755, /* no geometry for a geo index */
	17280, /* KeyTooLong */
	17419, /* the result is too large */
	17420,
};

static bool among(const int32_t *codes, size_t n, int32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (codes[i] == code)
			return true;
	return false;
}

enum judgement judge_document(int32_t code)
{
	if (among(again, ARRAY_LEN(again), code))
		return JUDGE_AGAIN;
	return among(refused, ARRAY_LEN(refused), code) ? JUDGE_REFUSED : JUDGE_UNSURE;
}

static bool is_key(const bson_error_t *e)
{
	if (e->domain == MONGOC_ERROR_SERVER)
		return e->code == 13 || e->code == 18;
	return (e->domain == MONGOC_ERROR_CLIENT && e->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
	       e->domain == MONGOC_ERROR_SASL || e->domain == MONGOC_ERROR_SCRAM;
}

/* A driver's text names hosts and users; should it ever name more, that is gone here. */
static void take_out(char *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	char *at;

	while (n && (at = strstr(text, secret)))
		memset(at, '*', n);
}

void judge_command(const bson_error_t *e, const char *secret, struct fault *f)
{
	char text[sizeof(e->message)];

	snprintf(text, sizeof(text), "%s", e->message[0] ? e->message : "no reason was given");
	take_out(text, secret);
	if (e->domain == MONGOC_ERROR_SERVER)
		fault_set(f, is_key(e) ? FAULT_KEY : FAULT_TEMPORARY, "MongoDB answers error %u: %s", e->code,
			  text);
	else if (is_key(e))
		fault_set(f, FAULT_KEY, "MongoDB does not take our credentials: %s", text);
	else
		fault_set(f, FAULT_TEMPORARY, "MongoDB: %s", text);
}
