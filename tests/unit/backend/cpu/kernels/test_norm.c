/* Softmax, log-softmax and layer normalisation of rows of each length around the vector widths,
 * large values included. */
#include "unit/backend/cpu/cpu_test.h"

enum { N = 70 };

static void check_softmax(const float *x, size_t n)
{
	const struct kernels *k = kernels_now();
	float y[N + 1], z[N + 1];
	double m = (double)x[0], sum = 0;

	y[n] = z[n] = 77;
	for (size_t i = 0; i < n; i++)
		m = fmax(m, (double)x[i]);
	for (size_t i = 0; i < n; i++)
		sum += exp((double)x[i] - m);
	k->softmax_f32(x, y, n);
	k->log_softmax_f32(x, z, n);
	for (size_t i = 0; i < n; i++) {
		cpu_test_close(y[i], exp((double)x[i] - m) / sum, 1e-6, "softmax", i);
		cpu_test_close(z[i], (double)x[i] - m - log(sum), 1e-6, "log-softmax", i);
	}
	assert_true(y[n] == 77 && z[n] == 77);
}

static void check_layer_norm(const float *x, const float *scale, const float *bias, size_t n)
{
	float y[N + 1], mean_got, inv_got;
	double mean = 0, var = 0;

	y[n] = 77;
	for (size_t i = 0; i < n; i++)
		mean += (double)x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		var += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
	kernels_now()->layer_norm_f32(x, scale, bias, y, n, 1e-5f, &mean_got, &inv_got);
	cpu_test_close(mean_got, mean, 1e-6, "mean", n);
	cpu_test_close(inv_got, 1 / sqrt(var + 1e-5), 3e-6, "inverse deviation", n);
	for (size_t i = 0; i < n; i++)
		cpu_test_close(y[i],
			((double)x[i] - mean) / sqrt(var + 1e-5) * (double)scale[i] +
				(bias ? (double)bias[i] : 0),
			3e-5, "layer norm", i);
	assert_true(y[n] == 77);
}

TEST(norm_f32_lengths)
{
	float *x = cpu_test_floats(N, 4), *scale = cpu_test_floats(N, 5),
	      *bias = cpu_test_floats(N, 6);

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (size_t n = 1; n < N; n++) {
			check_layer_norm(x, scale, n & 1 ? bias : 0, n);
			check_softmax(x, n);
			for (size_t i = 0; i < n; i++)
				x[i] *= 300;
			check_softmax(x, n);
			for (size_t i = 0; i < n; i++)
				x[i] /= 300;
		}
	}
	mem_free(x);
	mem_free(scale);
	mem_free(bias);
}
