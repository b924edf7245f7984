/* Element-wise functions of two arguments: all four ways of moving along a row, strides, lengths
 * around vector widths. */
#include "unit/backend/cpu/cpu_test.h"

static double wanted(enum kernel_binary op, double a, double b)
{
	switch (op) {
	case KERNEL_ADD:
		return a + b;
	case KERNEL_SUB:
		return a - b;
	case KERNEL_MUL:
		return a * b;
	case KERNEL_DIV:
		return a / b;
	case KERNEL_MAX:
		return a > b ? a : b;
	case KERNEL_MIN:
		return a < b ? a : b;
	default:
		return pow(a, b);
	}
}

TEST(binary_f32_all)
{
	enum { ROWS = 3, ROW = 40 };
	float *a = cpu_test_floats(ROWS * ROW, 1), *b = cpu_test_floats(ROWS * ROW, 2),
	      y[ROWS * ROW];

	for (size_t i = 0; i < ROWS * ROW; i++)
		a[i] = fabsf(a[i]) + 0.1f;
	for (int x = 0; x < CPU_TEST_LEVELS * 7 * 4 * 36; x++) {
		enum kernel_binary op = (enum kernel_binary)(x / 4 / 36 % 7);
		struct binary_f32 t = {.a = a,
			.b = b,
			.y = y,
			.rows = ROWS,
			.n = (size_t)(x / 4 % 36),
			.a_row = ROW,
			.b_row = x & 1 ? 0 : ROW,
			.y_row = ROW,
			.a_step = x & 1,
			.b_step = x >> 1 & 1};

		if (!cpu_test_level(x / 4 / 36 / 7))
			continue;
		for (size_t i = 0; i < ROWS * ROW; i++)
			y[i] = 77;
		kernels_now()->binary_f32(op, &t);
		for (size_t r = 0; r < ROWS; r++)
			for (size_t i = 0; i < ROW; i++) {
				double want =
					i >= t.n ? 77
						 : wanted(op, (double)a[r * ROW + i * t.a_step],
							   (double)b[r * t.b_row + i * t.b_step]);

				cpu_test_close(y[r * ROW + i], want, 2e-7, "binary", r * ROW + i);
			}
	}
	mem_free(a);
	mem_free(b);
}

TEST(binary_f32_keeps_nan)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		float a[2] = {NAN, 1}, b[2] = {1, NAN}, y[2];
		struct binary_f32 t = {
			.a = a, .b = b, .y = y, .rows = 1, .n = 2, .a_step = 1, .b_step = 1};

		if (!cpu_test_level(level))
			continue;
		for (int op = KERNEL_ADD; op <= KERNEL_MIN; op++) {
			kernels_now()->binary_f32((enum kernel_binary)op, &t);
			assert_true(isnan(y[0]) && isnan(y[1]));
		}
	}
}
