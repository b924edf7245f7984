/* Inside the reference backend: element access by type, and walking of indexes. One function a
 * family (ir/ops.def), which computes every op of it from the node's attributes and concrete
 * tensors. */
#ifndef NEREID_BACKEND_REF_PRIV_H
#define NEREID_BACKEND_REF_PRIV_H

#include "backend/registry.h"
#include "base/half.h"
#include "base/panic.h"

typedef struct status ref_fn(const struct ir_node *n, const struct step_args *a);
ref_fn ref__conv, ref__pool, ref__norm, ref__unary, ref__binary, ref__softmax, ref__gemm;
ref_fn ref__shape, ref__move, ref__resize, ref__reduce, ref__layout;

static inline bool ref__is_float(enum dtype t)
{
	return t == DTYPE_FP32 || t == DTYPE_FP64 || t == DTYPE_FP16 || t == DTYPE_BF16;
}

/* Element i as a double; exact except for 64-bit integers. */
static inline double ref__get(const struct tensor *t, int64_t i)
{
	switch (t->dtype) {
	case DTYPE_FP32: return ((const float *)t->data)[i];
	case DTYPE_FP64: return ((const double *)t->data)[i];
	case DTYPE_FP16: return half_to_f32(((const uint16_t *)t->data)[i]);
	case DTYPE_BF16: return bf16_to_f32(((const uint16_t *)t->data)[i]);
	case DTYPE_BOOL: return ((const uint8_t *)t->data)[i] != 0;
	case DTYPE_UINT8: return ((const uint8_t *)t->data)[i];
	case DTYPE_UINT16: return ((const uint16_t *)t->data)[i];
	case DTYPE_UINT32: return ((const uint32_t *)t->data)[i];
	case DTYPE_UINT64: return (double)((const uint64_t *)t->data)[i];
	case DTYPE_INT8: return ((const int8_t *)t->data)[i];
	case DTYPE_INT16: return ((const int16_t *)t->data)[i];
	case DTYPE_INT32: return ((const int32_t *)t->data)[i];
	case DTYPE_INT64: return (double)((const int64_t *)t->data)[i];
	default: UNREACHABLE();
	}
}

/* Rounds once to the tensor's float type. */
static inline void ref__put(const struct tensor *t, int64_t i, double v)
{
	switch (t->dtype) {
	case DTYPE_FP32: ((float *)t->data)[i] = (float)v; break;
	case DTYPE_FP64: ((double *)t->data)[i] = v; break;
	case DTYPE_FP16: ((uint16_t *)t->data)[i] = half_from_f32((float)v); break;
	case DTYPE_BF16: ((uint16_t *)t->data)[i] = bf16_from_f32((float)v); break;
	default: UNREACHABLE();
	}
}

/* Element i of an integer or BOOL tensor; UINT64 keeps its bits. */
static inline int64_t ref__get_int(const struct tensor *t, int64_t i)
{
	switch (t->dtype) {
	case DTYPE_BOOL: return ((const uint8_t *)t->data)[i] != 0;
	case DTYPE_UINT8: return ((const uint8_t *)t->data)[i];
	case DTYPE_UINT16: return ((const uint16_t *)t->data)[i];
	case DTYPE_UINT32: return ((const uint32_t *)t->data)[i];
	case DTYPE_UINT64: return (int64_t)((const uint64_t *)t->data)[i];
	case DTYPE_INT8: return ((const int8_t *)t->data)[i];
	case DTYPE_INT16: return ((const int16_t *)t->data)[i];
	case DTYPE_INT32: return ((const int32_t *)t->data)[i];
	case DTYPE_INT64: return ((const int64_t *)t->data)[i];
	default: UNREACHABLE();
	}
}

