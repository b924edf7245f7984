/* The products of training against plain sums, at sizes around every block, for each instruction
 * set that this processor has. */
#include "base/cpu.h"
#include "base/rand.h"
#include "train/gemm_priv.h"
#include "unit/test.h"

#include <math.h>

enum { MAX = 70, ROW = MAX + 3 };
static float a[ROW * ROW], b[ROW * ROW], c[ROW * ROW];

static void check_product(const struct train_kernels *k, uint32_t m, uint32_t n, uint32_t depth, bool nt)
{
	for (uint32_t i = 0; i < ROW * ROW; i++)
		c[i] = 77;
	if (nt)
		k->nt(m, n, depth, a, ROW, b, ROW, c, ROW);
	else
		k->tn(m, n, depth, a, ROW, b, ROW, c, ROW);
	for (uint32_t i = 0; i < ROW; i++)
		for (uint32_t j = 0; j < ROW; j++) {
			double want = 0;
			for (uint32_t l = 0; l < depth && i < m && j < n; l++)
				want += nt ? (double)a[i * ROW + l] * (double)b[j * ROW + l] : (double)a[l * ROW + i] * (double)b[l * ROW + j];
			if (i >= m || j >= n)
				want = 77;
			if (fabs((double)c[i * ROW + j] - want) > 1e-4)
				fail_msg("%ux%ux%u at %u,%u: %g, want %g", m, n, depth, i, j, (double)c[i * ROW + j], want);
		}
}

static void check(const struct train_kernels *k)
{
	static const uint32_t sizes[] = {1, 3, 8, 17, 33, 64, 70};
	struct rand r;
	rand_seed(&r, 4);
	for (uint32_t i = 0; i < ROW * ROW; i++) {
		a[i] = rand_f32(&r, -1, 1);
		b[i] = rand_f32(&r, -1, 1);
	}
	for (int i = 0; i < 7; i++)
		for (int j = 0; j < 7; j++)
			for (int l = 0; l < 7; l += 2) {
				check_product(k, sizes[i], sizes[j], sizes[l], true);
				check_product(k, sizes[i], sizes[j], sizes[l], false);
			}
}

TEST(train_gemm_c) { check(&train__kernels_c); }

TEST(train_gemm_vectors)
{
	if (cpu_flags() & CPU_AVX2)
		check(&train__kernels_avx2);
	if (cpu_flags() & CPU_AVX512)
		check(&train__kernels_avx512);
}

TEST(train_gemm_follows_the_mask)
{
	assert_true(cpu_mask_set(STR("c")));
	assert_ptr_equal(train__kernels(), &train__kernels_c);
}
