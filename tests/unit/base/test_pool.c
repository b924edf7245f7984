/* The pool: each task once, effects visible after the loop, over thousands of loops;
 * limits and failures. */
#include "unit/test.h"

#include "base/mem.h"
#include "base/pool.h"
#include "unit/base/dies.h"

#include <stdatomic.h>

enum { TASKS_MAX = 64 };
struct job {
	uint32_t done[TASKS_MAX], threads;
	atomic_uint wrong;
	uint64_t inside[POOL_THREADS_MAX];
};

/* Plain memory on purpose: ThreadSanitizer sees when loops are not ordered. */
static void mark(void *ctx, uint32_t task, uint32_t thread)
{
	struct job *j = ctx;
	j->done[task]++;
	if (thread >= j->threads)
		atomic_fetch_add(&j->wrong, 1);
	else
		j->inside[thread]++;
}

TEST_SLOW(many_loops, 30)
{
	static const uint32_t sizes[] = {1, 2, 3, 8};
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		struct pool *p = 0;
		struct job j = {.threads = sizes[s]};
		uint32_t want[TASKS_MAX] = {0};
		uint64_t total = 0, ran = 0;
		ASSERT_GOOD(pool_new(sizes[s], &p));
		assert_int_equal(pool_threads(p), sizes[s]);
		uint64_t before = mem_count();
		for (uint32_t loop = 0; loop < 3000; loop++) {
			uint32_t n = loop * 7 % (TASKS_MAX + 1);
			pool_run(p, n, mark, &j);
			for (uint32_t i = 0; i < n; i++)
				want[i]++;
			total += n;
			assert_memory_equal(j.done, want, sizeof want);
		}
		assert_int_equal(mem_count(), before);
		assert_int_equal(j.wrong, 0);
		pool_free(p);
		for (uint32_t i = 0; i < sizes[s]; i++)
			ran += j.inside[i];
		assert_int_equal(ran, total);
	}
}

TEST(free_at_once)
{
	for (uint32_t i = 1; i < 40; i++) {
		struct pool *p = 0;
		ASSERT_GOOD(pool_new(i % 6 + 1, &p));
		pool_free(p);
	}
	pool_free(0);
}

TEST(two_pools_do_not_meet)
{
	struct pool *a = 0, *b = 0;
	struct job j = {.threads = 2}, k = {.threads = 3};
	ASSERT_GOOD(pool_new(2, &a));
	ASSERT_GOOD(pool_new(3, &b));
	for (int i = 0; i < 200; i++) {
		pool_run(a, 10, mark, &j);
		pool_run(b, 20, mark, &k);
	}
	for (int i = 0; i < TASKS_MAX; i++) {
		assert_int_equal(j.done[i], i < 10 ? 200 : 0);
		assert_int_equal(k.done[i], i < 20 ? 200 : 0);
	}
	pool_free(a);
	pool_free(b);
}

TEST(limits)
{
	struct pool *p = 0;
	ASSERT_FAILS(pool_new(0, &p), INVALID_ARG, "1 to 256");
	ASSERT_FAILS(pool_new(POOL_THREADS_MAX + 1, &p), INVALID_ARG, "257 threads");
	mem_fail_after(0);
	ASSERT_FAILS(pool_new(2, &p), NO_MEMORY, "a pool of 2 threads");
	mem_fail_after(-1);
	assert_null(p);
	assert_in_range(pool_usable_cpus(), 1, POOL_THREADS_MAX);
}

static void no_function(void)
{
	struct pool *p = 0;
	if (!pool_new(1, &p).code)
		pool_run(p, 1, 0, 0);
}

TEST(no_function_ends_the_program)
{
	assert_true(dies(no_function, "fn"));
}
