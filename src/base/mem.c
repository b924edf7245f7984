/* The heap, with what tests need: counting, failing on purpose, and sealing.
 *
 * Counters of the calling thread are thread-local and cost one increment. The failure countdown
 * is process-wide and atomic, so that a test can fail an allocation on any thread; while it is off
 * it is one relaxed load. A sealed thread that allocates has broken "the run path allocates
 * nothing" and panics. Memory from mem_aligned is freed by mem_free like any other.
 */
#include "base/mem.h"

#include "base/panic.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE_BYTES = 512 << 10 };

static _Thread_local uint64_t count;
static _Thread_local uint32_t seals;
static _Atomic int64_t fail_in = -1;
static atomic_bool failed;

/* Whether this allocation may go ahead. */
static bool admit(void)
{
	CHECK(seals == 0);
	count++;
	if (atomic_load_explicit(&fail_in, memory_order_relaxed) < 0)
		return true;
	if (atomic_load(&failed))
		return false;
	if (atomic_fetch_sub(&fail_in, 1) > 0)
		return true;
	atomic_store(&failed, true);
	atomic_store(&fail_in, 0);
	return false;
}

void *mem_alloc(size_t n)
{
	return admit() ? malloc(n ? n : 1) : 0;
}

void *mem_zero(size_t n)
{
	return admit() ? calloc(1, n ? n : 1) : 0;
}

void *mem_resize(void *p, size_t n)
{
	return admit() ? realloc(p, n ? n : 1) : 0;
}

void *mem_aligned(size_t align, size_t n)
{
	void *p = 0;
	CHECK(align >= 16 && align <= 4096 && (align & (align - 1)) == 0);
	if (!admit() || posix_memalign(&p, align, n ? n : 1))
		return 0;
	return p;
}

void mem_free(void *p)
{
	free(p);
}

void mem_discard(void *p, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)p;
	uintptr_t from = (at + page - 1) / page * page, to = (at + n) / page * page;
	/* that the system keeps the pages after all is no failure */
	if (to > from)
		(void)!madvise((void *)from, to - from, MADV_DONTNEED);
}

void mem_return_large(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}

char *mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = mem_alloc(n);
	return p ? memcpy(p, s, n) : 0;
}

bool mem_mul(size_t n, size_t size, size_t *out)
{
	return !__builtin_mul_overflow(n, size, out);
}

bool mem_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

uint64_t mem_count(void)
{
	return count;
}

void mem_fail_after(int64_t n)
{
	atomic_store(&failed, false);
	atomic_store(&fail_in, n < 0 ? -1 : n);
}

bool mem_failed(void)
{
	return atomic_load(&failed);
}

void mem_seal(void)
{
	seals++;
}

void mem_unseal(void)
{
	CHECK(seals > 0);
	seals--;
}
