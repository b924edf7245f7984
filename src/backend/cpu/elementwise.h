/* Element-wise functions, broadcasting and transposition over whole tensors, fp32, over the pool's
 * threads. No scratch. */
#ifndef NEREID_BACKEND_CPU_ELEMENTWISE_H
#define NEREID_BACKEND_CPU_ELEMENTWISE_H

#include "backend/cpu/act.h"
#include "base/pool.h"

/* y may be x. lo and hi: see enum kernel_unary. */
void elementwise_unary(enum kernel_unary op, size_t n, const float *x, float *y, float lo, float hi,
	struct pool *pool);

/* y[i...] = act(op(a, b)), y row-major of shape dims. A stride counts floats and is 0 along a
 * broadcast axis. y may be an operand of y's own shape and order. */
struct elementwise_binary {
	enum kernel_binary op;
	uint32_t rank;                       /* 0..TENSOR_RANK_MAX */
	int64_t dims[TENSOR_RANK_MAX], a_strides[TENSOR_RANK_MAX], b_strides[TENSOR_RANK_MAX];
	const float *a, *b;
	float *y;
	struct act act;
};
void elementwise_binary(const struct elementwise_binary *e, struct pool *pool);
/* Strides of a row-major tensor of shape dims (rank) seen in `out_rank` dims by ONNX's
 * broadcasting. */
void elementwise_strides(uint32_t rank, const int64_t *dims, uint32_t out_rank, int64_t *strides);

/* Any permutation of 4-byte elements: y's axis i is x's axis perm[i]. dims: x's. y does not overlap
 * x. NCHW to NHWC and back are the permutations 0,2,3,1 and 0,3,1,2. */
void elementwise_transpose(uint32_t rank, const int64_t *dims, const uint32_t *perm, const void *x,
	void *y, struct pool *pool);

#endif
