/* Functions of rows: softmax, layer normalisation, sums along axes, conversions; fp32, over the
 * pool's threads. */
#ifndef NEREID_BACKEND_CPU_ROWS_H
#define NEREID_BACKEND_CPU_ROWS_H

#include <stdbool.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/pool.h"

/* A tensor as [outer][n][inner], the function being along n. y may be x. scratch:
 * rows_softmax_scratch_bytes; 0 bytes, and NULL will do, where inner is 1. */
size_t rows_softmax_scratch_bytes(size_t n, size_t inner, uint32_t threads);
void rows_softmax(bool log, size_t outer, size_t n, size_t inner, const float *x, float *y,
	void *scratch, struct pool *pool);

/* y = (x - mean) * inv * scale + bias along n; bias, mean and inv ([rows] each) may be NULL. y may
 * be x. */
struct rows_layer_norm {
	size_t rows, n;
	const float *x, *scale, *bias;
	float *y, *mean, *inv;
	float epsilon;
};
void rows_layer_norm(const struct rows_layer_norm *l, struct pool *pool);

/* y[outer][inner] = scale * sum over n of x[outer][n][inner]. */
void rows_sum(size_t outer, size_t n, size_t inner, const float *x, float *y, float scale,
	struct pool *pool);

enum rows_half { ROWS_F16, ROWS_BF16 };
void rows_to_f32(enum rows_half from, size_t n, const uint16_t *x, float *y, struct pool *pool);
void rows_from_f32(enum rows_half to, size_t n, const float *x, uint16_t *y, struct pool *pool);

#endif
