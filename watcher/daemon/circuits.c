/*
 * circuits - which sinks are in trouble; see the header
 *
 * Called where files begin (passes), where workers tell (passes, gate) and by its own timer.  Lives in memory only: after a restart
 * waiting files are tried again, and what is still sick opens its circuit anew.
 */
#include "watcher/base/base.h"
#include "watcher/daemon/circuits_own.h"
#include "watcher/base/clock.h"
#include "watcher/daemon/events.h"
#include "watcher/daemon/ingestd.h"
#include "watcher/daemon/tenants.h"
#include "watcher/schedule/schedule.h"

#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS 15000
#define PROBE_TRIES 3 /* of one file, before others have theirs */
#define LEFT_MS 200 /* a probe that showed nothing: the next one soon */

/* --- keys --- */

static const char *credential_of(const struct file *x)
{
	const struct profile *p = x->tenant->profile;

	return p && profile_credential(p, x->row.leg.sink) ? x->tenant->name : "platform";
}

/* As it is pinned, or as it will be unless it is an alias. */
static char *index_of(const struct file *x)
{
	struct fault f = FAULT_INIT;
	char *name = NULL;

	if (x->row.leg.index)
		return xstrdup(x->row.leg.index);
	if (x->index_pattern && index_name_at(x->index_pattern, x->row.times.claimed, &name, &f) == 0)
		return name;
	return xstrdup("");
}

static char *key_of(const struct file *x, enum fault_scope scope)
{
	char *index, *key;

	switch (scope) {
	case SCOPE_SINK:
		return xstrdup(x->row.leg.sink);
	case SCOPE_CREDENTIAL:
		return xasprintf("%s\n%s", x->row.leg.sink, credential_of(x));
	case SCOPE_INDEX:
		index = index_of(x);
		key = xasprintf("%s\n%s\n%s", x->row.leg.sink, credential_of(x), index);
		free(index);
		return key;
	case SCOPE_DISK:
	case SCOPE_FILE:
		break;
	}
	CHECK(!"a scope without a circuit");
	return NULL;
}

static struct circuit *find(struct ingestd *d, const struct file *x, enum fault_scope scope)
{
	char *key = key_of(x, scope);
	struct circuit *c = map_get(&d->circuits.by_key, span_of(key));

	free(key);
	return c;
}

static void free_circuit(struct circuit *c)
{
	free(c->key);
	free(c->sink);
	free(c->credential);
	free(c->index);
	free(c->tenant);
	free(c);
}

/* --- probes --- */

static bool probes(const struct circuit *c, const struct file *x)
{
	return strcmp(c->probe, x->row.arrival) == 0;
}

static void set_timer(struct ingestd *d)
{
	int64_t next = INT64_MAX, now = clock_mono_ms();

	for (size_t i = 0; i < map_len(&d->circuits.by_key); i++) {
		const struct circuit *c = map_value(&d->circuits.by_key, i);

		if (!c->probe[0] && c->until < next)
			next = c->until;
	}
	ev_timer_stop(d->loop, &d->circuits.timer);
	if (next == INT64_MAX)
		return;
	ev_now_update(d->loop);
	ev_timer_set(&d->circuits.timer, next > now ? (double)(next - now) / 1000. + 0.001 : 0.001, 0.);
	ev_timer_start(d->loop, &d->circuits.timer);
}

static int64_t pause_of(const struct circuit *c)
{
	int64_t ms = PAUSE_FIRST_MS;

	for (unsigned i = 1; i < c->fails && ms < PAUSE_MOST_MS; i++)
		ms *= 2;
	if (ms > PAUSE_MOST_MS)
		ms = PAUSE_MOST_MS;
	ms -= random() % (ms / 4);
	return c->fault.pause_ms > ms ? c->fault.pause_ms : ms;
}

/* --- whose words --- */

static void found_by(struct circuit *c, const struct file *x)
{
	free(c->tenant);
	c->tenant = xstrdup(x->tenant->name);
}

/* What a file is told that waits for c. */
static void tell(const struct circuit *c, const struct file *x, struct fault *f)
{
	*f = c->fault;
	if (strcmp(c->tenant, x->tenant->name) != 0)
		snprintf(f->text, sizeof(f->text), "sink %s is in trouble, as another file found; it is tried again by itself", c->sink);
}

/* --- open and closed --- */

static void say(struct ingestd *d, enum event_id id, const struct circuit *c)
{
	struct strbuf sb = STRBUF_INIT;

	log_add_pair(&sb, "sink", span_of(c->sink));
	if (c->credential)
		log_add_pair(&sb, "credential", span_of(c->credential));
	if (c->index)
		log_add_pair(&sb, "index", span_of(c->index));
	if (id == EV_SINK_SICK) {
		log_add_pair(&sb, "fault", span_of(fault_kind_name(c->fault.kind)));
		log_add_pair(&sb, "reason", span_of(c->fault.text));
	}
	event(d, id, "%s", sb.p);
	strbuf_release(&sb);
}

