/*
 * test_sniff - what is refused by its first bytes, and what must not be
 */
#include "watcher/base/base.h"
#include "watcher/decode/sniff.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

#define BYTES(s) \
	{ \
		s, sizeof(s) - 1 \
	}

static const struct {
	const char *name;
	struct span head;
	const char *want; /* a part of what; NULL: text */
} cases[] = {
	{"empty", BYTES(""), NULL},
	{"one byte", BYTES("P"), NULL},
	{"csv", BYTES("a,b\n1,2\n"), NULL},
	{"bom",
	 BYTES("\xef\xbb\xbf"
	       "a,b\n"),
	 NULL},
	{"umlauts",
	 BYTES("stra\xc3\x9f"
	       "e,\xc3\xa4\n"),
	 NULL},
	{"a NUL in text", BYTES("a,b\n1,\0x\nfoo,bar\n"), NULL},
	{"latin-1 is for the rows to judge", BYTES("caf\xe9,1\n"), NULL},
	{"text that begins like bzip2", BYTES("BZh9 is a mark, it is said\n"), NULL},
	{"text that begins like zip", BYTES("PK,id\n1,2\n"), NULL},
	{"syslog", BYTES("<34>1 2026-01-01T00:00:00Z host app\n"), NULL},
	{"xml-ish value", BYTES("<value>,1\n"), NULL},
	{"percent", BYTES("%PD,1\n"), NULL},
	{"brace", BYTES("{\"a\": 1}\n"), NULL},
	{"gzip", BYTES("\x1f\x8b\x08\x00"), "gzip"},
	{"zstd", BYTES("\x28\xb5\x2f\xfd\x04"), "zstd"},
	{"zstd after a skippable frame", BYTES("\x50\x2a\x4d\x18\4\0\0\0"), "zstd"},
	{"xz",
	 BYTES("\xfd"
	       "7zXZ\0\0\4"),
	 "xz"},
	{"bzip2", BYTES("BZh91AY&SY\x01\x02"), "bzip2"},
	{"empty bzip2", BYTES("BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0"), "bzip2"},
	{"lz4", BYTES("\x04\x22\x4d\x18"), "lz4"},
	{"zip", BYTES("PK\x03\x04\x14\0\0\0\0\0aaaaaaaaaaaaaaaaaaaadata.csv"), "zip"},
	{"xlsx", BYTES("PK\x03\x04\x14\0\6\0\b\0aaaaaaaaaaaaaaaaaaaa[Content_Types].xml"), "Excel"},
	{"7z", BYTES("7z\xbc\xaf\x27\x1c\0\4"), "7z"},
	{"parquet", BYTES("PAR1\x15\x04"), "Parquet"},
	{"sqlite", BYTES("SQLite format 3\0\x10\0"), "SQLite"},
	{"old excel", BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "Office"},
	{"pdf", BYTES("%PDF-1.7\n"), "PDF"},
	{"postscript", BYTES("%!PS-Adobe-3.0\n"), "PostScript"},
	{"xml", BYTES("<?xml version=\"1.0\"?>\n<rows/>"), "XML"},
	{"xml after a mark", BYTES("\xef\xbb\xbf<?xml version=\"1.0\"?>"), "XML"},
	{"html", BYTES("<!DOCTYPE html>\n<html>"), "HTML"},
	{"html after a comment", BYTES("<!-- by a > b -->\n<!-- -->\n<!DOCTYPE html>"), "HTML"},
	{"a comment that is no html", BYTES("<!-- a -->,1\n"), NULL},
	{"a comment without an end", BYTES("<!-- a,1\n2,3\n"), NULL},
	{"xlsx whose types come last", BYTES("PK\x03\x04\x14\0\6\0\b\0aaaaaaaaaaaaaaaaaaaadocProps/app.xml"), "Excel"},
	{"html after blanks", BYTES("\xef\xbb\xbf \r\n <HTML lang=en>"), "HTML"},
	{"PGP, to a key, old head", BYTES("\x85\x01\x0c\x03\x12\x34\x56\x78"), "PGP"},
	{"PGP, to a key, one byte of length", BYTES("\x84\x5e\x03\x12\x34"), "PGP"},
	{"PGP, to a key, new head", BYTES("\xc1\xc0\x4c\x03\x12\x34"), "PGP"},
	{"PGP, for a passphrase", BYTES("\x8c\x0d\x04\x09\x03\x08"), "PGP"},
	{"PGP, encrypted data alone", BYTES("\xd2\xff\0\0\x01\0\x01\x09"), "PGP"},
	{"text that begins like PGP", BYTES("\xc3\x84\xc3\x84,b\n"), NULL},
	{"Cyrillic", BYTES("\xd2\x90\xd0\xb0,b\n"), NULL},
	{"S/MIME", BYTES("MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n"), "S/MIME"},
	{"mail that is none", BYTES("MIME-Version: 1.0\nContent-Type: text/csv\n"), NULL},
	{"age", BYTES("age-encryption.org/v1\n-> X25519 "), "age"},
	{"armored age", BYTES("-----BEGIN AGE ENCRYPTED FILE-----\n"), "age"},
	{"pgp", BYTES("-----BEGIN PGP MESSAGE-----\n"), "PGP"},
	{"openssl", BYTES("Salted__\1\2\3\4\5\6\7\b"), "openssl"},
	{"cms", BYTES("\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0"), "CMS"},
	{"authenticated cms",
	 BYTES("\x30\x82\1\0\x06\x0b\x2a\x86\x48\x86\xf7\x0d\1\x09\x10\1\x17\xa0"),
	 "CMS"},
	{"utf-16le",
	 BYTES("\xff\xfe"
	       "a\0,\0"),
	 "UTF-16"},
	{"utf-16be", BYTES("\xfe\xff\0a\0,"), "UTF-16"},
	{"utf-32le", BYTES("\xff\xfe\0\0a\0\0\0"), "UTF-32"},
	{"utf-16 without a mark", BYTES("a\0,\0b\0\n\0c\0,\0"), "UTF-16"},
	{"zeros", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0"), "binary"},
	{"elf",
	 BYTES("\x7f"
	       "ELF\2\1\1\0"),
	 "program"},
};

static void marks(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct sniff_finding *found = sniff_bytes(cases[i].head);

		if (!cases[i].want && found)
			fail_msg("%s: taken for %s", cases[i].name, found->what);
		if (cases[i].want && (!found || !strstr(found->what, cases[i].want)))
			fail_msg("%s: %s", cases[i].name, found ? found->what : "not recognised");
	}
}

static void the_sentence(void **state UNUSED)
{
	char name[] = "/tmp/test_sniff.XXXXXX";
	int fd = mkstemp(name);
	struct stream *s = stream_file_new(fd, 0);
	struct fault f = FAULT_INIT;
	char byte;
	size_t got;

	unlink(name);
	assert_int_equal(sniff_check(s, "csv", NULL, &f), 0);
	assert_int_equal(write(fd, "\x1f\x8b\x08zzzz", 7), 7);
	assert_int_equal(sniff_check(s, "csv", NULL, &f), -1);
	assert_int_equal(f.kind, FAULT_DATA);
	assert_string_equal(f.text, "File format not allowed: the content is a gzip file, not csv; "
				    "unpack it and send the text itself");
	assert_int_equal(stream_read(s, &byte, 1, &got, &f), 0);
	assert_int_equal(byte, 0x1f);
	stream_free(&s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks),
		cmocka_unit_test(the_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
