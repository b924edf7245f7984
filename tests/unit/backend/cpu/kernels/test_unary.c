/* Element-wise functions of one argument against libm in double, over the whole range of floats,
 * for every length around the vector widths, in place, and for the special values. */
#include "unit/backend/cpu/cpu_test.h"

enum { LONG = 4096 };

static double wanted(enum kernel_unary op, double v, double lo, double hi)
{
	switch (op) {
	case KERNEL_RELU:
		return v < 0 ? 0 : v;
	case KERNEL_LEAKY_RELU:
		return v < 0 ? v * lo : v;
	case KERNEL_CLIP:
		return v < lo ? lo : v > hi ? hi : v;
	case KERNEL_SIGMOID:
		return 1 / (1 + exp(-v));
	case KERNEL_TANH:
		return tanh(v);
	case KERNEL_HARD_SIGMOID:
		return fmin(fmax(v * lo + hi, 0), 1);
	case KERNEL_HARD_SWISH:
		return v * fmin(fmax(v / 6 + 0.5, 0), 1);
	case KERNEL_GELU:
		return 0.5 * v * (1 + erf(v * 0.70710678118654752));
	case KERNEL_GELU_TANH:
		return 0.5 * v * (1 + tanh(0.79788456080286536 * (v + 0.044715 * v * v * v)));
	case KERNEL_ERF:
		return erf(v);
	case KERNEL_EXP:
		return exp(v);
	case KERNEL_SQRT:
		return sqrt(v);
	case KERNEL_NEG:
		return -v;
	default:
		return v * lo + hi;
	}
}

/* Relative to the result, but for results near 0 of functions that cross it. */
static double allowed(enum kernel_unary op, double want)
{
	if (op == KERNEL_GELU || op == KERNEL_GELU_TANH || op == KERNEL_HARD_SIGMOID ||
		op == KERNEL_HARD_SWISH)
		return 4e-7 * (1 + fabs(want));
	if (op ==
		KERNEL_SIGMOID) /* below -88, exp(-x) is infinite and the result 0, not subnormal */
		return 3e-7 * want + 1.2e-38;
	return op == KERNEL_SCALE_SHIFT ? 2e-7 * (1 + fabs(want)) : 3e-7 * fabs(want) + 2e-45;
}

static void check_op(enum kernel_unary op, float range)
{
	float *x = cpu_test_floats(LONG, 7), *y = cpu_test_floats(LONG, 8);

	for (size_t i = 0; i < LONG; i++)
		x[i] = op == KERNEL_SQRT ? fabsf(x[i]) * range : x[i] * range;
	kernels_now()->unary_f32(op, x, y, LONG, 0.2f, 0.5f);
	for (size_t i = 0; i < LONG; i++) {
		double want = wanted(op, x[i], 0.2f, 0.5f);

		if (fabs(want) > 3.4e38 ? !isinf(y[i]) : !(fabs(y[i] - want) <= allowed(op, want)))
			fail_msg("op %d (%s): f(%.9g) is %.9g, want %.9g", op, kernels_now()->isa,
				(double)x[i], (double)y[i], want);
	}
	mem_free(x);
	mem_free(y);
}

TEST(unary_f32_values)
{
	static const float ranges[] = {0.001f, 1, 5, 20, 110};

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		if (cpu_test_level(level))
			for (int op = KERNEL_RELU; op <= KERNEL_SCALE_SHIFT; op++)
				for (size_t i = 0; i < 5; i++)
					check_op((enum kernel_unary)op, ranges[i]);
}

TEST(unary_f32_lengths)
{
	float x[80], y[80];

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (size_t n = 0; n < 70; n++) {
			for (size_t i = 0; i < 80; i++)
				x[i] = y[i] = (float)i - 35;
			kernels_now()->unary_f32(KERNEL_RELU, x + 1, y + 1, n, 0, 0);
			for (size_t i = 0; i < 80; i++)
				assert_true(y[i] == (i > 0 && i <= n && x[i] < 0 ? 0 : x[i]));
			kernels_now()->unary_f32(KERNEL_NEG, x + 1, x + 1, n, 0, 0);
			for (size_t i = 0; i < 80; i++)
				assert_true(
					x[i] == (i > 0 && i <= n ? 35 - (float)i : (float)i - 35));
		}
	}
}

TEST(unary_f32_specials)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		float x[3] = {NAN, INFINITY, -INFINITY}, y[3];

		if (!cpu_test_level(level))
			continue;
		for (int op = KERNEL_RELU; op <= KERNEL_SCALE_SHIFT; op++) {
			kernels_now()->unary_f32((enum kernel_unary)op, x, y, 3, 0.2f, 0.5f);
			assert_true(isnan(y[0]));
		}
		kernels_now()->unary_f32(KERNEL_EXP, x, y, 3, 0, 0);
		assert_true(isinf(y[1]) && y[2] == 0);
		kernels_now()->unary_f32(KERNEL_SIGMOID, x, y, 3, 0, 0);
		assert_true(y[1] == 1 && y[2] == 0);
		kernels_now()->unary_f32(KERNEL_TANH, x, y, 3, 0, 0);
		assert_true(y[1] == 1 && y[2] == -1);
		kernels_now()->unary_f32(KERNEL_ERF, x, y, 3, 0, 0);
		assert_true(y[1] == 1 && y[2] == -1);
	}
}
