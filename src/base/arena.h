/* A region of memory freed as a whole. One arena a phase or a request; nobody frees inside it. Owned by one thread.
 * arena_reset keeps the blocks for the next use, so a recycled request arena allocates nothing in steady state. */
#ifndef NEREID_BASE_ARENA_H
#define NEREID_BASE_ARENA_H

#include "base/span.h"
#include "base/status.h"

struct arena_block;
struct arena {
	struct arena_block *first, *now;
	size_t used_bytes;
	size_t limit_bytes;   /* arena_alloc past it fails; there is no unlimited arena */
	size_t block_bytes;   /* size of the next block */
	bool sealed;          /* arena_seal: an allocation is a panic */
};

void arena_init(struct arena *a, size_t limit_bytes);   /* allocates nothing */
void arena_release(struct arena *a);                    /* frees all; a may be initialised again */
void arena_reset(struct arena *a);                      /* forgets all, keeps the blocks; unseals */
void arena_seal(struct arena *a);
/* Zeroed, aligned to `align` (a power of two up to 4096). NULL at the limit or out of memory. */
void *arena_alloc(struct arena *a, size_t n, size_t align) MUST_CHECK;
/* The same, not zeroed: for what is written whole. */
void *arena_bytes(struct arena *a, size_t n, size_t align) MUST_CHECK;
void *arena_array(struct arena *a, size_t count, size_t size, size_t align) MUST_CHECK;  /* overflow-checked */
char *arena_text(struct arena *a, struct str s) MUST_CHECK;                              /* a copy with NUL */
struct str arena_str(struct arena *a, struct str s);                                     /* a copy; .p NULL on failure */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(a, count, type) ((type *)arena_array((a), (count), sizeof(type), _Alignof(type)))
/* A position to fall back to: arena_rewind(a, arena_mark(a)) frees what came between for reuse. */
struct arena_mark { struct arena_block *block; size_t block_used, used_bytes; };
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

/* Growing array in an arena: makes room for one more, doubling; false at limit or out of memory.
 *   struct x *xs = 0; uint32_t n = 0, cap = 0;
 *   if (!ARENA_GROW(a, xs, n, cap, LIMIT)) ...; xs[n++] = x; */
#define ARENA_GROW(a, ptr, n, cap, limit) \
	((n) < (cap) || arena_grow((a), (void **)&(ptr), sizeof *(ptr), (n), &(cap), (limit)))
bool arena_grow(struct arena *a, void **ptr, size_t size, uint32_t n, uint32_t *cap, uint32_t limit) MUST_CHECK;

#endif
