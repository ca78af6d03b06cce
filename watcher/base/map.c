/*
 * map - byte strings to pointers; see the header
 *
 * Open addressing over indexes into a dense array of entries.  SipHash-1-3 with a random key: names come from tenants.
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF".
 */
#include "watcher/base/map.h"
#include <endian.h>
#include <sys/random.h>

static uint64_t seed[2];
static bool seeded;

static inline uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void take_seed(void)
{
	CHECK(getrandom(seed, sizeof(seed), 0) == (ssize_t)sizeof(seed));
	seeded = true;
}

uint64_t map_hash(struct span s)
{
	uint64_t v[4], m;
	size_t left = s.n;
	const char *p = s.p;

	if (!seeded)
		take_seed();
	v[0] = seed[0] ^ 0x736f6d6570736575u;
	v[1] = seed[1] ^ 0x646f72616e646f6du;
	v[2] = seed[0] ^ 0x6c7967656e657261u;
	v[3] = seed[1] ^ 0x7465646279746573u;
	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		m = le64toh(m);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	m = (uint64_t)s.n << 56;
	for (size_t i = 0; i < left; i++)
		m |= (uint64_t)(unsigned char)p[i] << (8 * i);
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m)
{
	memset(m, 0, sizeof(*m));
}

void map_release(struct map *m)
{
	for (size_t i = 0; i < m->len; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->slots);
	map_init(m);
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t find_slot(const struct map *m, struct span key, uint64_t hash)
{
	size_t mask = m->slot_count - 1;
	size_t i = (size_t)hash & mask;

	for (; m->slots[i]; i = (i + 1) & mask) {
		const struct map_entry *e = &m->entries[m->slots[i] - 1];

		if (e->hash == hash && e->key_len == key.n &&
		    (key.n == 0 || memcmp(e->key, key.p, key.n) == 0))
			break;
	}
	return i;
}

static void rebuild(struct map *m, size_t slot_count)
{
	size_t mask = slot_count - 1;

	free(m->slots);
	m->slots = xcalloc(slot_count, sizeof(*m->slots));
	m->slot_count = slot_count;
	for (size_t e = 0; e < m->len; e++) {
		size_t i = (size_t)m->entries[e].hash & mask;

		while (m->slots[i])
			i = (i + 1) & mask;
		m->slots[i] = (uint32_t)(e + 1);
	}
}

static void grow(struct map *m)
{
	CHECK(m->len < UINT32_MAX / 4);
	if (m->len == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->entries = xrealloc(m->entries, m->cap * sizeof(*m->entries));
	}
	if ((m->len + 1) * 4 > m->slot_count * 3)
		rebuild(m, m->slot_count ? m->slot_count * 2 : 16);
}

void *map_put(struct map *m, struct span key, void *value)
{
	uint64_t hash = map_hash(key);
	size_t i;

	CHECK(value != NULL);
	grow(m);
	i = find_slot(m, key, hash);
	if (m->slots[i]) {
		struct map_entry *e = &m->entries[m->slots[i] - 1];
		void *old = e->value;

		e->value = value;
		return old;
	}
	m->entries[m->len++] = (struct map_entry){
		.key = xstrndup(key.p, key.n), .key_len = key.n, .hash = hash, .value = value};
	m->slots[i] = (uint32_t)m->len;
	return NULL;
}

void *map_get(const struct map *m, struct span key)
{
	size_t i;

	if (!m->len)
		return NULL;
	i = find_slot(m, key, map_hash(key));
	return m->slots[i] ? m->entries[m->slots[i] - 1].value : NULL;
}

/* Closes the gap that a removed slot leaves in the probe chain behind it. */
static void close_gap(struct map *m, size_t gap)
{
	size_t mask = m->slot_count - 1;

	for (size_t i = (gap + 1) & mask; m->slots[i]; i = (i + 1) & mask) {
		size_t home = (size_t)m->entries[m->slots[i] - 1].hash & mask;

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		m->slots[gap] = m->slots[i];
		m->slots[i] = 0;
		gap = i;
	}
}

void *map_remove(struct map *m, struct span key)
{
	size_t i, e, last;
	void *value;

	if (!m->len)
		return NULL;
	i = find_slot(m, key, map_hash(key));
	if (!m->slots[i])
		return NULL;
	e = m->slots[i] - 1;
	value = m->entries[e].value;
	m->slots[i] = 0;
	close_gap(m, i);
	free(m->entries[e].key);
	last = --m->len;
	if (e != last) {
		struct map_entry moved = m->entries[last];
		size_t mask = m->slot_count - 1;
		size_t s = (size_t)moved.hash & mask;

		while (m->slots[s] != last + 1)
			s = (s + 1) & mask;
		m->slots[s] = (uint32_t)(e + 1);
		m->entries[e] = moved;
	}
	return value;
}

size_t map_len(const struct map *m)
{
	return m->len;
}

struct span map_key(const struct map *m, size_t i)
{
	CHECK(i < m->len);
	return (struct span){m->entries[i].key, m->entries[i].key_len};
}

void *map_value(const struct map *m, size_t i)
{
	CHECK(i < m->len);
	return m->entries[i].value;
}
