/*
 * suite_report - the results of test cases; see the header
 *
 * Called by suite.  JUnit's form is the one its many readers agree on: testsuite, testcase, failure.
 */
#include "watcher/base/base.h"
#include "watcher/worker/suite_report.h"
#include "watcher/base/fsutil.h"
#include "watcher/base/json_out.h"
#include "watcher/base/utf8.h"
#include <fcntl.h>
#include <unistd.h>

/* U+FFFE or U+FFFF */
static bool is_noncharacter(struct span s)
{
	return s.n >= 3 && memcmp(s.p, "\xef\xbf", 2) == 0 && (unsigned char)s.p[2] >= 0xbe;
}

/* XML has no place for most control bytes and for U+FFFE and U+FFFF, escaped or not, nor for ]]> in a text. */
static void add_xml(struct strbuf *sb, struct span s)
{
	struct strbuf clean = STRBUF_INIT;

	utf8_add_repaired(&clean, s);
	for (size_t i = 0; i < clean.n; i++) {
		char c = clean.p[i];

		if (is_noncharacter((struct span){clean.p + i, clean.n - i})) {
			strbuf_addc(sb, '?');
			i += 2;
		} else if (c == '<')
			strbuf_adds(sb, "&lt;");
		else if (c == '>')
			strbuf_adds(sb, "&gt;");
		else if (c == '&')
			strbuf_adds(sb, "&amp;");
		else if (c == '"')
			strbuf_adds(sb, "&quot;");
		else
			strbuf_addc(sb, (unsigned char)c < 0x20 && c != '\n' && c != '\t' ? '?' : c);
	}
	strbuf_release(&clean);
}

static void add_json_case(struct suite_report *r, const char *file, size_t number, struct span description,
			  struct span diff)
{
	json_add_comma(&r->cases);
	strbuf_addc(&r->cases, '{');
	json_pair_string(&r->cases, "file", file);
	json_pair_u64(&r->cases, "case", number);
	json_pair_span(&r->cases, "description", description.n ? description : SPAN_NONE);
	json_pair_bool(&r->cases, "passed", !diff.n);
	json_pair_span(&r->cases, "diff", diff.n ? diff : SPAN_NONE);
	strbuf_addc(&r->cases, '}');
}

static void add_xml_case(struct suite_report *r, const char *file, struct span name, struct span diff)
{
	strbuf_adds(&r->xml, "  <testcase classname=\"");
	add_xml(&r->xml, span_of(file));
	strbuf_adds(&r->xml, "\" name=\"");
	add_xml(&r->xml, name);
	strbuf_adds(&r->xml, diff.n ? "\">\n    <failure message=\"events differ\">" : "\"/>\n");
	if (diff.n) {
		add_xml(&r->xml, diff);
		strbuf_adds(&r->xml, "</failure>\n  </testcase>\n");
	}
}

void suite_report_add(struct suite_report *r, const char *file, size_t number, struct span description,
		      struct span diff)
{
	struct strbuf name = STRBUF_INIT;

	if (diff.n)
		r->failed++;
	else
		r->passed++;
	strbuf_addf(&name, "case %zu%s%.*s", number, description.n ? ": " : "", SPAN_FMT(description));
	add_json_case(r, file, number, description, diff);
	add_xml_case(r, file, strbuf_span(&name), diff);
	if (!r->json)
		printf("%s: %s: %s\n%.*s", file, name.p, diff.n ? "FAILED" : "ok", SPAN_FMT(diff));
	strbuf_release(&name);
}

static int write_xml(const struct suite_report *r, const char *path, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), ret;

	if (fd < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot write %s", path);
	strbuf_addf(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			   "<testsuite name=\"filters\" tests=\"%zu\" failures=\"%zu\">\n",
		    r->passed + r->failed, r->failed);
	strbuf_addspan(&text, strbuf_span(&r->xml));
	strbuf_adds(&text, "</testsuite>\n");
	ret = fs_write_all(fd, text.p, text.n, f);
	fs_close(&fd);
	strbuf_release(&text);
	return ret;
}

int suite_report_end(struct suite_report *r, const char *junit, struct fault *f)
{
	int ret = junit ? write_xml(r, junit, f) : 0;

	if (r->json)
		printf("{\"passed\":%zu,\"failed\":%zu,\"cases\":[%s]}\n", r->passed, r->failed,
		       r->cases.n ? r->cases.p : "");
	else
		printf("%zu passed, %zu failed\n", r->passed, r->failed);
	strbuf_release(&r->cases);
	strbuf_release(&r->xml);
	return ret;
}
