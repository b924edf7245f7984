/* MaxPool, AveragePool and GlobalAveragePool as ONNX defines them, for any number of spatial
 * dimensions.
 *
 * Max leaves padding out, and a window that lies wholly in it gives the lowest value of the
 * type. Average divides by the elements of the input under the window, or with count_include_pad
 * by all that lie within input and pads; what ceil_mode adds past the end pads never counts.
 * MaxPool's second output is the offset of the winner in the whole input, the first one where
 * several are equal. NaN wins over numbers, so that it is not lost. Plain layout, one thread.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

/* Whether element i of x beats element `best` (-1: none yet). */
static bool beats(const struct tensor *x, int64_t i, int64_t best)
{
	if (best < 0)
		return true;
	if (x->dtype == DTYPE_UINT64)
		return (uint64_t)ref__get_int(x, i) > (uint64_t)ref__get_int(x, best);
	if (!ref__is_float(x->dtype))
		return ref__get_int(x, i) > ref__get_int(x, best);
	return ref__get(x, i) > ref__get(x, best) || (isnan(ref__get(x, i)) && !isnan(ref__get(x, best)));
}

/* What ONNX Runtime gives for a window without elements. */
static void put_lowest(const struct tensor *y, int64_t i)
{
	switch (y->dtype) {
	case DTYPE_FP32: ref__put(y, i, -3.402823466e38); break;
	case DTYPE_FP64: ref__put(y, i, -1.7976931348623157e308); break;
	case DTYPE_FP16: ref__put(y, i, -65504); break;
	case DTYPE_BF16: ref__put(y, i, -3.3895313892515355e38); break;
	case DTYPE_INT8: ref__put_int(y, i, INT8_MIN); break;
	case DTYPE_INT16: ref__put_int(y, i, INT16_MIN); break;
	case DTYPE_INT32: ref__put_int(y, i, INT32_MIN); break;
	case DTYPE_INT64: ref__put_int(y, i, INT64_MIN); break;
	default: ref__put_int(y, i, 0); break;
	}
}

/* Offset o of a plane in row-major order, as column-major (storage_order 1). */
static int64_t column_major(const struct ref_window *w, int64_t o)
{
	int64_t at[REF_SPATIAL_MAX], r = 0;
	for (uint32_t d = w->n; d-- > 0; o /= w->in[d])
		at[d] = o % w->in[d];
	for (uint32_t d = w->n; d-- > 0;)
		r = r * w->in[d] + at[d];
	return r;
}

/* x [N, C, in...], y and indices [N, C, out...] */
static struct status max_pool(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *y = &a->out[0];
	const struct tensor *indices = a->n_out > 1 && a->out[1].data ? &a->out[1] : 0;
	bool columns = ir_attr_int(n, ATTR_ID_STORAGE_ORDER, 0) != 0;
	int64_t tap[REF_SPATIAL_MAX] = {0}, at[REF_SPATIAL_MAX] = {0};
	struct ref_window w;

	TRY(ref__window(n, x, y, 0, &w));
	for (int64_t plane = 0; plane < x->dims[0] * x->dims[1]; plane++)
	for (int64_t p = 0; p < w.out_n; p++, ref__next(at, w.out, w.n)) {
		int64_t best = -1, base = plane * w.in_n, yi = plane * w.out_n + p;
		for (int64_t t = 0; t < w.taps; t++, ref__next(tap, w.kernel, w.n)) {
			int64_t o = ref__window_at(&w, at, tap);
			if (o >= 0 && beats(x, base + o, best))
				best = base + o;
		}
		/* the winner is copied, not computed, so every type keeps its bits */
		if (best < 0)
			put_lowest(y, yi);
		else
			ref__copy(y, yi, x, best);
		if (indices)
			ref__put_int(indices, yi, best < 0 ? base :
			             columns ? base + column_major(&w, best - base) : best);
	}
	return STATUS_GOOD;
}

/* Taps of the window at `at` that lie within input and pads. */
static int64_t taps_in_pads(const struct ref_window *w, const int64_t *at)
{
	int64_t count = 1;
	for (uint32_t d = 0; d < w->n; d++) {
		int64_t k = 0;
		for (int64_t t = 0; t < w->kernel[d]; t++)
			k += at[d] * w->stride[d] + t * w->dilation[d] <
			     w->pad[d] + w->in[d] + w->pad_end[d];
		count *= k;
	}
	return count;
}

/* x [N, C, in...], y [N, C, out...] */
static struct status average_pool(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *y = &a->out[0];
	bool with_pads = ir_attr_int(n, ATTR_ID_COUNT_INCLUDE_PAD, 0) != 0;
	int64_t tap[REF_SPATIAL_MAX] = {0}, at[REF_SPATIAL_MAX] = {0};
	struct ref_window w;

	TRY(ref__window(n, x, y, 0, &w));
	for (int64_t plane = 0; plane < x->dims[0] * x->dims[1]; plane++)
	for (int64_t p = 0; p < w.out_n; p++, ref__next(at, w.out, w.n)) {
		double sum = 0;
		int64_t count = 0;
		for (int64_t t = 0; t < w.taps; t++, ref__next(tap, w.kernel, w.n)) {
			int64_t o = ref__window_at(&w, at, tap);
			if (o < 0)
				continue;
			sum += ref__get(x, plane * w.in_n + o);
			count++;
		}
		if (with_pads)
			count = taps_in_pads(&w, at);
		ref__put(y, plane * w.out_n + p, count ? sum / (double)count : 0);
	}
	return STATUS_GOOD;
}

/* x [N, C, in...], y [N, C, 1...] */
static struct status global_average_pool(const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *y = &a->out[0];
	int64_t plane_n = ref__product(x->dims, 2, x->rank);

	for (int64_t plane = 0; plane < x->dims[0] * x->dims[1]; plane++) {
		double sum = 0;
		for (int64_t i = 0; i < plane_n; i++)
			sum += ref__get(x, plane * plane_n + i);
		ref__put(y, plane, sum / (double)plane_n);
	}
	return STATUS_GOOD;
}

struct status ref__pool(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_MAX_POOL: return max_pool(n, a);
	case OP_AVERAGE_POOL: return average_pool(n, a);
	case OP_GLOBAL_AVERAGE_POOL: return global_average_pool(a);
	default: UNREACHABLE();
	}
}
