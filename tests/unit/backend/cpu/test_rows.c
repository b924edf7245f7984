/* Functions of rows over whole tensors: the inner stride, threads and empty sizes; the kernels' own
 * tests look at values. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/rows.h"
#include "base/half.h"

TEST(rows_softmax_along_any_axis)
{
	struct pool *pool;

	ASSERT_GOOD(pool_new(2, &pool));
	for (int x = 0; x < CPU_TEST_LEVELS * 16; x++) {
		size_t outer = x & 1 ? 3 : 500, n = x & 2 ? 10 : 33, inner = x & 4 ? 1 : 7,
		       all = outer * n * inner;
		float *in = cpu_test_floats(all, 1), *out = cpu_test_floats(all, 2);
		void *scratch = mem_aligned(64, rows_softmax_scratch_bytes(n, inner, 2) + 64);

		cpu_test_level(x / 16);
		rows_softmax(x & 8, outer, n, inner, in, out, scratch, pool);
		for (size_t r = 0; r < outer * inner; r++) {
			size_t at = r / inner * n * inner + r % inner;
			double sum = 0;

			for (size_t i = 0; i < n; i++)
				sum += exp((double)in[at + i * inner]);
			for (size_t i = 0; i < n; i++) {
				double v = (double)in[at + i * inner];

				cpu_test_close(out[at + i * inner],
					x & 8 ? v - log(sum) : exp(v) / sum, 1e-6, "softmax", i);
			}
		}
		mem_free(in);
		mem_free(out);
		mem_free(scratch);
	}
	rows_softmax(false, 0, 5, 1, 0, 0, 0, pool);
	rows_softmax(false, 5, 0, 1, 0, 0, 0, pool);
	pool_free(pool);
}

TEST(rows_layer_norm_threads)
{
	enum { ROWS = 600, N = 50 };
	float *x = cpu_test_floats(ROWS * N, 1), *y = cpu_test_floats(ROWS * N, 2),
	      *scale = cpu_test_floats(N, 3);
	float mean[ROWS], inv[ROWS];
	struct rows_layer_norm l = {ROWS, N, x, scale, 0, y, mean, inv, 1e-5f};
	struct pool *pool;

	ASSERT_GOOD(pool_new(2, &pool));
	rows_layer_norm(&l, pool);
	for (size_t r = 0; r < ROWS; r++)
		for (size_t i = 0; i < N; i++)
			cpu_test_close(y[r * N + i],
				((double)x[r * N + i] - (double)mean[r]) * (double)inv[r] *
					(double)scale[i],
				1e-5, "layer norm", i);
	pool_free(pool);
	mem_free(x);
	mem_free(y);
	mem_free(scale);
}

TEST(rows_sum_along_any_axis)
{
	struct pool *pool;

	ASSERT_GOOD(pool_new(2, &pool));
	for (int x = 0; x < CPU_TEST_LEVELS * 8; x++) {
		size_t outer = x & 1 ? 3 : 200, n = x & 2 ? 0 : 41, inner = x & 4 ? 1 : 300;
		float *in = cpu_test_floats(outer * n * inner, 1),
		      *out = cpu_test_floats(outer * inner, 2);

		cpu_test_level(x / 8);
		rows_sum(outer, n, inner, in, out, 0.5f, pool);
		for (size_t r = 0; r < outer * inner; r++) {
			double sum = 0;

			for (size_t i = 0; i < n; i++)
				sum += (double)in[(r / inner * n + i) * inner + r % inner];
			cpu_test_close(out[r], sum * 0.5, 2e-6, "sum", r);
		}
		mem_free(in);
		mem_free(out);
	}
	pool_free(pool);
}

TEST(rows_convert_threads)
{
	enum { N = 300001 };
	float *x = cpu_test_floats(N, 1), *y = cpu_test_floats(N, 2);
	uint16_t *h = mem_aligned(64, N * sizeof *h);
	struct pool *pool;

	ASSERT_GOOD(pool_new(2, &pool));
	for (int half = ROWS_F16; half <= ROWS_BF16; half++) {
		rows_from_f32((enum rows_half)half, N, x, h, pool);
		rows_to_f32((enum rows_half)half, N, h, y, pool);
		for (size_t i = 0; i < N; i++)
			assert_true(y[i] == (half == ROWS_F16 ? half_to_f32(half_from_f32(x[i]))
							      : bf16_to_f32(bf16_from_f32(x[i]))));
	}
	pool_free(pool);
	mem_free(x);
	mem_free(y);
	mem_free(h);
}
