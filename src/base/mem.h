/* The only door to the heap. Everything here can fail by returning NULL; mem_fail_after makes it fail on purpose (tests),
 * and mem_seal makes any allocation on the calling thread a panic, which is how "the run path allocates nothing" is kept.
 */
#ifndef NEREID_BASE_MEM_H
#define NEREID_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n);                     /* uninitialised; n may be 0 */
void *mem_zero(size_t n);                      /* zeroed */
void *mem_resize(void *p, size_t n);           /* p stays valid on failure */
void *mem_aligned(size_t align, size_t n);     /* align: a power of two, 16..4096; free with mem_free */
void mem_free(void *p);                        /* NULL is fine */
char *mem_strdup(const char *s);
/* Gives whole pages inside p..p+n-1 back to the system; their content is lost. */
void mem_discard(void *p, size_t n);
/* From now on large blocks go back to the system when freed: for a server, which else would keep
 * the largest bodies it saw. */
void mem_return_large(void);

/* n * size, or false where it overflows size_t. */
bool mem_mul(size_t n, size_t size, size_t *out);
bool mem_add(size_t a, size_t b, size_t *out);

uint64_t mem_count(void);                      /* allocations made by this thread so far */
void mem_fail_after(int64_t n);                /* the n-th allocation from now (0 = next) fails, and all after it do; -1: none. Process-wide. */
bool mem_failed(void);                         /* whether one did since mem_fail_after */
void mem_seal(void);                           /* nests */
void mem_unseal(void);

#endif
