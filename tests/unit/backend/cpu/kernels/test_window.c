/* Pooling windows and sums over rows and along a row, for lengths around one and four vectors. */
#include "unit/backend/cpu/cpu_test.h"

enum { TAPS = 9, N = 150 };

static void check_length(const float *x, size_t n, uint32_t taps)
{
	const struct kernels *k = kernels_now();
	const float *p[TAPS];
	float y[N + 1];
	double row = 0;

	for (uint32_t t = 0; t < taps; t++)
		p[t] = x + 1 + (t * 5 % TAPS) * N;
	y[n] = 77;
	k->window_max_f32(p, taps, y, n);
	for (size_t i = 0; i < n; i++) {
		float m = p[0][i];

		for (uint32_t t = 1; t < taps; t++)
			m = p[t][i] > m ? p[t][i] : m;
		assert_true(y[i] == m);
		row += (double)x[i + 1];
	}
	k->window_sum_f32(p, taps, y, n, 0.25f);
	for (size_t i = 0; i < n; i++) {
		double sum = 0;

		for (uint32_t t = 0; t < taps; t++)
			sum += (double)p[t][i];
		cpu_test_close(y[i], sum * 0.25, 1e-6, "window sum", i);
	}
	k->rows_sum_f32(x + 1, taps, N, y, n, 0.5f);
	for (size_t i = 0; i < n; i++) {
		double sum = 0;

		for (uint32_t t = 0; t < taps; t++)
			sum += (double)x[1 + t * N + i];
		cpu_test_close(y[i], sum * 0.5, 1e-6, "rows sum", i);
	}
	assert_true(y[n] == 77);
	cpu_test_close(k->row_sum_f32(x + 1, n), row, 2e-6, "row sum", n);
}

TEST(window_f32_lengths)
{
	float *x = cpu_test_floats(TAPS * N + 1, 3);

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		if (cpu_test_level(level))
			for (size_t n = 1; n < N; n++)
				check_length(x, n, 1 + n % TAPS);
	mem_free(x);
}

TEST(window_max_f32_keeps_nan)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		float a[70], b[70], y[70];
		const float *p[3] = {a, b, a};

		if (!cpu_test_level(level))
			continue;
		for (int i = 0; i < 70; i++) {
			a[i] = 1;
			b[i] = NAN;
		}
		kernels_now()->window_max_f32(p, 3, y, 70);
		for (int i = 0; i < 70; i++)
			assert_true(isnan(y[i]));
	}
}