static struct circuit *new_circuit(struct ingestd *d, const struct file *x, enum fault_scope scope)
{
	struct circuit *c = xcalloc(1, sizeof(*c));

	c->key = key_of(x, scope);
	c->scope = scope;
	c->sink = xstrdup(x->row.leg.sink);
	if (scope != SCOPE_SINK)
		c->credential = xstrdup(credential_of(x));
	if (scope == SCOPE_INDEX)
		c->index = index_of(x);
	c->since_ms = clock_now_ms();
	map_put(&d->circuits.by_key, span_of(c->key), c);
	return c;
}

static void be_probe(struct circuit *c, const struct file *x)
{
	memcpy(c->probe, x->row.arrival, sizeof(c->probe));
}

bool circuits_probed_by(const struct ingestd *d, const struct file *x)
{
	for (size_t i = 0; i < map_len(&d->circuits.by_key); i++)
		if (probes(map_value(&d->circuits.by_key, i), x))
			return true;
	return false;
}

/* Who failed often may have a fault of its own, and would be the probe for ever; of others the one that came first. */
static bool probes_before(const struct file *a, const struct file *b)
{
	unsigned of_a = a->sink_fails / PROBE_TRIES, of_b = b->sink_fails / PROBE_TRIES;

	return of_a != of_b ? of_a < of_b : strcmp(a->row.arrival, b->row.arrival) < 0;
}

/* false: none waits. */
static bool wake_probe(struct ingestd *d, struct circuit *c)
{
	struct file *first = NULL;

	for (size_t i = 0; i < map_len(&d->files); i++) {
		struct file *x = map_value(&d->files, i);

		if (waits_for(x, c) && (!first || probes_before(x, first)))
			first = x;
	}
	if (!first)
		return false;
	be_probe(c, first);
	file_wake(d, first);
	return true;
}

static void wake_all(struct ingestd *d, const struct circuit *c)
{
	/* backwards: a file that is woken may go */
	for (size_t i = map_len(&d->files); i-- > 0 && !d->fatal;) {
		struct file *x = map_value(&d->files, i);

		if (waits_for(x, c))
			file_wake(d, x);
	}
}

/* Those that wait for room beside because of c go where they were: it is known now whether it was the sink. */
static void undoubt(struct ingestd *d, const struct circuit *c)
{
	for (size_t i = map_len(&d->files); c->stalled && i-- > 0;) {
		struct file *x = map_value(&d->files, i);

		if (!x->task || !x->task->beside || x->task->worker || strcmp(x->row.leg.sink, c->sink) != 0 ||
		    circuits_probed_by(d, x) || circuits_doubt(d, x))
			continue; /* the doubt of another circuit stays */
		schedule_remove(d->schedule, x->task);
		x->task = NULL;
		file_queue(d, x);
	}
}

static void close_circuit(struct ingestd *d, struct circuit *c)
{
	map_remove(&d->circuits.by_key, span_of(c->key));
	if (!is_suspect(c))
		say(d, EV_SINK_WELL, c);
	if (!d->stopping) {
		wake_all(d, c);
		undoubt(d, c);
	}
	free_circuit(c);
	set_timer(d);
}

void circuits_fault(struct ingestd *d, struct file *x, const struct fault *f)
{
	struct circuit *c;

	CHECK(f->scope != SCOPE_FILE && x->row.leg.sink && !x->task);
	x->sink_fails++;
	/* the wider ones let it through */
	for (int scope = SCOPE_SINK; scope < (int)f->scope; scope++) {
		c = find(d, x, (enum fault_scope)scope);
		if (c && probes(c, x))
			close_circuit(d, c);
	}
	c = find(d, x, f->scope);
	if (!c || strcmp(c->fault.text, f->text) != 0) {
		if (!c)
			c = new_circuit(d, x, f->scope);
		c->fault = *f;
		found_by(c, x);
		if (!c->fails)
			say(d, EV_SINK_SICK, c);
	}
	/* workers that began before it opened tell the same; only the probe's answer is news */
	if (!c->fails || probes(c, x)) {
		c->fails++;
		c->probe[0] = '\0';
		c->until = clock_mono_ms() + pause_of(c);
	}
	if (c->fails == 1)
		undoubt(d, c);
	circuits_left(d, x);
	free(x->circuit);
	x->circuit = xstrdup(c->key);
	file_wait(d, x, f, 0);
	set_timer(d);
}

void circuits_left(struct ingestd *d, struct file *x)
{
	bool any = false;

	x->stalled = false;
	for (size_t i = map_len(&d->circuits.by_key); i-- > 0;) {
		struct circuit *c = map_value(&d->circuits.by_key, i);

		if (!probes(c, x))
			continue;
		c->probe[0] = '\0';
		c->until = clock_mono_ms() + LEFT_MS;
		any = true;
		if (is_suspect(c))
			close_circuit(d, c);
	}
	if (any)
		set_timer(d);
}