/* Keeps the low bits, which is two's complement wrapping. BOOL: whether it is not 0. */
static inline void ref__put_int(const struct tensor *t, int64_t i, int64_t v)
{
	switch (t->dtype) {
	case DTYPE_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
	case DTYPE_UINT8: case DTYPE_INT8: ((uint8_t *)t->data)[i] = (uint8_t)v; break;
	case DTYPE_UINT16: case DTYPE_INT16: ((uint16_t *)t->data)[i] = (uint16_t)v; break;
	case DTYPE_UINT32: case DTYPE_INT32: ((uint32_t *)t->data)[i] = (uint32_t)v; break;
	case DTYPE_UINT64: case DTYPE_INT64: ((uint64_t *)t->data)[i] = (uint64_t)v; break;
	default: UNREACHABLE();
	}
}

/* Copies element si of src to element di of dst, of the same type. */
static inline void ref__copy(const struct tensor *dst, int64_t di, const struct tensor *src,
                             int64_t si)
{
	size_t size = dtype_bytes(src->dtype);
	DCHECK(size && dst->dtype == src->dtype);
	memcpy((uint8_t *)dst->data + (size_t)di * size, (const uint8_t *)src->data + (size_t)si * size,
	       size);
}

/* ---- index.c ---- */

/* Input i, or NULL where it is absent. */
const struct tensor *ref__in(const struct step_args *a, uint32_t i);
int64_t ref__count(const struct tensor *t);             /* elements; the engine has checked them */
int64_t ref__product(const int64_t *dims, uint32_t from, uint32_t to);
/* Row-major strides in elements. */
void ref__strides(const int64_t *dims, uint32_t rank, int64_t *strides);
/* Strides of t seen as a tensor of dims y[0..rank), as numpy broadcasts it: 0 where it repeats.
 * INVALID_ARG where it cannot. */
struct status ref__broadcast(const struct ir_node *n, const struct tensor *t, const int64_t *y,
                             uint32_t rank, int64_t *strides) MUST_CHECK;
/* The next index in row-major order; false after the last, at which `at` is all 0 again. */
bool ref__next(int64_t *at, const int64_t *dims, uint32_t rank);
int64_t ref__offset(const int64_t *at, const int64_t *strides, uint32_t rank);
/* An axis given as -rank..rank-1. */
struct status ref__axis(const struct ir_node *n, int64_t axis, uint32_t rank,
                        uint32_t *out) MUST_CHECK;
/* Elements of an INT64 or INT32 input, at most max. */
struct status ref__ints(const struct ir_node *n, const struct tensor *t, int64_t *out, uint32_t max,
                        uint32_t *count) MUST_CHECK;
/* Towards zero. What does not fit, or is NaN, gives what an x86-64 processor's conversion gives. */
int64_t ref__to_int(double v, enum dtype to);
/* The fused activation of the node, on a value not yet rounded. */
double ref__act(const struct ir_node *n, double v);
double ref__gelu(double v);

/* A window that slides over spatial dimensions: of Conv and the pools. in[d] = out[d]*stride[d] +
 * k[d]*dilation[d] - pad[d]. */
enum { REF_SPATIAL_MAX = TENSOR_RANK_MAX - 2 };
struct ref_window {
	uint32_t n;                                     /* spatial dimensions */
	int64_t in[REF_SPATIAL_MAX], out[REF_SPATIAL_MAX], kernel[REF_SPATIAL_MAX];
	int64_t stride[REF_SPATIAL_MAX], dilation[REF_SPATIAL_MAX];
	int64_t pad[REF_SPATIAL_MAX], pad_end[REF_SPATIAL_MAX];
	int64_t in_n, out_n, taps;                      /* products */
};
/* kernel: of the weights, or of the attribute kernel_shape where NULL. */
struct status ref__window(const struct ir_node *n, const struct tensor *x, const struct tensor *y,
                          const int64_t *kernel, struct ref_window *w) MUST_CHECK;
/* Offset in the input's spatial plane for an output position and a tap; -1 in the padding. */
int64_t ref__window_at(const struct ref_window *w, const int64_t *out, const int64_t *tap);

#endif
