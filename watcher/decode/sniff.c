/*
 * sniff - the table of marks, and the judgement
 *
 * Called by the worker through sniff_check before the first row.  Owns nothing.  A mark is only
 * listed when a csv or txt that begins with the same bytes is out of the question: it holds control
 * bytes or bytes that are no UTF-8, or it is the fixed first line of another format.
 */
#include "watcher/base/base.h"
#include "watcher/decode/sniff.h"

#define UNPACK "unpack it and send the text itself"
#define EXPORT "export the table as CSV in UTF-8 and send that"
#define PLAIN "send the text itself, not encrypted"
#define OUTSIDE "encrypt once, as the last step, outside the compression"
#define ENCRYPTED NULL
#define RECODE "convert it to UTF-8 and send that"
#define TEXT_ONLY "send text in UTF-8"
#define SEND_DATA "send the data, not a document that shows it"

struct mark {
	const char *bytes;
	size_t n;
	size_t at;
	struct sniff_finding finding;
};

#define MARK(bytes, at, what, instead) \
	{ \
		bytes, sizeof(bytes) - 1, at, \
		{ \
			what, instead \
		} \
	}

static const struct mark marks[] = {
	MARK("\x1f\x8b", 0, "a gzip file", UNPACK),	    /* RFC 1952 */
	MARK("\x28\xb5\x2f\xfd", 0, "a zstd file", UNPACK), /* RFC 8878 */
	MARK("\x2a\x4d\x18", 1, "a zstd file", UNPACK), /* begins with a skippable frame */
	MARK("\xfd\x37zXZ\x00", 0, "an xz file", UNPACK),   /* xz file format 1.1 */
	MARK("\x5d\x00\x00", 0, "an lzma file", UNPACK),    /* lzma_alone, default lc/lp/pb */
	MARK("\x04\x22\x4d\x18", 0, "an lz4 file", UNPACK), /* LZ4 frame format */
	MARK("LZIP\x01", 0, "an lzip file", UNPACK),
	MARK("\x1f\x9d", 0, "a compress (.Z) file", UNPACK),
	MARK("7z\xbc\xaf\x27\x1c", 0, "a 7z archive", UNPACK),
	MARK("Rar!\x1a\x07", 0, "a RAR archive", UNPACK),
	MARK("PK\x05\x06", 0, "an empty zip archive", UNPACK), /* APPNOTE 4.3.16 */
	MARK("ustar", 257, "a tar archive", UNPACK),	       /* POSIX ustar */
	MARK("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an old Office document (xls, doc)", EXPORT),
	MARK("PAR1", 0, "a Parquet file", EXPORT),
	MARK("Obj\x01", 0, "an Avro file", EXPORT),
	MARK("ORC\x0a", 0, "an ORC file", EXPORT),
	MARK("ARROW1\x00", 0, "an Arrow file", EXPORT),
	MARK("SQLite format 3\x00", 0, "an SQLite database", EXPORT),
	MARK("%PDF-", 0, "a PDF document", SEND_DATA),
	MARK("%!PS-", 0, "a PostScript document", SEND_DATA),
	MARK("<?xml ", 0, "an XML document", EXPORT),
	MARK("\xef\xbb\xbf<?xml ", 0, "an XML document", EXPORT),
	MARK("{\\rtf", 0, "an RTF document", SEND_DATA),
	MARK("age-encryption.org/v1\n", 0, "an age-encrypted file", OUTSIDE),
	MARK("-----BEGIN AGE ENCRYPTED FILE-----", 0, "an age-encrypted file", OUTSIDE),
	MARK("-----BEGIN PGP MESSAGE-----", 0, "a PGP-encrypted message", ENCRYPTED),
	MARK("-----BEGIN CMS-----", 0, "a CMS-encrypted message", ENCRYPTED),
	MARK("-----BEGIN PKCS7-----", 0, "a CMS-encrypted message", ENCRYPTED),
	MARK("Salted__", 0, "a file encrypted by openssl enc", ENCRYPTED),
	MARK("\xff\xfe\x00\x00", 0, "text in UTF-32", RECODE),
	MARK("\x00\x00\xfe\xff", 0, "text in UTF-32", RECODE),
	MARK("\xff\xfe", 0, "text in UTF-16", RECODE),
	MARK("\xfe\xff", 0, "text in UTF-16", RECODE),
	MARK("\x7f"
	     "ELF",
	     0, "a program", TEXT_ONLY),
	MARK("\x89PNG\r\n\x1a\n", 0, "a PNG image", TEXT_ONLY),
	MARK("\xff\xd8\xff", 0, "a JPEG image", TEXT_ONLY),
	MARK("GIF89a", 0, "a GIF image", TEXT_ONLY),
	MARK("GIF87a", 0, "a GIF image", TEXT_ONLY),
};

