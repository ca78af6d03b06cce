/*
 * circuits_view - what `status` says of the circuits; see circuits.h
 *
 * Called by views and by the end of --once.  Nothing here opens or closes one.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/circuits_own.h"
#include "watcher/base/json_out.h"
#include "watcher/daemon/ingestd.h"

bool circuits_any(const struct ingestd *d)
{
	for (size_t i = 0; i < map_len(&d->circuits.by_key); i++)
		if (!is_suspect(map_value(&d->circuits.by_key, i)))
			return true;
	return false;
}

static size_t count_waiting(struct ingestd *d, const struct circuit *c)
{
	size_t n = 0;

	for (size_t i = 0; i < map_len(&d->files); i++)
		n += waits_for(map_value(&d->files, i), c);
	return n;
}

static void add_row(struct ingestd *d, const struct sink_config *s, const struct circuit *c, struct strbuf *out)
{
	json_add_comma(out);
	strbuf_addc(out, '{');
	json_pair_string(out, "sink", s->name);
	json_pair_string(out, "type", sink_type_name(s->type));
	json_pair_string(out, "state", !c ? "ok" : c->probe[0] ? "half-open" : "open");
	json_pair_string(out, "credential", c ? c->credential : NULL);
	json_pair_string(out, "index", c ? c->index : NULL);
	json_pair_time(out, "since", c ? c->since_ms : 0);
	json_pair_u64(out, "waiting", c ? count_waiting(d, c) : 0);
	json_pair_string(out, "fault", c ? fault_kind_name(c->fault.kind) : NULL);
	json_pair_string(out, "reason", c ? c->fault.text : NULL);
	strbuf_addc(out, '}');
}

void circuits_add_json(struct ingestd *d, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t i = 0; i < d->config->sink_count; i++) {
		const struct sink_config *s = &d->config->sinks[i];
		bool any = false;

		for (size_t k = 0; k < map_len(&d->circuits.by_key); k++) {
			const struct circuit *c = map_value(&d->circuits.by_key, k);

			if (strcmp(c->sink, s->name) != 0 || is_suspect(c))
				continue;
			add_row(d, s, c, out);
			any = true;
		}
		if (!any)
			add_row(d, s, NULL, out);
	}
	strbuf_addc(out, ']');
}
