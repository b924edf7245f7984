/* The body of the training kernels, compiled once per instruction set: define LANES and KERNELS, then include.
 *
 * Written with the compiler's vector types: a vf is LANES floats at any 4-byte boundary. gemm_nt holds a 4x4 block of dot
 * products, each a vector of partial sums; gemm_tn holds 4 rows of 4 vectors. Edges run the same code at smaller sizes. */
#include "train/gemm_priv.h"

#include <math.h>

typedef float vf __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline vf splat(float x)
{
	return x - (vf){0};
}

static inline float vf_sum(vf x)
{
	float s = 0;
	for (int i = 0; i < LANES; i++)
		s += x[i];
	return s;
}

/* R rows of a times S rows of b; R and S are constants at each call. */
static inline __attribute__((always_inline)) void
dot_block(uint32_t R, uint32_t S, uint32_t k, const float *a, uint32_t lda, const float *b,
          uint32_t ldb, float *c, uint32_t ldc)
{
	vf x[4][4] = {{{0}}};
	uint32_t p = 0;
	for (; p + LANES <= k; p += LANES)
		for (uint32_t i = 0; i < R; i++) {
			vf av = *(const vf *)(a + (size_t)i * lda + p);
			for (uint32_t j = 0; j < S; j++)
				x[i][j] += av * *(const vf *)(b + (size_t)j * ldb + p);
		}
	for (uint32_t i = 0; i < R; i++)
		for (uint32_t j = 0; j < S; j++) {
			float s = vf_sum(x[i][j]);
			for (uint32_t q = p; q < k; q++)
				s += a[(size_t)i * lda + q] * b[(size_t)j * ldb + q];
			c[(size_t)i * ldc + j] = s;
		}
}

static void gemm_nt(uint32_t m, uint32_t n, uint32_t k, const float *a, uint32_t lda,
                    const float *b, uint32_t ldb, float *c, uint32_t ldc)
{
	for (uint32_t j = 0; j < n; j += 4) {
		const float *bj = b + (size_t)j * ldb;
		uint32_t s = n - j < 4 ? n - j : 4;
		for (uint32_t i = 0; i < m; i += 4) {
			const float *ai = a + (size_t)i * lda;
			float *cij = c + (size_t)i * ldc + j;
			uint32_t r = m - i < 4 ? m - i : 4;
			if (r == 4 && s == 4) {
				dot_block(4, 4, k, ai, lda, bj, ldb, cij, ldc);
				continue;
			}
			for (uint32_t ii = 0; ii < r; ii++)
				for (uint32_t jj = 0; jj < s; jj++)
					dot_block(1, 1, k, ai + (size_t)ii * lda, lda,
					          bj + (size_t)jj * ldb, ldb,
					          cij + (size_t)ii * ldc + jj, ldc);
		}
	}
}

/* R rows and V vectors of columns of c. */
static inline __attribute__((always_inline)) void
outer_block(uint32_t R, uint32_t V, uint32_t k, const float *a, uint32_t lda, const float *b,
            uint32_t ldb, float *c, uint32_t ldc)
{
	vf x[4][4] = {{{0}}};
	for (uint32_t p = 0; p < k; p++)
		for (uint32_t i = 0; i < R; i++) {
			vf av = splat(a[(size_t)p * lda + i]);
			for (uint32_t j = 0; j < V; j++)
				x[i][j] += av * *(const vf *)(b + (size_t)p * ldb + j * LANES);
		}
	for (uint32_t i = 0; i < R; i++)
		for (uint32_t j = 0; j < V; j++)
			*(vf *)(c + (size_t)i * ldc + j * LANES) = x[i][j];
}

/* r <= 4 rows of c: blocks of 4 vectors, single vectors, then single elements. */
static inline void tn_rows(uint32_t r, uint32_t n, uint32_t k, const float *a, uint32_t lda,
                           const float *b, uint32_t ldb, float *c, uint32_t ldc)
{
	uint32_t j = 0;
	if (r == 4) {
		for (; j + 4 * LANES <= n; j += 4 * LANES)
			outer_block(4, 4, k, a, lda, b + j, ldb, c + j, ldc);
		for (; j + LANES <= n; j += LANES)
			outer_block(4, 1, k, a, lda, b + j, ldb, c + j, ldc);
	} else {
		for (; j + LANES <= n; j += LANES)
			for (uint32_t i = 0; i < r; i++)
				outer_block(1, 1, k, a + i, lda, b + j, ldb, c + (size_t)i * ldc + j, ldc);
	}
	for (; j < n; j++)
		for (uint32_t i = 0; i < r; i++) {
			float s = 0;
			for (uint32_t p = 0; p < k; p++)
				s += a[(size_t)p * lda + i] * b[(size_t)p * ldb + j];
			c[(size_t)i * ldc + j] = s;
		}
}

static void gemm_tn(uint32_t m, uint32_t n, uint32_t k, const float *a, uint32_t lda,
                    const float *b, uint32_t ldb, float *c, uint32_t ldc)
{
	for (uint32_t i = 0; i < m; i += 4)
		tn_rows(m - i < 4 ? m - i : 4, n, k, a + i, lda, b, ldb, c + (size_t)i * ldc, ldc);
}

static void adam(uint32_t n, float *w, const float *g, float *m, float *v, struct adam_rates r)
{
	for (uint32_t i = 0; i < n; i++) {
		float mi = r.beta1 * m[i] + (1 - r.beta1) * g[i];
		float vi = r.beta2 * v[i] + (1 - r.beta2) * g[i] * g[i];
		m[i] = mi;
		v[i] = vi;
		w[i] -= r.rate * mi / (sqrtf(vi) * r.root + r.epsilon);
	}
}

const struct train_kernels KERNELS = {.nt = gemm_nt, .tn = gemm_tn, .adam = adam};
