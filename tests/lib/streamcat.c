/*
 * streamcat - the bytes of a file behind its layers; a second opinion for tests
 *
 *	streamcat [-i IDENTITY] [-o MAX_OUTPUT] [-k OFFSET] [-l] [-n] [-K] LAYER... FILE
 *
 * LAYER: armor, age, gzip, zstd, xz, from the file up.  -k begins at a decoded offset, -l reads by looks, -n prints nothing
 * (tests/bench/layers.py), -K prints the file key in hex on standard error, for a test that looks for it where it must not be.
 * Exit 1 with the fault's sentence on standard error; 4 when no stanza of the age header is for the identity.
 */
#include "watcher/base/base.h"
#include "watcher/base/age_key.h"
#include "watcher/base/fsutil.h"
#include "watcher/decode/stream_age.h"
#include "watcher/decode/stream_armor.h"
#include "watcher/decode/stream_codec.h"
#include <fcntl.h>
#include <unistd.h>

#define NO_MATCH 4

static unsigned char secret[AGE_KEY];
static struct decompressor_limits limits = {UINT64_C(64) << 30, 250, 64 << 20};
static uint64_t skip;
static bool silent, show_key;

static int open_age(struct stream *s, struct fault *f)
{
	const struct age_header *h;
	unsigned char file_key[AGE_FILE_KEY];
	int r;

	if (stream_age_header(s, &h, f) < 0)
		return -1;
	for (size_t i = 0; i < h->x25519_count; i++) {
		r = age_unwrap(secret, h->x25519[i].share, h->x25519[i].body, file_key);
		if (r < 0)
			return fault_set(f, FAULT_DATA, "age header: a share of low order");
		for (size_t k = 0; r == 1 && show_key && k < AGE_FILE_KEY; k++)
			fprintf(stderr, "%02x", file_key[k]);
		if (r == 1)
			return stream_age_open(s, file_key, f);
	}
	fprintf(stderr, "no stanza is for this identity; %zu of other types, the first %s\n",
		h->other_count, h->other_type);
	exit(NO_MATCH);
}

static int add_layer(const char *name, struct stream **s, struct fault *f)
{
	if (strcmp(name, "armor") == 0) {
		*s = stream_armor_new(*s);
	} else if (strcmp(name, "age") == 0) {
		*s = stream_age_new(*s);
		return open_age(*s, f);
	} else {
		const struct codec *c = strcmp(name, "gzip") == 0   ? &codec_gzip
					: strcmp(name, "zstd") == 0 ? &codec_zstd
								    : &codec_xz;

		*s = stream_codec_new(c, &limits, *s);
	}
	return 0;
}

static int copy(struct stream *s, bool by_looks, struct fault *f)
{
	static char buf[65536];
	uint64_t at = skip;
	/* to print: a size that no chunk's border is a multiple of */
	size_t n = silent ? sizeof(buf) : 10007, got;

	do {
		int r = by_looks ? stream_look(s, at, buf, n, &got, f)
				 : stream_read(s, buf, n, &got, f);

		if (r < 0 || (!silent && fs_write_all(STDOUT_FILENO, buf, got, f) < 0))
			return -1;
		at += got;
	} while (got > 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct fault f = FAULT_INIT;
	struct stream *s;
	bool looks = false;
	int c, fd, r = 0;

	while ((c = getopt(argc, argv, "i:o:k:lnK")) != -1) {
		if (c == 'i' && age_identity_parse(span_of(optarg), secret) < 0)
			return 2;
		if (c == 'o')
			limits.max_output = strtoull(optarg, NULL, 10);
		if (c == 'k')
			skip = strtoull(optarg, NULL, 10);
		looks = looks || c == 'l';
		silent = silent || c == 'n';
		show_key = show_key || c == 'K';
	}
	fd = open(argv[argc - 1], O_RDONLY);
	if (fd < 0)
		return 2;
	s = stream_file_new(fd, 0);
	for (int i = optind; i < argc - 1 && r == 0; i++)
		r = add_layer(argv[i], &s, &f);
	if (r == 0 && skip && !looks)
		r = stream_skip(s, skip, &f);
	if (r == 0)
		r = copy(s, looks, &f);
	stream_free(&s);
	close(fd);
	if (r < 0)
		fprintf(stderr, "%s\n", f.text);
	return r < 0;
}
