/*
 * cut - the automaton that finds record ends, and what happens when there is none
 *
 * Called by parser.c.  A record is searched within max_row_bytes; when none ends there, either a
 * quote is open (the line is given up and the scan begins anew at the next line) or the row is too
 * long (it is skipped).
 *
 * Frontier: giving up a line at a time would read max_row_bytes again for each of them, and a
 * hostile file has such a quote on every line.  But a scan that is inside quotes at a line end
 * before the point an earlier scan reached is in the same state as that one was there (the earlier
 * scan was inside quotes at every line end, or it would have ended), so it goes on from that point,
 * the frontier, and no byte beyond the first line is read twice.
 *
 * Owns the window.  Can fail only as the source does.
 */
#include "watcher/base/base.h"
#include "watcher/parse/cut.h"

#define NO_EOL UINT64_MAX
#define LINE_END_MAX 2 /* CR LF */

void cutter_init(struct cutter *c, const struct parser_options *o,
		 const struct parser_source *source, uint64_t offset, char eol)
{
	*c = (struct cutter){.eol = eol, .quotes = o->format == PARSER_CSV, .next = offset};
	c->max_row = o->max_row_bytes;
	window_init(&c->window, source, offset, o->window ? o->window : PARSER_WINDOW,
		    o->max_row_bytes + LINE_END_MAX);
	c->head = xmalloc(PARSER_RAW_CUT);
}

void cutter_release(struct cutter *c)
{
	window_release(&c->window);
	free(c->head);
	c->head = NULL;
}

/* The next `byte` in [pos, end), or end. */
static uint64_t find(struct cutter *c, struct finder *fi, char byte, uint64_t end)
{
	uint64_t from = fi->searched > c->pos ? fi->searched : c->pos;
	const char *hit;

	if (fi->found && fi->at >= c->pos)
		return fi->at < end ? fi->at : end;
	if (from >= end)
		return end;
	hit = memchr(window_at(&c->window, from), byte, (size_t)(end - from));
	fi->found = hit != NULL;
	if (!hit) {
		fi->searched = end;
		return end;
	}
	fi->at = from + (uint64_t)(hit - window_at(&c->window, from));
	fi->searched = fi->at + 1;
	return fi->at;
}

/* The scan goes back to `at`: what was found beyond says nothing about what lies between. */
static void forget_found(struct cutter *c)
{
	c->eols = (struct finder){0};
	c->quote_marks = (struct finder){0};
}

/*
 * In an unquoted part: true when the record ends at pos; else pos moves behind the next quote, or
 * to end.
 */
static bool scan_plain(struct cutter *c, uint64_t end)
{
	uint64_t eol = find(c, &c->eols, c->eol, end);
	uint64_t quote = c->quotes ? find(c, &c->quote_marks, '"', end) : end;

	if (quote >= eol && eol < end) {
		c->pos = eol;
		return true;
	}
	if (quote > c->pos)
		c->state = *window_at(&c->window, quote - 1) == ',' ? CUT_AT_FIELD : CUT_IN_PLAIN;
	c->pos = quote;
	if (quote == end)
		return false;
	if (c->state == CUT_AT_FIELD) {
		c->state = CUT_IN_QUOTED;
		c->quote_at = quote;
		c->quote_eol = NO_EOL;
	}
	c->pos++;
	return false;
}

static void scan_quoted(struct cutter *c, uint64_t end)
{
	uint64_t quote = find(c, &c->quote_marks, '"', end);

	if (c->quote_eol == NO_EOL) {
		uint64_t eol = find(c, &c->eols, c->eol, quote);

		if (eol < quote)
			c->quote_eol = eol;
		if (eol < quote && c->first_eol == NO_EOL)
			c->first_eol = eol;
		if (eol < quote && eol < c->frontier) {
			CHECK(c->frontier <= end);
			c->pos = c->frontier;
			c->state = c->frontier_state;
			return;
		}
	}
	c->pos = quote;
	if (quote == end)
		return;
	c->state = CUT_AT_QUOTE;
	c->pos++;
}

static bool scan_after_quote(struct cutter *c)
{
	char byte = *window_at(&c->window, c->pos);

	if (byte == c->eol)
		return true;
	if (byte == '"')
		c->state = CUT_IN_QUOTED;
	else
		c->state = byte == ',' ? CUT_AT_FIELD : CUT_IN_PLAIN;
	c->pos++;
	return false;
}

