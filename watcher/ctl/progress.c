/*
 * progress - how far a run is, in one line; see the header
 *
 * Called by job start --wait, a few times a second.
 */
#include "watcher/base/base.h"
#include "watcher/ctl/progress.h"

#define BAR_MAX 40
#define BAR_MIN 5

static void add_grouped(struct strbuf *sb, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			strbuf_addc(sb, ',');
		strbuf_addc(sb, digits[i]);
	}
}

static void add_time(struct strbuf *sb, int64_t seconds)
{
	if (seconds >= 3600)
		strbuf_addf(sb, "  %lld:%02d:%02d left", (long long)(seconds / 3600), (int)(seconds / 60 % 60),
			    (int)(seconds % 60));
	else
		strbuf_addf(sb, "  %d:%02d left", (int)(seconds / 60), (int)(seconds % 60));
}

static void add_text(const struct progress_view *v, struct strbuf *sb)
{
	double seconds = (double)v->elapsed_ms / 1000.;

	strbuf_addf(sb, "%3.0f%%  ", v->percent);
	add_grouped(sb, v->rows);
	strbuf_adds(sb, " rows");
	if (v->elapsed_ms < 500 || !v->bytes_done)
		return;
	strbuf_addf(sb, "  %.1f MB/s", (double)v->bytes_done / seconds / 1e6);
	if (v->percent > 0.5 && v->percent < 100.)
		add_time(sb, (int64_t)(seconds * (100. - v->percent) / v->percent + 0.5));
}

void progress_line(const struct progress_view *v, unsigned width, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;
	unsigned bar, full;

	add_text(v, &text);
	bar = width > text.n + 4 ? width - (unsigned)text.n - 4 : 0;
	if (bar > BAR_MAX)
		bar = BAR_MAX;
	if (bar >= BAR_MIN) {
		full = (unsigned)(v->percent / 100. * bar + 0.5);
		strbuf_addc(out, '[');
		for (unsigned i = 0; i < bar; i++)
			strbuf_addc(out, i < full ? '#' : '.');
		strbuf_adds(out, "] ");
	}
	strbuf_add(out, text.p, !width || text.n < width ? text.n : width);
	strbuf_release(&text);
}