static const struct sniff_finding zip_plain = {"a zip archive", UNPACK};
static const struct sniff_finding zip_office = {"an Excel or Office document (xlsx)", EXPORT};
static const struct sniff_finding bzip2 = {"a bzip2 file", UNPACK};
static const struct sniff_finding cms_der = {"a CMS-encrypted file", ENCRYPTED};
static const struct sniff_finding smime = {"a CMS-encrypted message (S/MIME)", ENCRYPTED};
static const struct sniff_finding openpgp = {"a PGP-encrypted file", ENCRYPTED};
static const struct sniff_finding html = {"an HTML page", SEND_DATA};
static const struct sniff_finding utf16 = {"text in UTF-16 without a byte order mark", RECODE};
static const struct sniff_finding binary = {"binary data (mostly NUL bytes)", TEXT_ONLY};

static bool has(struct span s, size_t at, const char *bytes, size_t n)
{
	return s.n >= at && s.n - at >= n && memcmp(s.p + at, bytes, n) == 0;
}

/* The name of the first member stands at 30 (APPNOTE 4.3.7); Office and its libraries begin with one of these. */
static const struct sniff_finding *sniff_zip(struct span s)
{
	static const char *const firsts[] = {"[Content_Types].xml", "_rels/", "docProps/", "xl/", "word/", "ppt/",
					     "mimetypeapplication/vnd.oasis"};

	if (!has(s, 0, "PK\x03\x04", 4))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
		if (has(s, 30, firsts[i], strlen(firsts[i])))
			return &zip_office;
	if (memmem(s.p, s.n, "[Content_Types].xml", 19) || memmem(s.p, s.n, "_rels/.rels", 11))
		return &zip_office;
	return &zip_plain;
}

/* "BZh" and a digit could begin a text; the block's or the end's magic behind it could not. */
static const struct sniff_finding *sniff_bzip2(struct span s)
{
	if (!has(s, 0, "BZh", 3) || s.n < 10 || s.p[3] < '1' || s.p[3] > '9')
		return NULL;
	if (has(s, 4, "\x31\x41\x59\x26\x53\x59", 6) || has(s, 4, "\x17\x72\x45\x38\x50\x90", 6))
		return &bzip2;
	return NULL;
}

