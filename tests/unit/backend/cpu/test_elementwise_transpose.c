/* Every permutation of up to four axes, and the usual layouts at sizes around tiles, against index
 * arithmetic. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/elementwise.h"

static void check_permutation(
	uint32_t rank, const int64_t *dims, const uint32_t *perm, struct pool *pool)
{
	size_t all = 1, stride[TENSOR_RANK_MAX];
	uint32_t *x, *y;

	for (uint32_t i = rank; i-- > 0; all *= (size_t)dims[i])
		stride[i] = all;
	x = mem_aligned(64, all * 4 + 64);
	y = mem_aligned(64, all * 4 + 64);
	for (size_t i = 0; i < all; i++)
		x[i] = (uint32_t)i * 2654435761u;
	y[all] = 77;
	elementwise_transpose(rank, dims, perm, x, y, pool);
	for (size_t i = 0; i < all; i++) {
		size_t left = i, at = 0;

		for (uint32_t d = rank; d-- > 0; left /= (size_t)dims[perm[d]])
			at += left % (size_t)dims[perm[d]] * stride[perm[d]];
		assert_true(y[i] == x[at]);
	}
	assert_true(y[all] == 77);
	mem_free(x);
	mem_free(y);
}

TEST(transpose_permutations)
{
	static const int64_t sizes[][4] = {{2, 3, 4, 5}, {1, 17, 1, 33}, {3, 1, 16, 16},
		{2, 64, 7, 9}, {1, 1, 1, 1}, {2, 0, 3, 4}};
	struct pool *pool;

	ASSERT_GOOD(pool_new(2, &pool));
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			for (uint32_t p = 0; p < 256; p++) {
				uint32_t perm[4] = {p & 3, p >> 2 & 3, p >> 4 & 3, p >> 6};

				if ((1u << perm[0] | 1u << perm[1] | 1u << perm[2] |
					    1u << perm[3]) == 15)
					check_permutation(4, sizes[i], perm, pool);
			}
		check_permutation(3, (int64_t[]){3, 50, 70}, (uint32_t[]){0, 2, 1}, pool);
		check_permutation(4, (int64_t[]){2, 19, 60, 65}, (uint32_t[]){0, 2, 3, 1}, pool);
		check_permutation(0, 0, 0, pool);
	}
	pool_free(pool);
}
