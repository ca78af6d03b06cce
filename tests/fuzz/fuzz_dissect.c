/*
 * fuzz_dissect - hostile mappings and texts through dissect
 *
 * The bytes up to the first NUL are the mapping, the rest is the text.  Checked: no crash, no leak; a refused mapping has a reason and
 * a place; a mapping that can match nothing matches nothing; the values are within the text, in order, none but the last has the
 * delimiter behind it in itself, and put together with the delimiters they are the text again where nothing may repeat; the parts to
 * be set are each one of the mapping, once, plain ones ahead of appended ones, those by their number, and indirect ones behind.
 */
#include "watcher/base/base.h"
#include "watcher/base/strbuf.h"
#include "transforms/dissect_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool contains(struct span text, struct span what)
{
	return what.n && text.n >= what.n && memmem(text.p, text.n, what.p, what.n);
}

static void check_saved(const struct dissect_pattern *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++)
		kept += d->parts[i].kind != DISSECT_SKIP;
	CHECK(kept == d->saved_count);
	for (size_t i = 0; i < d->saved_count; i++) {
		const struct dissect_part *p = d->saved[i], *before = i ? d->saved[i - 1] : NULL;

		CHECK(p >= d->parts && p < d->parts + d->count && p->kind != DISSECT_SKIP && p->name.n);
		CHECK(!memchr(p->name.p, '?', p->name.n));
		if (!before)
			continue;
		CHECK(before != p && before->kind <= p->kind);
		if (before->kind == p->kind)
			CHECK(p->kind == DISSECT_APPEND && before->order != p->order ? before->order < p->order
										     : before < p);
	}
}

static void check_match(const struct dissect_pattern *d, struct span text)
{
	struct strbuf whole = STRBUF_INIT;
	const char *last = text.p;
	bool repeats = false;

	for (size_t i = 0; i < d->count; i++) {
		struct span v = d->parts[i].value;

		CHECK(v.p >= last && v.p + v.n <= text.p + text.n);
		CHECK(i + 1 == d->count || !contains(v, d->parts[i + 1].before));
		last = v.p + v.n;
		repeats = repeats || d->parts[i].packed || (i && v.p == text.p);
		strbuf_addspan(&whole, d->parts[i].before);
		strbuf_addspan(&whole, v);
		(void)dissect_other(d, &d->parts[i]);
	}
	CHECK(repeats || span_equal(strbuf_span(&whole), text));
	strbuf_release(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span mapping = {(const char *)data, size}, text = SPAN_NONE;
	const char *end = size ? memchr(data, '\0', size) : NULL;
	struct dissect_pattern *d;
	const char *why = NULL;
	size_t offset = 0;
	struct arena a;

	if (end) {
		mapping.n = (size_t)(end - mapping.p);
		text = (struct span){end + 1, size - 1 - mapping.n};
	}
	arena_init(&a, 4096);
	if (dissect_compile(mapping, &a, &d, &why, &offset) < 0) {
		CHECK(why && offset <= mapping.n);
	} else {
		check_saved(d);
		if (dissect_match(d, text)) {
			CHECK(!dissect_is_hopeless(d));
			check_match(d, text);
		}
	}
	arena_release(&a);
	return 0;
}