/* DER: SEQUENCE, long length, OID 1.2.840.113549.1.7.* (RFC 5652) or ...1.9.16.1.* (RFC 5083). */
static const struct sniff_finding *sniff_cms(struct span s)
{
	size_t n = s.n < 20 ? s.n : 20;

	if (s.n < 16 || s.p[0] != '\x30')
		return NULL;
	if (memmem(s.p, n, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", 10) ||
	    memmem(s.p, n, "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01", 12))
		return &cms_der;
	return NULL;
}

/* As `openssl cms` and mail programs write it. */
static const struct sniff_finding *sniff_smime(struct span s)
{
	static const char *const starts[] = {"MIME-Version:", "Content-Type: application/"};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (has(s, 0, starts[i], strlen(starts[i])) && memmem(s.p, s.n, "pkcs7-mime", 10))
			return &smime;
	return NULL;
}

/*
 * RFC 9580, 4.2: a packet of tag 1 (session key for a public key, version 3 or 6), 3 (for a passphrase, version 4 to 6), 18 or 20
 * (encrypted data, version 1 or 2), in the old and the new form of its head.  None begins a text in UTF-8.
 */
static const struct sniff_finding *sniff_openpgp(struct span s)
{
	unsigned tag, version, length;
	size_t at = 2;

	if (s.n < 4 || !(s.p[0] & 0x80))
		return NULL;
	if (s.p[0] & 0x40) {
		tag = s.p[0] & 0x3f;
		length = (unsigned char)s.p[1];
		/* two bytes, five, or a part of an unknown whole */
		at = length < 192 || length > 223 ? (length == 255 ? 6 : 2) : 3;
	} else {
		tag = (unsigned char)s.p[0] >> 2 & 15;
		length = s.p[0] & 3;
		at = length == 3 ? 1 : 1 + ((size_t)1 << length);
	}
	if (at >= s.n)
		return NULL;
	version = (unsigned char)s.p[at];
	if ((tag == 1 && (version == 3 || version == 6)) || (tag == 3 && version >= 4 && version <= 6) ||
	    ((tag == 18 || tag == 20) && (version == 1 || version == 2)))
		return &openpgp;
	return NULL;
}

static size_t behind_blanks(struct span s, size_t at)
{
	while (at < s.n && memchr(" \t\r\n", s.p[at], 4))
		at++;
	return at;
}

static const struct sniff_finding *sniff_html(struct span s)
{
	static const char *const starts[] = {"<!doctype html", "<html", "<head>", "<script"};
	size_t at = behind_blanks(s, has(s, 0, "\xef\xbb\xbf", 3) ? 3 : 0);

	/* a generator signs itself in a comment first */
	while (has(s, at, "<!--", 4)) {
		const char *end = memmem(s.p + at, s.n - at, "-->", 3);

		if (!end)
			return NULL;
		at = behind_blanks(s, (size_t)(end - s.p) + 3);
	}
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		size_t n = strlen(starts[i]);

		if (s.n - at >= n && strncasecmp(s.p + at, starts[i], n) == 0)
			return &html;
	}
	return NULL;
}

/*
 * A text may hold a NUL here and there; one in four is no text, and NULs at every second place are
 * UTF-16.
 */
static const struct sniff_finding *sniff_nuls(struct span s)
{
	size_t even = 0, odd = 0;

	if (s.n < 8)
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' && i % 2 == 0)
			even++;
		else if (s.p[i] == '\0')
			odd++;
	}
	if ((even + odd) * 4 < s.n)
		return NULL;
	if (even * 16 < odd || odd * 16 < even)
		return &utf16;
	return &binary;
}

const struct sniff_finding *sniff_bytes(struct span head)
{
	static const struct sniff_finding *(*const judges[])(struct span) = {
		sniff_zip, sniff_bzip2, sniff_cms, sniff_smime, sniff_openpgp, sniff_html, sniff_nuls,
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (has(head, marks[i].at, marks[i].bytes, marks[i].n))
			return &marks[i].finding;
	for (size_t i = 0; i < ARRAY_LEN(judges); i++) {
		const struct sniff_finding *found = judges[i](head);

		if (found)
			return found;
	}
	return NULL;
}

static int refuse(const struct sniff_finding *found, const char *expected, const char *encrypt,
		  struct fault *f)
{
	if (found->instead || !encrypt)
		return fault_set(f, FAULT_DATA, "File format not allowed: the content is %s, not %s; %s", found->what,
				 expected, found->instead ? found->instead : PLAIN);
	return fault_set(f, FAULT_DATA,
			 "File format not allowed: the content is %s, and files must be encrypted by age; encrypt it with: "
			 "%s (recipients.txt lies beside in/)",
			 found->what, encrypt);
}

int sniff_check(struct stream *s, const char *expected, const char *encrypt, struct fault *f)
{
	char head[SNIFF_BYTES];
	const struct sniff_finding *found;
	size_t have = 0, got;

	do {
		if (stream_look(s, have, head + have, sizeof(head) - have, &got, f) < 0)
			return -1;
		have += got;
	} while (got > 0 && have < sizeof(head));
	found = sniff_bytes((struct span){head, have});
	if (!found)
		return 0;
	return refuse(found, expected, encrypt, f);
}
