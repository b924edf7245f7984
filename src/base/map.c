/* An open-addressing hash table from text to pointer, living in an arena.
 *
 * Linear probing, at most three quarters full, doubled into fresh arena memory; the old table
 * stays in the arena, which costs at most as much again. There is no removal because nothing that
 * uses it removes. Keys are compared in full; the hash is seeded so that names from a file cannot
 * be chosen to collide cheaply with a known seed.
 */
#include "base/map.h"

#include "base/panic.h"
#include "base/rand.h"

static uint64_t seed;

void map_init(struct map *m, struct arena *a)
{
	if (!__atomic_load_n(&seed, __ATOMIC_RELAXED)) {
		uint64_t s;
		rand_system(&s, sizeof s);
		__atomic_store_n(&seed, s | 1, __ATOMIC_RELAXED);
	}
	*m = (struct map){.arena = a};
}

static struct map_slot *find(struct map_slot *slots, uint32_t cap, struct str key)
{
	uint64_t s = __atomic_load_n(&seed, __ATOMIC_RELAXED);
	uint32_t i = (uint32_t)hash_bytes(key.p, key.n, s) & (cap - 1);
	while (slots[i].value && !str_eq(slots[i].key, key))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static bool grow(struct map *m)
{
	uint32_t cap = m->cap ? m->cap * 2 : 16;
	struct map_slot *slots = cap ? ARENA_ARRAY(m->arena, cap, struct map_slot) : 0;
	if (!slots)
		return false;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].value)
			*find(slots, cap, m->slots[i].key) = m->slots[i];
	m->slots = slots;
	m->cap = cap;
	return true;
}

bool map_put(struct map *m, struct str key, void *value)
{
	CHECK(value);
	if (m->n >= m->cap / 4 * 3 && !grow(m))
		return false;
	struct map_slot *s = find(m->slots, m->cap, key);
	m->n += !s->value;
	*s = (struct map_slot){key, value};
	return true;
}

void *map_get(const struct map *m, struct str key)
{
	return m->cap ? find(m->slots, m->cap, key)->value : 0;
}