/* One step from pos towards end; true when a record's line end stands at pos. */
static bool scan_step(struct cutter *c, uint64_t end)
{
	switch (c->state) {
	case CUT_AT_FIELD:
	case CUT_IN_PLAIN:
		return scan_plain(c, end);
	case CUT_IN_QUOTED:
		scan_quoted(c, end);
		return false;
	case CUT_AT_QUOTE:
		return scan_after_quote(c);
	}
	CHECK(!"a state of the automaton");
	return false;
}

static bool scan(struct cutter *c, uint64_t end)
{
	while (c->pos < end)
		if (scan_step(c, end))
			return true;
	return false;
}

static uint64_t count_eols(const struct cutter *c, uint64_t from, uint64_t to)
{
	const char *p = window_at(&c->window, from);
	const char *end = p + (to - from);
	uint64_t count = 0;

	while (p < end && (p = memchr(p, c->eol, (size_t)(end - p))) != NULL) {
		count++;
		p++;
	}
	return count;
}

/* The bytes [from, to) without the CR of a CRLF. */
static uint64_t without_cr(const struct cutter *c, uint64_t from, uint64_t to)
{
	if (c->eol == '\n' && to > from && *window_at(&c->window, to - 1) == '\r')
		return to - 1;
	return to;
}

/* The record [next, at), its line end at `at`, or none there when the file ends at `at`. */
static void end_record(struct cutter *c, uint64_t at, bool ended, struct cut *out)
{
	uint64_t from = c->next;
	uint64_t to = ended ? without_cr(c, from, at) : at;

	out->length = to - from;
	out->kind = out->length > c->max_row ? CUT_OVERLONG : CUT_RECORD;
	out->raw = (struct span){window_at(&c->window, from), (size_t)out->length};
	if (out->kind == CUT_OVERLONG && out->raw.n > PARSER_RAW_CUT) {
		out->raw.n = PARSER_RAW_CUT;
		out->raw_cut = true;
	}
	out->lines = (c->first_eol == NO_EOL ? 0 : count_eols(c, from, at)) + (ended ? 1 : 0);
	out->next_offset = at + (ended ? 1 : 0);
}

/* Keeps the first bytes of a row that is about to be dropped. */
static void keep_head(struct cutter *c, struct cut *out)
{
	size_t n = c->max_row < PARSER_RAW_CUT ? (size_t)c->max_row : PARSER_RAW_CUT;

	memcpy(c->head, window_at(&c->window, c->next), n);
	out->raw = (struct span){c->head, n};
	out->raw_cut = true;
}

/*
 * Forgets what lies before keep, but for one byte: it may be the CR of a line end.  Counts the
 * lines that go.
 */
static void drop(struct cutter *c, struct cut *out, uint64_t keep)
{
	uint64_t from = c->window.offset;

	if (keep <= from + 1)
		return;
	out->lines += count_eols(c, from, keep - 1);
	window_drop(&c->window, keep - 1);
}

/* A row whose beginning may be dropped already ends at `at`, a line end or the end of the file. */
static void end_skip(struct cutter *c, uint64_t at, bool ended, struct cut *out)
{
	uint64_t from = c->window.offset;

	out->length = (ended ? without_cr(c, from, at) : at) - c->next;
	out->lines += count_eols(c, from, at) + (ended ? 1 : 0);
	out->next_offset = at + (ended ? 1 : 0);
}

/* Reads on from pos to the end of the physical line. */
static int skip_line(struct cutter *c, struct cut *out, struct fault *f)
{
	for (;;) {
		uint64_t end = window_end(&c->window);
		uint64_t eol = find(c, &c->eols, c->eol, end);

		if (eol < end || c->window.eof) {
			end_skip(c, eol, eol < end, out);
			return 0;
		}
		c->pos = end;
		drop(c, out, end);
		if (window_more(&c->window, f) < 0)
			return -1;
	}
}

/*
 * Steps to end; false: a quote has been open for max_row bytes.  *ended: the row's line end stands
 * at pos.
 */
static bool skip_scan(struct cutter *c, uint64_t end, bool *ended)
{
	*ended = false;
	while (c->pos < end && !*ended) {
		uint64_t stop = end;

		if (c->state == CUT_IN_QUOTED && end - c->quote_at > c->max_row)
			stop = c->quote_at + c->max_row;
		if (c->pos >= stop)
			return false;
		*ended = scan_step(c, stop);
	}
	return true;
}

