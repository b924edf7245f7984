/* The batch-reduce kernel against plain loops in double: every number of rows, columns around each
 * vector width, short and long reductions, several taps, with and without bias, residual and
 * activation, under each instruction set. */
#include "unit/backend/cpu/cpu_test.h"

enum { STRIDE = 67, TAPS = 3, DEPTH = 37 };

struct brgemm_case { uint32_t rows, cols, taps, k; int bias, res; enum kernel_act act; };

static double activated(const struct brgemm_case *c, double v)
{
	if (c->act == KERNEL_ACT_CLIP)
		return v < -0.5 ? -0.5 : v > 0.75 ? 0.75 : v;
	return c->act == KERNEL_ACT_LEAKY && v < 0 ? v * 0.1 : v;
}

static void check_case(const struct kernels *k, const struct brgemm_case *c, float *a, float *b)
{
	const float *table[TAPS * KERNEL_MR_MAX] = {0};
	float out[KERNEL_MR_MAX * STRIDE], res[KERNEL_MR_MAX * STRIDE], bias[KERNEL_NR_MAX];
	struct brgemm_f32 t = {
		.a = table,
		.b = b,
		.bias = c->bias ? bias : 0,
		.res = c->res ? res : 0,
		.c = out,
		.res_stride = STRIDE,
		.c_stride = STRIDE,
		.rows = c->rows,
		.cols = c->cols,
		.taps = c->taps,
		.k = c->k,
		.act = c->act,
		.lo = c->act == KERNEL_ACT_LEAKY ? 0.1f : -0.5f,
		.hi = 0.75f,
	};

	for (size_t i = 0; i < KERNEL_MR_MAX * STRIDE; i++) {
		out[i] = 1234;
		res[i] = (float)(i % 11) * 0.1f - 0.4f;
	}
	for (size_t i = 0; i < KERNEL_NR_MAX; i++)
		bias[i] = (float)(i % 5) * 0.2f - 0.3f;
	for (uint32_t tap = 0; tap < c->taps; tap++)
		for (uint32_t r = 0; r < c->rows; r++)
			table[tap * k->brgemm_mr + r] = a + 1 + ((tap * 5 + r * 3) % 17) * DEPTH;
	k->brgemm_f32(&t);
	for (uint32_t r = 0; r < k->brgemm_mr; r++)
		for (uint32_t j = 0; j < STRIDE; j++) {
			double want = (c->bias && j < c->cols ? bias[j] : 0) +
				      (c->res ? res[r * STRIDE + j] : 0);

			if (r >= c->rows || j >= c->cols) {
				assert_true(out[r * STRIDE + j] == 1234);
				continue;
			}
			for (uint32_t tap = 0; tap < c->taps; tap++)
				for (uint32_t i = 0; i < c->k; i++)
					want += (double)table[tap * k->brgemm_mr + r][i] *
						b[((size_t)tap * c->k + i) * k->brgemm_nr + j];
			cpu_test_close(out[r * STRIDE + j], activated(c, want), 1e-5, "brgemm",
				r * STRIDE + j);
		}
}

TEST(brgemm_f32_all_tiles)
{
	float *a = cpu_test_floats(20 * DEPTH, 1),
	      *b = cpu_test_floats(TAPS * DEPTH * KERNEL_NR_MAX, 2);
	static const uint32_t cols[] = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32},
			      ks[] = {0, 1, 2, 3, 4, 5, 7, 16, DEPTH};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		const struct kernels *k;

		if (!cpu_test_level(level))
			continue;
		k = kernels_now();
		for (uint32_t rows = 1; rows <= k->brgemm_mr; rows++)
			for (size_t i = 0;
				i < sizeof cols / sizeof *cols && cols[i] <= k->brgemm_nr; i++)
				for (size_t j = 0; j < sizeof ks / sizeof *ks; j++) {
					struct brgemm_case c = {rows, cols[i], 1 + j % TAPS, ks[j],
						(i + j) & 1, (i + rows) & 1,
						(enum kernel_act)((i + j + rows) % 3)};

					check_case(k, &c, a, b);
				}
	}
	mem_free(a);
	mem_free(b);
}

TEST(brgemm_f32_keeps_nan_through_clip)
{
	float *b = cpu_test_floats(KERNEL_NR_MAX, 2);
	float a = NAN, out[KERNEL_NR_MAX];
	const float *table[KERNEL_MR_MAX] = {&a};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		struct brgemm_f32 t = {.a = table,
			.b = b,
			.c = out,
			.rows = 1,
			.cols = 3,
			.taps = 1,
			.k = 1,
			.act = KERNEL_ACT_CLIP,
			.lo = 0,
			.hi = INFINITY};

		if (!cpu_test_level(level))
			continue;
		kernels_now()->brgemm_f32(&t);
		for (int i = 0; i < 3; i++)
			assert_true(isnan(out[i]));
	}
	mem_free(b);
}
