/*
 * document_id - digits, nothing else
 *
 * Called by every sink for every document; some nanoseconds, no allocation, cannot fail.
 */
#include "watcher/base/base.h"
#include "watcher/sink/document_id.h"

size_t document_id(const char *delivery, uint64_t row, unsigned part, char out[DOCUMENT_ID_TEXT])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	char reversed[16];
	size_t n = strlen(delivery), d = 0;

	CHECK(n <= 20 && row > 0);
	memcpy(out, delivery, n);
	out[n++] = '-';
	do {
		reversed[d++] = digits[row % 36];
		row /= 36;
	} while (row > 0);
	while (d > 0)
		out[n++] = reversed[--d];
	out[n] = '\0';
	if (part > 0)
		n += (size_t)snprintf(out + n, DOCUMENT_ID_TEXT - n, ".%u", part);
	return n;
}

/* The number behind the dash one up; false: it takes a digit more. */
static bool count_up(struct document_ids *ids)
{
	char *p = ids->text + ids->n - 1;

	for (; *p != '-'; p--) {
		if (*p != 'z') {
			*p = *p == '9' ? 'a' : (char)(*p + 1);
			return true;
		}
		*p = '0';
	}
	return false;
}

struct span document_ids_at(struct document_ids *ids, const char *delivery, uint64_t row, unsigned part)
{
	bool next = ids->row > 0 && row == ids->row + 1 && part == 0 && ids->part == 0;

	if (!next || !count_up(ids))
		ids->n = document_id(delivery, row, part, ids->text);
	ids->row = row;
	ids->part = part;
	return (struct span){ids->text, ids->n};
}
