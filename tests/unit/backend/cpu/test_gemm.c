/* Matrix products against plain loops in double: sizes around tiles, transposed operands, packed
 * and unpacked b, batches with shared operands, bias, residual (also in place and one row for all),
 * activations, threads. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/gemm.h"

struct gemm_case {
	size_t m, n, k, batch;
	int turn_a, turn_b, pack, bias, res, share_a, threads;
	enum ir_act act;
};

static double expected(const struct gemm_args *g, size_t i, size_t r, size_t j, const float *res)
{
	double v = g->bias ? g->bias[j] : 0;

	if (res)
		v += res[i * g->res_step + r * g->res_row + j];
	for (size_t p = 0; p < g->k; p++)
		v += (double)g->a[i * g->a_step + r * g->a_row + p * g->a_col] *
		     g->b[i * g->b_step + p * g->b_row + j * g->b_col];
	if (g->act.kind == ACT_RELU)
		return v > 0 ? v : 0;
	return g->act.kind == ACT_TANH ? tanh(v) : v;
}

static void check_case(const struct gemm_case *t)
{
	size_t ldc = t->n + 5, c_floats = t->batch * t->m * ldc;
	float *a = cpu_test_floats(t->batch * t->m * t->k + 1, 1),
	      *b = cpu_test_floats(t->batch * t->k * t->n + 1, 2);
	float *bias = cpu_test_floats(t->n, 3), *res = cpu_test_floats(c_floats, 4),
	      *c = cpu_test_floats(c_floats, 5);
	struct gemm_args g = {
		.m = t->m,
		.n = t->n,
		.k = t->k,
		.a = a + 1,
		.a_row = t->turn_a ? 1 : t->k,
		.a_col = t->turn_a ? t->m : 1,
		.b = b + 1,
		.b_row = t->turn_b ? 1 : t->n,
		.b_col = t->turn_b ? t->k : 1,
		.bias = t->bias ? bias : 0,
		.res = t->res == 3 ? c
		       : t->res    ? res
				   : 0,
		.res_row = t->res == 2 ? 0 : ldc,
		.c = c,
		.c_row = ldc,
		.batch = t->batch,
		.a_step = t->share_a ? 0 : t->m * t->k,
		.b_step = t->pack ? 0 : t->k * t->n,
		.res_step = t->res == 2 ? 0 : t->m * ldc,
		.c_step = t->m * ldc,
		.act = {t->act, 0, 0},
	};
	void *packed = mem_aligned(64, gemm_pack_bytes(t->n, t->k) + 64);
	float *before = cpu_test_floats(c_floats, 5);

	ASSERT_GOOD(pool_new((uint32_t)t->threads, &g.pool));
	if (t->pack) {
		gemm_pack(t->n, t->k, g.b, g.b_row, g.b_col, packed);
		g.packed = packed;
	}
	g.scratch = mem_aligned(64, gemm_scratch_bytes(&g, (uint32_t)t->threads) + 64);
	gemm_run(&g);
	for (size_t i = 0; i < t->batch; i++)
		for (size_t r = 0; r < t->m; r++)
			for (size_t j = 0; j < ldc; j++) {
				size_t at = i * g.c_step + r * ldc + j;
				const float *old = t->res == 3 ? before : t->res ? res : 0;

				cpu_test_close(c[at],
					j < t->n ? expected(&g, i, r, j, old) : (double)before[at],
					3e-5, "gemm", at);
			}
	pool_free(g.pool);
	mem_free(g.scratch);
	mem_free(packed);
	mem_free(before);
	mem_free(a);
	mem_free(b);
	mem_free(bias);
	mem_free(res);
	mem_free(c);
}

TEST(gemm_shapes)
{
	static const size_t ms[] = {1, 2, 3, 4, 5, 13, 14, 15, 29}, ns[] = {1, 10, 31, 32, 33, 70},
			    ks[] = {0, 1, 3, 64, 131};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		size_t x = 0;

		if (!cpu_test_level(level))
			continue;
		for (size_t i = 0; i < 9; i++)
			for (size_t j = 0; j < 6; j++)
				for (size_t p = 0; p < 5; p++, x++) {
					struct gemm_case t = {ms[i], ns[j], ks[p], 1, x & 1,
						x >> 1 & 1, x % 3 != 0, x % 5 != 0, (int)(x % 4), 0,
						1,
						x % 7 == 0 ? ACT_TANH
						: x % 2    ? ACT_RELU
							   : ACT_NONE};

					check_case(&t);
				}
	}
}

TEST(gemm_batches)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (int x = 0; x < 16; x++) {
			struct gemm_case t = {17, 33, 20, 3, x & 1, x >> 1 & 1, x >> 2 & 1, 1,
				x & 3, x >> 3, 2, ACT_NONE};

			check_case(&t);
		}
	}
}

/* Large enough to be cut among threads, along rows and along columns, and to take the chunked
 * order. */
TEST(gemm_threads)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (int threads = 1; threads <= 3; threads++) {
			check_case(&(struct gemm_case){
				300, 40, 200, 1, threads & 1, 0, 1, 1, 0, 0, threads, ACT_RELU});
			check_case(&(struct gemm_case){
				30, 500, 300, 1, 0, 1, threads & 1, 1, 1, 0, threads, ACT_NONE});
			check_case(&(struct gemm_case){
				2, 700, 900, 1, 0, 1, 1, 1, 0, 0, threads, ACT_NONE});
		}
	}
}

TEST(gemm_nothing)
{
	struct gemm_args g = {.m = 0, .n = 3, .k = 3, .batch = 1};

	gemm_run(&g);
	assert_int_equal(gemm_pack_bytes(0, 10), 0);
}

/* A row's numbers are the same to the last bit whatever rows come with it. */
TEST(gemm_rows_do_not_know_of_each_other)
{
	enum { M = 29, N = 150, K = 131 };
	float *a = cpu_test_floats(M * K, 1), *b = cpu_test_floats(K * N, 2),
	      *bias = cpu_test_floats(N, 3), *all = cpu_test_floats(M * N, 4),
	      *few = cpu_test_floats(M * N, 5);

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		void *packed = mem_aligned(64, gemm_pack_bytes(N, K) + 64);
		struct gemm_args g = {.m = M, .n = N, .k = K, .a = a, .a_row = K, .a_col = 1, .b = b,
			.b_row = N, .b_col = 1, .bias = bias, .c = all, .c_row = N, .batch = 1,
			.packed = packed, .act = {ACT_RELU, 0, 0}};

		ASSERT_GOOD(pool_new(1, &g.pool));
		gemm_pack(N, K, b, N, 1, packed);
		g.scratch = mem_aligned(64, gemm_scratch_bytes(&g, 1) + 64);
		gemm_run(&g);
		for (size_t m = 1; m < M; m++) {
			memset(few, 0, M * N * sizeof *few);
			for (size_t r = 0; r < M; r += m) {
				g.a = a + r * K;
				g.c = few + r * N;
				g.m = M - r < m ? M - r : m;
				gemm_run(&g);
			}
			assert_memory_equal(few, all, M * N * sizeof *few);
		}
		pool_free(g.pool);
		mem_free(g.scratch);
		mem_free(packed);
	}
	mem_free(a);
	mem_free(b);
	mem_free(bias);
	mem_free(all);
	mem_free(few);
}
