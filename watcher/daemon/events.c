/*
 * events - what ingestd writes into its logs; see the header
 */
#include "watcher/base/base.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/file.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"

static const struct {
	const char *name;
	enum log_level level;
} table[] = {
#define EVENT(id, name, level, sentence) [EV_##id] = {name, LOG_LEVEL_##level},
#include "watcher/daemon/events.def"
#undef EVENT
};

static void write_line(struct ingestd *d, struct log *log, enum event_id id, const struct strbuf *sb)
{
	CHECK((size_t)id < ARRAY_LEN(table));
	if (table[id].level == LOG_LEVEL_DEBUG && !d->options.debug)
		return;
	log_event(log, table[id].level, table[id].name, "%s", sb->p);
}

void event(struct ingestd *d, enum event_id id, const char *fmt, ...)
{
	struct strbuf sb = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	write_line(d, d->log, id, &sb);
	strbuf_release(&sb);
}

void event_text(struct ingestd *d, enum event_id id, const char *key, const char *text)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, key, span_of(text));
	write_line(d, d->log, id, &sb);
	strbuf_release(&sb);
}

static void add_pairs(struct strbuf *sb, const char *fmt, va_list ap)
{
	size_t before = sb->n;

	if (before)
		strbuf_addc(sb, ' ');
	strbuf_vaddf(sb, fmt, ap);
	if (before && sb->n == before + 1)
		strbuf_cut(sb, before);
}

/* The tenant's log says whose it is by its context; in ingestd.log the line says it. */
static struct log *log_of(struct ingestd *d, struct tenant *t, struct strbuf *sb)
{
	if (t && t->log && log_ready(t->log))
		return t->log;
	if (t)
		log_add_pair(sb, "tenant", span_of(t->name));
	return d->log;
}

void event_tenant(struct ingestd *d, struct tenant *t, enum event_id id, const char *fmt, ...)
{
	struct strbuf sb = STRBUF_INIT;
	struct log *log = log_of(d, t, &sb);
	va_list ap;

	va_start(ap, fmt);
	add_pairs(&sb, fmt, ap);
	va_end(ap);
	write_line(d, log, id, &sb);
	strbuf_release(&sb);
}

void event_file(struct ingestd *d, enum event_id id, struct file *x, const char *fmt, ...)
{
	struct strbuf sb = STRBUF_INIT;
	struct log *log = log_of(d, x->tenant, &sb);
	va_list ap;

	if (x->row.job)
		log_add_pair(&sb, "job", span_of(x->row.job));
	log_add_pair(&sb, "file", span_of(x->row.file));
	log_add_pair(&sb, "id", span_of(x->row.arrival));
	va_start(ap, fmt);
	add_pairs(&sb, fmt, ap);
	va_end(ap);
	write_line(d, log, id, &sb);
	strbuf_release(&sb);
}
