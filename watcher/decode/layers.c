/*
 * layers - which layers a file has, and the stack that takes them off; see the header
 *
 * Called by the worker for each pass.  A layer's mark is told by a look, so that a file without layers is read as ever.
 */
#include "watcher/base/base.h"
#include "watcher/decode/layers.h"
#include "watcher/decode/stream_age.h"
#include "watcher/decode/stream_armor.h"
#include "watcher/decode/stream_codec.h"
#include "watcher/model/format.h"
#include "watcher/model/keyring.h"

#define HEAD 64

static const struct {
	enum format_bit bit;
	const struct codec *codec;
	const char *mark;
	size_t mark_size;
	const char *what;
} codecs[] = {
	{FORMAT_GZ, &codec_gzip, "\x1f\x8b", 2, "gzip"},
	{FORMAT_ZST, &codec_zstd, "\x28\xb5\x2f\xfd", 4, "zstd"},
	{FORMAT_XZ, &codec_xz, "\xfd\x37zXZ\x00", 6, "xz"},
};

static int look_head(struct stream *s, char head[HEAD], size_t *n, struct fault *f)
{
	size_t got = 1;

	*n = 0;
	while (*n < HEAD && got > 0) {
		if (stream_look(s, *n, head + *n, HEAD - *n, &got, f) < 0)
			return -1;
		*n += got;
	}
	return 0;
}

/* A frame may also begin with a skippable one. */
static bool is_skippable_zstd(struct span head)
{
	return head.n >= 4 && (head.p[0] & 0xf0) == 0x50 && memcmp(head.p + 1, "\x2a\x4d\x18", 3) == 0;
}

/* Index into codecs, or -1. */
static int codec_of(struct span head)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (span_starts(head, (struct span){codecs[i].mark, codecs[i].mark_size}) ||
		    (codecs[i].bit == FORMAT_ZST && is_skippable_zstd(head)))
			return (int)i;
	return -1;
}

static int refuse(unsigned allowed, const char *what, struct fault *f)
{
	struct strbuf list = STRBUF_INIT;

	format_list(&list, allowed);
	fault_set(f, FAULT_DATA, "File format not allowed: the content is %s; this tenant may send %s", what,
		  list.p);
	strbuf_release(&list);
	return -1;
}

static int take_codec(struct stream **s, const struct layers_options *o, struct layers *out,
		      struct fault *f)
{
	char head[HEAD];
	size_t n;
	int i;

	if (look_head(*s, head, &n, f) < 0)
		return -1;
	i = codec_of((struct span){head, n});
	if (i < 0)
		return 0;
	if (!(o->allowed & codecs[i].bit))
		return refuse(o->allowed, codecs[i].what, f);
	*s = stream_codec_new(codecs[i].codec, &o->limits, *s);
	out->found |= codecs[i].bit;
	return 0;
}

/* --- encryption --- */

#define AGE_MARK "age-encryption.org/"

enum age_form { AGE_NOT, AGE_BINARY, AGE_ARMORED };

/* White space may stand before an armor. */
static enum age_form age_form_of(struct span head)
{
	if (span_starts(head, SPAN_LITERAL(AGE_MARK)))
		return AGE_BINARY;
	while (head.n && memchr(" \t\r\n", *head.p, 4)) {
		head.p++;
		head.n--;
	}
	return span_starts(head, SPAN_LITERAL(ARMOR_BEGIN)) ? AGE_ARMORED : AGE_NOT;
}

/* Nobody here can have such a key. */
static int refuse_recipients(const struct age_header *h, struct fault *f)
{
	if (h->passphrase)
		return fault_set(f, FAULT_DATA,
				 "the file is encrypted with a passphrase, not to a key; encrypt it with: " KEYRING_LINE);
	return fault_set(f, FAULT_DATA,
			 "the file is encrypted to recipients of type \"%s\" only, and this takes X25519 (age1...); "
			 "encrypt it with: " KEYRING_LINE,
			 h->other_type);
}

static int open_age(struct stream *s, const struct layers_options *o, struct fault *f)
{
	unsigned char file_key[AGE_FILE_KEY];
	const struct age_header *h;
	int r;

	if (stream_age_header(s, &h, f) < 0)
		return -1;
	if (!h->x25519_count)
		return refuse_recipients(h, f);
	r = o->keys.find(o->keys.context, h, file_key, f);
	if (r == 0)
		r = stream_age_open(s, file_key, f);
	explicit_bzero(file_key, sizeof(file_key));
	return r;
}

static int take_age(struct stream **s, const struct layers_options *o, struct layers *out, struct fault *f)
{
	enum age_form form;
	char head[HEAD];
	size_t n;

	if (look_head(*s, head, &n, f) < 0)
		return -1;
	form = age_form_of((struct span){head, n});
	if (form == AGE_NOT)
		return 0;
	if (!(o->allowed & FORMAT_AGE))
		return refuse(o->allowed, "encrypted by age", f);
	CHECK(o->keys.find);
	if (form == AGE_ARMORED)
		*s = stream_armor_new(*s);
	*s = stream_age_new(*s);
	out->found |= FORMAT_AGE;
	return open_age(*s, o, f);
}

/* --- front door --- */

int layers_check(const struct layers_options *o, const struct layers *l, struct fault *f)
{
	unsigned missing = o->named & ~l->found;
	struct strbuf list = STRBUF_INIT;

	if (o->encrypted && !(l->found & FORMAT_AGE))
		return fault_set(f, FAULT_DATA,
				 "File format not allowed: this tenant's files must be encrypted, and this one is not; "
				 "encrypt it with: " KEYRING_LINE " (recipients.txt lies beside in/)");
	if (!missing)
		return 0;
	format_list(&list, missing);
	fault_set(f, FAULT_DATA,
		  "File format not allowed: the name says %s, the content is not; name the file for what it is",
		  list.p);
	strbuf_release(&list);
	return -1;
}

int layers_open(struct stream **s, const struct layers_options *o, struct layers *out,
		struct fault *f)
{
	*out = (struct layers){0};
	if (take_age(s, o, out, f) < 0)
		return -1;
	return take_codec(s, o, out, f);
}