/*
 * A row over max_row_bytes with no quote open at that point: on to its end, nothing kept.  A quote
 * that is opened on the way and not closed within max_row_bytes would swallow the file: then the
 * row ends at the first line end behind that quote, and only the bytes from there on are held
 * meanwhile.
 */
static int skip_row(struct cutter *c, struct cut *out, struct fault *f)
{
	for (;;) {
		uint64_t end = window_end(&c->window);
		bool ended;
		bool closes = skip_scan(c, end, &ended);
		bool quoted = c->state == CUT_IN_QUOTED;
		bool hold = (quoted || c->state == CUT_AT_QUOTE) && c->quote_eol != NO_EOL;

		if (ended || (closes && !quoted && c->window.eof)) {
			end_skip(c, c->pos, ended, out);
			return 0;
		}
		if (!closes || (quoted && c->window.eof)) {
			if (c->quote_eol == NO_EOL)
				return skip_line(c, out, f);
			end_skip(c, c->quote_eol, true, out);
			forget_found(c);
			return 0;
		}
		drop(c, out, hold ? c->quote_eol : end);
		if (window_more(&c->window, f) < 0)
			return -1;
	}
}

/*
 * A quote is open where the scan had to stop: the first line is bad, and the next one begins a
 * record.
 */
static int give_up_line(struct cutter *c, bool at_eof, struct cut *out, struct fault *f)
{
	out->kind = CUT_UNCLOSED;
	c->frontier = c->pos;
	c->frontier_state = c->state;
	if (c->first_eol != NO_EOL) {
		out->length = without_cr(c, c->next, c->first_eol) - c->next;
		out->raw = (struct span){window_at(&c->window, c->next), (size_t)out->length};
		out->lines = 1;
		out->next_offset = c->first_eol + 1;
		forget_found(c);
		return 0;
	}
	if (at_eof) {
		out->length = c->pos - c->next;
		out->raw = (struct span){window_at(&c->window, c->next), (size_t)out->length};
		out->next_offset = c->pos;
		return 0;
	}
	keep_head(c, out);
	return skip_line(c, out, f);
}

/* No record end within max_row_bytes. */
static int over_limit(struct cutter *c, struct cut *out, struct fault *f)
{
	if (c->state == CUT_IN_QUOTED || c->state == CUT_AT_QUOTE)
		return give_up_line(c, false, out, f);
	out->kind = CUT_OVERLONG;
	keep_head(c, out);
	return c->quotes ? skip_row(c, out, f) : skip_line(c, out, f);
}

static int at_end(struct cutter *c, struct cut *out, struct fault *f)
{
	if (c->pos == c->next) {
		out->kind = CUT_END;
		return 0;
	}
	if (c->state == CUT_IN_QUOTED)
		return give_up_line(c, true, out, f);
	end_record(c, c->pos, false, out);
	return 0;
}

static int cut_one(struct cutter *c, struct cut *out, struct fault *f)
{
	for (;;) {
		uint64_t limit = c->next + c->max_row + LINE_END_MAX;
		uint64_t end = window_end(&c->window);
		bool full = end >= limit;

		if (scan(c, full ? limit : end)) {
			end_record(c, c->pos, true, out);
			return 0;
		}
		if (full)
			return over_limit(c, out, f);
		if (c->window.eof)
			return at_end(c, out, f);
		if (window_more(&c->window, f) < 0)
			return -1;
	}
}

struct span cutter_peek(struct cutter *c)
{
	uint64_t held, most = c->max_row + LINE_END_MAX;

	window_drop(&c->window, c->next);
	held = window_end(&c->window) - c->next;
	return (struct span){window_at(&c->window, c->next), (size_t)(held < most ? held : most)};
}

void cutter_pass(struct cutter *c, size_t n)
{
	c->next += n;
}

int cutter_next(struct cutter *c, struct cut *out, struct fault *f)
{
	window_drop(&c->window, c->next);
	c->pos = c->next;
	c->state = c->quotes ? CUT_AT_FIELD : CUT_IN_PLAIN;
	c->quote_at = 0;
	c->quote_eol = NO_EOL;
	c->first_eol = NO_EOL;
	*out = (struct cut){.offset = c->next, .next_offset = c->next};
	if (cut_one(c, out, f) < 0)
		return -1;
	c->next = out->next_offset;
	return 0;
}
