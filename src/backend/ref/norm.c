/* BatchNormalization (inference form) and LayerNormalization as ONNX defines them.
 *
 * Batch normalisation scales each channel by constants: y = (x - mean) / sqrt(var + epsilon) *
 * scale + b. Layer normalisation computes mean and variance over the dimensions from `axis` on,
 * for each row before it, and can give both back (its second and third output, one element a row).
 * Sums are in double, in row-major order. One thread.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

/* x, y [N, C, ...]; scale, b, mean, var [C] */
static struct status batch_norm(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *y = &a->out[0];
	double epsilon = ir_attr_float(n, ATTR_ID_EPSILON, 1e-5f);
	int64_t c_n = x->rank > 1 ? x->dims[1] : 1, inner = ref__product(x->dims, 2, x->rank);

	for (int64_t i = 0; i < x->dims[0]; i++)
	for (int64_t c = 0; c < c_n; c++) {
		double scale = ref__get(ref__in(a, 1), c) / sqrt(ref__get(ref__in(a, 4), c) + epsilon);
		double mean = ref__get(ref__in(a, 3), c), b = ref__get(ref__in(a, 2), c);
		for (int64_t p = 0; p < inner; p++) {
			int64_t o = (i * c_n + c) * inner + p;
			ref__put(y, o, ref__act(n, (ref__get(x, o) - mean) * scale + b));
		}
	}
	return STATUS_GOOD;
}

/* x, y [rows..., inner...]; scale, b broadcast to x; mean, inverse deviation [rows..., 1...] */
static struct status layer_norm(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *scale = ref__in(a, 1), *b = ref__in(a, 2);
	const struct tensor *y = &a->out[0];
	int64_t scale_strides[TENSOR_RANK_MAX], b_strides[TENSOR_RANK_MAX] = {0};
	int64_t at[TENSOR_RANK_MAX] = {0};
	double epsilon = ir_attr_float(n, ATTR_ID_EPSILON, 1e-5f);
	uint32_t axis;

	TRY(ref__axis(n, ir_attr_int(n, ATTR_ID_AXIS, -1), x->rank, &axis));
	TRY(ref__broadcast(n, scale, x->dims, x->rank, scale_strides));
	if (b)
		TRY(ref__broadcast(n, b, x->dims, x->rank, b_strides));
	int64_t rows = ref__product(x->dims, 0, axis), inner = ref__product(x->dims, axis, x->rank);
	for (int64_t r = 0; r < rows; r++) {
		double mean = 0, var = 0;
		for (int64_t i = 0; i < inner; i++)
			mean += ref__get(x, r * inner + i);
		mean /= (double)inner;
		for (int64_t i = 0; i < inner; i++) {
			double d = ref__get(x, r * inner + i) - mean;
			var += d * d;
		}
		double inverse = 1 / sqrt(var / (double)inner + epsilon);
		for (int64_t i = 0; i < inner; i++, ref__next(at, x->dims, x->rank)) {
			double v = (ref__get(x, r * inner + i) - mean) * inverse;
			v *= ref__get(scale, ref__offset(at, scale_strides, x->rank));
			if (b)
				v += ref__get(b, ref__offset(at, b_strides, x->rank));
			ref__put(y, r * inner + i, ref__act(n, v));
		}
		if (a->n_out > 1 && a->out[1].data)
			ref__put(&a->out[1], r, mean);
		if (a->n_out > 2 && a->out[2].data)
			ref__put(&a->out[2], r, inverse);
	}
	return STATUS_GOOD;
}

struct status ref__norm(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_BATCH_NORM: return batch_norm(n, a);
	case OP_LAYER_NORM: return layer_norm(n, a);
	default: UNREACHABLE();
	}
}
