/* Arenas: a list of blocks, filled in order.
 *
 * Blocks double up to a megabyte; a larger request gets a block of its own size. Reset and
 * rewind keep the blocks, so a recycled arena reaches a state in which it never calls the heap.
 * Memory handed out is zeroed at that moment, because blocks are reused. Every block's payload is
 * aligned to 64 bytes; larger alignments are padded for.
 */
#include "base/arena.h"

#include "base/mem.h"
#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>

enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20, BLOCK_ALIGN = 64 };

struct arena_block {
	struct arena_block *next;
	size_t size, used; /* of the payload, bytes */
	_Alignas(BLOCK_ALIGN) uint8_t payload[];
};

void arena_init(struct arena *a, size_t limit_bytes)
{
	memset(a, 0, sizeof *a);
	a->limit_bytes = limit_bytes;
	a->block_bytes = BLOCK_MIN;
}

void arena_release(struct arena *a)
{
	struct arena_block *b = a->first;
	while (b) {
		struct arena_block *next = b->next;
		mem_free(b);
		b = next;
	}
	arena_init(a, a->limit_bytes);
}

void arena_reset(struct arena *a)
{
	for (struct arena_block *b = a->first; b; b = b->next)
		b->used = 0;
	a->now = a->first;
	a->used_bytes = 0;
	a->sealed = false;
}

void arena_seal(struct arena *a)
{
	a->sealed = true;
}

static void *block_take(struct arena_block *b, size_t n, size_t align)
{
	uintptr_t base = (uintptr_t)b->payload, at = (base + b->used + align - 1) & ~(uintptr_t)(align - 1);
	size_t skip = at - base;
	if (skip > b->size || n > b->size - skip)
		return 0;
	b->used = skip + n;
	return (void *)at;
}

/* A block with room for n more, after the current one: a kept one if the next fits, else a new
 * one. */
static struct arena_block *block_next(struct arena *a, size_t n)
{
	struct arena_block **link = a->now ? &a->now->next : &a->first, *b = *link;
	if (b && b->size >= n)
		return b;
	size_t size = a->block_bytes > n ? a->block_bytes : n, total;
	if (!mem_add(size, sizeof *b, &total))
		return 0;
	b = mem_aligned(BLOCK_ALIGN, total);
	if (!b)
		return 0;
	b->next = *link;
	b->size = size;
	b->used = 0;
	*link = b;
	a->block_bytes = a->block_bytes < BLOCK_MAX ? a->block_bytes * 2 : BLOCK_MAX;
	return b;
}

void *arena_bytes(struct arena *a, size_t n, size_t align)
{
	size_t want;
	CHECK(!a->sealed && align && align <= 4096 && (align & (align - 1)) == 0);
	if (n > a->limit_bytes - a->used_bytes || !mem_add(n, align, &want))
		return 0;
	void *p = a->now ? block_take(a->now, n, align) : 0;
	if (!p) {
		struct arena_block *b = block_next(a, want);
		if (!b)
			return 0;
		a->now = b;
		b->used = 0;
		p = block_take(b, n, align);
		CHECK(p);
	}
	a->used_bytes += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n, size_t align)
{
	void *p = arena_bytes(a, n, align);
	return p ? memset(p, 0, n) : 0;
}

void *arena_array(struct arena *a, size_t n, size_t size, size_t align)
{
	size_t bytes;
	return mem_mul(n, size, &bytes) ? arena_alloc(a, bytes, align) : 0;
}

char *arena_text(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? arena_bytes(a, s.n + 1, 1) : 0;
	if (p && s.n)
		memcpy(p, s.p, s.n);
	if (p)
		p[s.n] = 0;
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_text(a, s);
	return (struct str){p, p ? s.n : 0};
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(0, 0, fmt, ap);
	char *p = n < 0 ? 0 : arena_alloc(a, (size_t)n + 1, 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){a->now, a->now ? a->now->used : 0, a->used_bytes};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
	CHECK(m.used_bytes <= a->used_bytes);
	a->now = m.block ? m.block : a->first;
	for (struct arena_block *b = m.block ? m.block->next : a->first; b; b = b->next)
		b->used = 0;
	if (m.block)
		m.block->used = m.block_used;
	a->used_bytes = m.used_bytes;
}

bool arena_grow(struct arena *a, void **ptr, size_t size, uint32_t n, uint32_t *cap, uint32_t limit)
{
	if (n >= limit)
		return false;
	uint32_t want = *cap ? (*cap > limit / 2 ? limit : *cap * 2) : 8;
	want = want > limit ? limit : want;
	void *p = arena_array(a, want, size, 16);
	if (!p)
		return false;
	if (n)
		memcpy(p, *ptr, (size_t)n * size);
	*ptr = p;
	*cap = want;
	return true;
}