static void suspect(struct ingestd *d, struct file *x, bool stalled)
{
	struct circuit *c = find(d, x, SCOPE_INDEX);

	if (!c) {
		c = new_circuit(d, x, SCOPE_INDEX);
		fault_set(&c->fault, FAULT_TEMPORARY, "sink %s is slow to answer; index %s is tried by arrival %s first", c->sink,
			  c->index, x->row.arrival);
		found_by(c, x);
		be_probe(c, x);
	}
	if (probes(c, x))
		c->stalled = stalled;
}

static void acquit(struct ingestd *d, const struct file *x)
{
	for (size_t i = map_len(&d->circuits.by_key); i-- > 0;) {
		struct circuit *c = map_value(&d->circuits.by_key, i);

		if (is_suspect(c) && probes(c, x))
			close_circuit(d, c);
	}
}

void circuits_stalled(struct ingestd *d, struct file *x, bool stalled)
{
	CHECK(x->task && x->row.leg.sink);
	x->stalled = stalled;
	schedule_beside(d->schedule, x->task, stalled || circuits_probed_by(d, x));
	if (stalled)
		suspect(d, x, true);
	else
		acquit(d, x);
}

bool circuits_doubt(const struct ingestd *d, const struct file *x)
{
	for (size_t i = 0; i < map_len(&d->circuits.by_key); i++) {
		const struct circuit *c = map_value(&d->circuits.by_key, i);

		if (is_suspect(c) && c->stalled && strcmp(c->sink, x->row.leg.sink) == 0)
			return true;
	}
	return false;
}

void circuits_doubted(struct ingestd *d, struct file *x)
{
	suspect(d, x, false);
}

void circuits_requeue(struct ingestd *d, struct file *x)
{
	CHECK(!x->task);
	if (circuits_doubt(d, x))
		x->task = schedule_add_beside(d->schedule, x->tenant->name, x, file_resources(x));
	else
		file_queue(d, x);
}

static void close_scope(struct ingestd *d, struct file *x, enum fault_scope scope)
{
	struct circuit *c;

	if (!map_len(&d->circuits.by_key) || !x->row.leg.sink)
		return;
	c = find(d, x, scope);
	if (c)
		close_circuit(d, c);
}

/* An alias has a circuit of its own while it is not known what it means. */
static void close_probed(struct ingestd *d, const struct file *x)
{
	for (size_t i = map_len(&d->circuits.by_key); i-- > 0;) {
		struct circuit *c = map_value(&d->circuits.by_key, i);

		if (probes(c, x))
			close_circuit(d, c);
	}
}

void circuits_reached(struct ingestd *d, struct file *x)
{
	close_scope(d, x, SCOPE_SINK);
	close_scope(d, x, SCOPE_CREDENTIAL);
}

void circuits_worked(struct ingestd *d, struct file *x)
{
	circuits_reached(d, x);
	close_scope(d, x, SCOPE_INDEX);
	close_probed(d, x);
	if (x->task && !x->stalled)
		schedule_beside(d->schedule, x->task, false);
}

/* --- begin --- */

static bool lets_through(const struct circuit *c, const struct file *x)
{
	return probes(c, x) || (!c->probe[0] && clock_mono_ms() >= c->until);
}

int circuits_admit(struct ingestd *d, struct file *x, bool *probe, struct fault *f)
{
	struct circuit *open[SCOPE_INDEX + 1] = {NULL};

	free(x->circuit);
	x->circuit = NULL;
	*probe = false;
	if (!map_len(&d->circuits.by_key))
		return 0;
	for (int scope = SCOPE_SINK; scope <= SCOPE_INDEX; scope++) {
		struct circuit *c = find(d, x, (enum fault_scope)scope);

		if (c && !lets_through(c, x)) {
			tell(c, x, f);
			x->circuit = xstrdup(c->key);
			return -1;
		}
		open[scope] = c;
	}
	for (int scope = SCOPE_SINK; scope <= SCOPE_INDEX; scope++) {
		if (!open[scope])
			continue;
		*probe = true;
		be_probe(open[scope], x);
	}
	return 0;
}

/* --- the pause is over --- */

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct ingestd *d = t->data;
	int64_t now = clock_mono_ms();

	(void)loop;
	(void)events;
	for (size_t i = map_len(&d->circuits.by_key); i-- > 0 && !d->fatal && !d->stopping;) {
		struct circuit *c = map_value(&d->circuits.by_key, i);

		if (c->probe[0] || c->until > now)
			continue;
		/* nobody waits for it any more: the next one that comes finds out */
		if (!wake_probe(d, c))
			close_circuit(d, c);
	}
	if (d->stopping || d->fatal)
		return;
	set_timer(d);
}

void circuits_start(struct ingestd *d)
{
	map_init(&d->circuits.by_key);
	ev_init(&d->circuits.timer, on_timer);
	d->circuits.timer.data = d;
}

void circuits_release(struct ingestd *d)
{
	ev_timer_stop(d->loop, &d->circuits.timer);
	for (size_t i = 0; i < map_len(&d->circuits.by_key); i++)
		free_circuit(map_value(&d->circuits.by_key, i));
	map_release(&d->circuits.by_key);
}
