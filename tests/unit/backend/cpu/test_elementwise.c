/* Broadcasting of whole tensors against index arithmetic: equal shapes, scalars, one value per
 * channel in both layouts, transposed operands, several broadcast axes, empty tensors, activations,
 * in place, sizes that threads share. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/elementwise.h"

static void check_binary(uint32_t rank, const int64_t *dims, const int64_t *a_strides,
	const int64_t *b_strides, struct act act, uint32_t threads)
{
	struct elementwise_binary e = {.op = KERNEL_SUB, .rank = rank, .act = act};
	size_t all = 1;
	float *a = cpu_test_floats(40000, 1), *b = cpu_test_floats(40000, 2), *y;
	struct pool *pool;

	for (uint32_t i = 0; i < rank; i++) {
		e.dims[i] = dims[i];
		e.a_strides[i] = a_strides[i];
		e.b_strides[i] = b_strides[i];
		all *= (size_t)dims[i];
	}
	y = cpu_test_floats(all, 3);
	e.a = a;
	e.b = b;
	e.y = y;
	ASSERT_GOOD(pool_new(threads, &pool));
	elementwise_binary(&e, pool);
	for (size_t i = 0; i < all; i++) {
		size_t left = i, at_a = 0, at_b = 0;
		double want;

		for (uint32_t d = rank; d-- > 0; left /= (size_t)dims[d]) {
			at_a += left % (size_t)dims[d] * (size_t)a_strides[d];
			at_b += left % (size_t)dims[d] * (size_t)b_strides[d];
		}
		want = (double)a[at_a] - (double)b[at_b];
		if (act.kind == ACT_RELU)
			want = fmax(want, 0);
		if (act.kind == ACT_LEAKY_RELU)
			want = want < 0 ? want * (double)act.alpha : want;
		if (act.kind == ACT_SIGMOID)
			want = 1 / (1 + exp(-want));
		cpu_test_close(y[i], want, 1e-6, "binary", i);
	}
	pool_free(pool);
	mem_free(a);
	mem_free(b);
	mem_free(y);
}

TEST(elementwise_broadcasts)
{
	static const struct { uint32_t rank; int64_t dims[4], a[4], b[4]; } cases[] = {
		{0, {0}, {0}, {0}},
		{1, {37}, {1}, {1}},
		{1, {37}, {0}, {1}},
		{1, {37}, {1}, {0}},
		{4, {2, 3, 5, 7}, {105, 35, 7, 1}, {105, 35, 7, 1}},
		{4, {2, 3, 5, 7}, {105, 35, 7, 1}, {0, 0, 0, 1}},
		{4, {2, 3, 5, 7}, {105, 35, 7, 1}, {0, 1, 0, 0}},
		{4, {2, 3, 5, 7}, {105, 35, 7, 1}, {0, 0, 0, 0}},
		{4, {2, 3, 5, 7}, {15, 5, 1, 0}, {0, 7, 0, 1}},
		{4, {2, 3, 5, 7}, {105, 35, 7, 1}, {105, 1, 3, 15}},
		{3, {1, 20, 33}, {0, 33, 1}, {0, 1, 20}},
		{4, {2, 0, 5, 7}, {0, 35, 7, 1}, {0, 35, 7, 1}},
		{1, {30001}, {1}, {1}},
		{1, {30001}, {1}, {0}},
		{2, {300, 100}, {100, 1}, {0, 1}},
	};

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
			if (cpu_test_level(level))
				for (int act = 0; act < 4; act++)
					check_binary(cases[i].rank, cases[i].dims, cases[i].a,
						cases[i].b,
						(struct act){
							act == 3 ? ACT_SIGMOID : (enum ir_act)act,
							0.25f, 0},
						1 + act % 2);
}

TEST(elementwise_strides_follow_onnx)
{
	int64_t dims[] = {3, 1, 4}, strides[5];

	elementwise_strides(3, dims, 5, strides);
	assert_true(strides[0] == 0 && strides[1] == 0 && strides[2] == 4 && strides[3] == 0 &&
		    strides[4] == 1);
}

TEST(elementwise_unary_threads)
{
	size_t n = 100003;
	float *x = cpu_test_floats(n, 1), *y = cpu_test_floats(n, 2);
	struct pool *pool;

	ASSERT_GOOD(pool_new(3, &pool));
	elementwise_unary(KERNEL_NEG, n, x, y, 0, 0, pool);
	for (size_t i = 0; i < n; i++)
		assert_true(y[i] == -x[i]);
	elementwise_unary(KERNEL_NEG, 0, x, y, 0, 0, pool);
	pool_free(pool);
	mem_free(x);
	mem_free(y);
}
