/* Matrix product, fp32, over the pool's threads: c[i][j] = act(bias[j] + res[i][j] + sum of a[i][p]
 * * b[p][j]) for i < m, j < n, p < k, and a batch of such products. Gemm and MatMul, with b
 * constant (packed at compile time) or not (packed as it is used). One row (m = 1) is a
 * matrix-vector product limited by memory; small products stay on the calling thread.
 *
 * Nothing here allocates; gemm_run may be called by several threads at once with different scratch,
 * c and pool. */
#ifndef NEREID_BACKEND_CPU_GEMM_H
#define NEREID_BACKEND_CPU_GEMM_H

#include "backend/cpu/act.h"
#include "base/pool.h"

/* Strides count floats. Alignment is free but for packed b and scratch: 64 bytes. c overlaps
 * neither a nor b. */
struct gemm_args {
	size_t m, n, k;                      /* any may be 0; with k = 0 the sum is 0 */
	const float *a;
	/* From row to row, from column to column: (k, 1), or (1, m) for a transposed a. */
	size_t a_row, a_col;
	const void *packed; /* b from gemm_pack; or NULL, and b is read in place: */
	const float *b;
	size_t b_row, b_col;                 /* (n, 1), or (1, k) for a transposed b */
	const float *bias;                   /* n floats, or NULL */
	const float *res;                    /* m x n, or NULL; may be c */
	size_t res_row;                      /* from row to row, 0: the same for all */
	float *c;
	size_t c_row;
	size_t batch;                        /* number of products: 1 or more */
	/* From product to product, 0: the same; b_step needs packed NULL. */
	size_t a_step, b_step, res_step, c_step;
	struct act act;
	void *scratch;                       /* gemm_scratch_bytes of these args */
	struct pool *pool;
};

size_t gemm_pack_bytes(size_t n, size_t k);
void gemm_pack(size_t n, size_t k, const float *b, size_t b_row, size_t b_col, void *packed);
/* Scratch for this product: reads m, k, a_col, packed (whether NULL) of it. Grows with m only for a
 * transposed a. */
size_t gemm_scratch_bytes(const struct gemm_args *a, uint32_t threads);
void gemm_run(const struct gemm_args *a);

#endif
