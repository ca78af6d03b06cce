/*
 * views_usage - what the admin API answers about usage; see views.h
 *
 * Days and months are those of UTC, as the journal's table has them.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/refusal.h"
#include "watcher/daemon/views.h"
#include "watcher/spool/usage.h"

struct period {
	char from[CLOCK_DAY], to[CLOCK_DAY];
};

/* As long as the shape, digits where it has a 0, a month from 01 to 12, a day from 01 to 31. */
static bool is_like(const char *text, const char *shape)
{
	size_t n = strlen(shape);

	if (strlen(text) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	return strncmp(text + 5, "01", 2) >= 0 && strncmp(text + 5, "12", 2) <= 0 &&
	       (n < CLOCK_DAY - 1 || (strcmp(text + 8, "01") >= 0 && strcmp(text + 8, "31") <= 0));
}

/* Days are compared as text: a month of thirty days may end on its 31st. */
static void of_month(const char *month, struct period *out)
{
	snprintf(out->from, sizeof(out->from), "%.7s-01", month);
	snprintf(out->to, sizeof(out->to), "%.7s-31", month);
}

static unsigned period_of(const struct admin_args *args, struct period *out, struct fault *f)
{
	const char *day = args->query(args, "day"), *month = args->query(args, "month");
	char today[CLOCK_DAY];

	if (day && month)
		return refusal(f, 400, "day or month, not both");
	if (day && !is_like(day, "0000-00-00"))
		return refusal(f, 400, "day must be like 2026-11-26");
	if (month && !is_like(month, "0000-00"))
		return refusal(f, 400, "month must be like 2026-11");
	if (day) {
		memcpy(out->from, day, CLOCK_DAY);
		memcpy(out->to, day, CLOCK_DAY);
		return 0;
	}
	clock_day(clock_now_ms(), today);
	of_month(month ? month : today, out);
	return 0;
}

static void add_line(void *ctx, const struct usage *u)
{
	struct strbuf *out = ctx;

	json_add_comma(out);
	strbuf_addc(out, '{');
	usage_add_json(out, u);
	strbuf_addc(out, '}');
}

unsigned views_usage(struct ingestd *d, const struct admin_args *args, struct strbuf *out, struct fault *f)
{
	const char *tenant = args->query(args, "tenant"), *total = args->query(args, "total");
	struct usage_filter filter = {.tenant = args->scope ? args->scope : tenant};
	struct period period;
	unsigned status = period_of(args, &period, f);

	if (status)
		return status;
	if (tenant && !admin_sees(args, tenant))
		return refusal_no_such(f, "tenant", tenant);
	if (total && strcmp(total, "true") != 0 && strcmp(total, "false") != 0)
		return refusal(f, 400, "total must be true or false");
	filter.total = total && strcmp(total, "true") == 0;
	filter.from = period.from;
	filter.to = period.to;
	strbuf_addc(out, '[');
	if (usage_list(d->journal, &filter, add_line, out, f) < 0) {
		fault_prefix(f, "the journal cannot answer");
		return 503;
	}
	strbuf_addc(out, ']');
	return 200;
}
