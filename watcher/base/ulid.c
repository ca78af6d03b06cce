/*
 * ulid - ascending random ids; see the header
 */
#include "watcher/base/ulid.h"
#include <sys/random.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Within one millisecond the 80 random bits count up, so ids of one process ascend. */
static void next_random(int64_t now_ms, unsigned char bits[10])
{
	static unsigned char last[10];
	static int64_t last_ms = -1;
	int i = 9;

	if (now_ms == last_ms) {
		while (i >= 0 && ++last[i] == 0)
			i--;
	} else {
		CHECK(getrandom(last, sizeof(last), 0) == (ssize_t)sizeof(last));
		last[0] &= 0x7f; /* room to count */
		last_ms = now_ms;
	}
	memcpy(bits, last, sizeof(last));
}

void ulid_make(int64_t now_ms, char out[ULID_TEXT])
{
	static int64_t latest;
	unsigned char bytes[16];

	/* a clock that was set back must not order later ids before earlier ones */
	if (now_ms < latest)
		now_ms = latest;
	latest = now_ms;
	for (int i = 0; i < 6; i++)
		bytes[i] = (unsigned char)((uint64_t)now_ms >> (8 * (5 - i)));
	next_random(now_ms, bytes + 6);
	for (int i = 0; i < 26; i++) {
		/* 130 bits: two zero bits lead */
		int bit = i * 5 - 2;
		unsigned v = 0;

		for (int b = bit; b < bit + 5; b++) {
			v <<= 1;
			if (b >= 0)
				v |= (unsigned)(bytes[b / 8] >> (7 - b % 8)) & 1;
		}
		out[i] = alphabet[v];
	}
	out[26] = '\0';
}

bool ulid_valid(struct span s)
{
	if (s.n != 26 || s.p[0] > '7')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(alphabet, s.p[i]))
			return false;
	return true;
}
