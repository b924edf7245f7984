/* The two Winograd transforms: with the filter of one centre tap, the product at each point is a
 * constant, so input and output transform together must give the input's middle back; channels
 * around vector widths, cut tiles. */
#include "unit/backend/cpu/cpu_test.h"

enum { N = 40, SIDE = 6 };

/* Value of the filter x (the middle tap of three) at each point, as conv_winograd.c packs it. */
static double middle(int p)
{
	static const double points[] = {0, 0.75, -0.75, 1.5, -1.5};
	double product = 1;

	if (p == 5)
		return 0;
	for (int q = 0; q < 5; q++)
		if (q != p)
			product *= points[p] - points[q];
	return points[p] / product;
}

static void check_tile(size_t n, uint32_t rows, uint32_t cols)
{
	float *x = cpu_test_floats(36 * N, 1), v[36 * N], y[16 * N];
	const float *p[36];
	struct winograd_out_f32 t = {.m = v,
		.m_step = N,
		.n = n,
		.c = y,
		.c_stride = N,
		.c_line = 4 * N,
		.rows = rows,
		.cols = cols};

	for (int i = 0; i < 36; i++)
		p[i] = x + i * N;
	for (int i = 0; i < 16 * N; i++)
		y[i] = 77;
	kernels_now()->winograd_in_f32(p, v, N, n);
	for (int i = 0; i < 36; i++)
		for (size_t c = 0; c < n; c++)
			v[(size_t)i * N + c] *= (float)(middle(i / SIDE) * middle(i % SIDE));
	kernels_now()->winograd_out_f32(&t);
	for (uint32_t i = 0; i < 16; i++)
		for (size_t c = 0; c < N; c++) {
			bool inside = i / 4 < rows && i % 4 < cols && c < n;

			cpu_test_close(y[i * N + c],
				inside ? (double)x[((i / 4 + 1) * SIDE + i % 4 + 1) * N + c] : 77,
				2e-6, "winograd", i * N + c);
		}
	mem_free(x);
}

TEST(winograd_f32_transforms)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		if (cpu_test_level(level))
			for (size_t n = 1; n < N; n++)
				check_tile(n, 1 + n % 4, 1 + n / 3 % 4);
}

/* The filter's transform against the same sums in double: any taps, in steps of their own. */
TEST(winograd_f32_filter)
{
	static const double points[] = {0, 0.75, -0.75, 1.5, -1.5};
	enum { W_STEP = 37, U_STEP = 50 };

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		size_t n = kernels_now()->brgemm_nr;
		float *w = cpu_test_floats(9 * W_STEP, 2), u[36 * U_STEP];

		kernels_now()->winograd_filter_f32(w, W_STEP, u, U_STEP, n);
		for (size_t i = 0; i < 36 * n; i++) {
			size_t at[2] = {i / n / SIDE, i / n % SIDE}, j = i % n;
			double g[2][3], sum = 0;

			for (int k = 0; k < 2; k++)
				for (int x = 0; x < 3; x++) {
					double p = at[k] < 5 ? points[at[k]] : 0, product = 1;

					for (size_t q = 0; q < 5; q++)
						product *= q != at[k] ? p - points[q] : 1;
					g[k][x] = (x == 0 ? 1 : x == 1 ? p : p * p) / product;
					if (at[k] == 5)
						g[k][x] = x == 2;
				}
			for (int y = 0; y < 3; y++)
				for (int x = 0; x < 3; x++)
					sum += g[0][y] * g[1][x] * (double)w[(y * 3 + x) * W_STEP + j];
			cpu_test_close(u[i / n * U_STEP + j], sum, 2e-6, "filter", i);
		}
		mem_free(w);
	}
}
