/*
 * sidecar - NAME.sha256, the checksum that its sender put beside NAME; see the header
 *
 * Called in a worker for the text, in the daemon for names only.  Allocates nothing.
 */
#include "watcher/base/base.h"
#include "watcher/model/sidecar.h"
#include <strings.h>

#define HEX (DIGEST_SIZE * 2)
#define TAG "SHA256 ("

const char *const sidecar_suffixes[SIDECAR_KINDS] = {SIDECAR_SUFFIX, MANIFEST_SUFFIX};

bool sidecar_name(const char *file, enum sidecar_kind kind, char out[256])
{
	return snprintf(out, 256, "%s%s", file, sidecar_suffixes[kind]) < 256;
}

struct span sidecar_owner(struct span name)
{
	for (size_t i = 0; i < SIDECAR_KINDS; i++) {
		size_t n = strlen(sidecar_suffixes[i]);

		if (name.n > n && strncasecmp(name.p + name.n - n, sidecar_suffixes[i], n) == 0)
			return (struct span){name.p, name.n - n};
	}
	return (struct span){name.p, 0};
}

/* One line of it: which digest, and what was written for the name. */
struct line {
	struct span hex;
	struct span name;
	bool escaped; /* \\, \n and \r stand for bytes of the name */
};

static bool cut_tagged(struct span s, struct line *out)
{
	static const char middle[] = ") = ";
	size_t tail = HEX + strlen(middle), head = strlen(TAG);

	if (s.n <= head + tail || memcmp(s.p, TAG, head) != 0 || memcmp(s.p + s.n - tail, middle, strlen(middle)) != 0)
		return false;
	out->name = (struct span){s.p + head, s.n - head - tail};
	out->hex = (struct span){s.p + s.n - HEX, HEX};
	return true;
}

static bool cut_line(struct span s, struct line *out)
{
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	out->escaped = s.n && s.p[0] == '\\';
	if (out->escaped)
		s.p++, s.n--;
	if (cut_tagged(s, out))
		return true;
	if (s.n <= HEX + 2 || s.p[HEX] != ' ' || (s.p[HEX + 1] != ' ' && s.p[HEX + 1] != '*'))
		return false;
	out->hex = (struct span){s.p, HEX};
	out->name = (struct span){s.p + HEX + 2, s.n - HEX - 2};
	return true;
}

/* The last piece of its path. */
static struct span base_of(struct span name)
{
	const char *slash = memrchr(name.p, '/', name.n);

	if (!slash)
		return name;
	return (struct span){slash + 1, (size_t)(name.p + name.n - slash - 1)};
}

static bool is_for(const struct line *l, const char *file)
{
	struct span name = base_of(l->name);
	size_t i = 0;

	for (; *file && i < name.n; file++, i++) {
		char c = name.p[i];

		if (l->escaped && c == '\\' && i + 1 < name.n) {
			c = name.p[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
		}
		if (c != *file)
			return false;
	}
	return !*file && i == name.n;
}

/* sha256sum writes small letters; --check takes both. */
static bool take_hex(struct span hex, unsigned char digest[DIGEST_SIZE])
{
	char small[HEX];

	for (size_t i = 0; i < HEX; i++)
		small[i] = hex.p[i] >= 'A' && hex.p[i] <= 'F' ? (char)(hex.p[i] + 32) : hex.p[i];
	return digest_parse_hex((struct span){small, HEX}, digest);
}

#define MEND "; write it with: sha256sum NAME > NAME" SIDECAR_SUFFIX

int sidecar_parse(struct span text, const char *file, unsigned char digest[DIGEST_SIZE], struct fault *f)
{
	unsigned char found[DIGEST_SIZE];
	size_t number = 0, count = 0;

	if (text.n > SIDECAR_MAX)
		return fault_set(f, FAULT_DATA, "%s" SIDECAR_SUFFIX " has more than %d bytes" MEND, file, SIDECAR_MAX);
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct line l;

		number++;
		if (!cut_line((struct span){text.p, n}, &l) || !take_hex(l.hex, found))
			return fault_set(f, FAULT_DATA, "%s" SIDECAR_SUFFIX ": line %zu is no line of sha256sum" MEND, file,
					 number);
		if (is_for(&l, file)) {
			memcpy(digest, found, sizeof(found));
			count++;
		}
		text.p += end ? n + 1 : n;
		text.n -= end ? n + 1 : n;
	}
	if (count != 1)
		return fault_set(f, FAULT_DATA, "%s" SIDECAR_SUFFIX " has %zu lines for %s, it must have one" MEND, file, count,
				 file);
	return 0;
}
