/* How work is cut: parts cover everything once, small work stays in one task, every task runs. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/split.h"

TEST(split_parts_cover)
{
	for (size_t n = 0; n < 60; n++)
		for (size_t parts = 1; parts < 20; parts++) {
			assert_int_equal(part_begin(n, parts, 0), 0);
			assert_int_equal(part_begin(n, parts, parts), n);
			for (size_t i = 0; i < parts; i++) {
				size_t size = part_begin(n, parts, i + 1) - part_begin(n, parts, i);

				assert_true(size >= n / parts && size <= n / parts + 1);
			}
		}
}

static void count_task(void *ctx, uint32_t task, uint32_t thread)
{
	((uint32_t *)ctx)[task]++;
}

TEST(split_run_runs_each_once)
{
	uint32_t seen[9] = {0};
	struct pool *pool;

	ASSERT_GOOD(pool_new(2, &pool));
	assert_int_equal(split_tasks(pool, 1000), 1);
	assert_true(split_tasks(pool, 1e9) >= 2 && split_tasks(pool, 1e9) <= 16);
	split_run(pool, 9, count_task, seen);
	split_run(pool, 1, count_task, seen);
	split_run(pool, 0, count_task, seen);
	for (int i = 0; i < 9; i++)
		assert_int_equal(seen[i], i == 0 ? 2 : 1);
	pool_free(pool);
}
