/* Walking of indexes for the reference backend: strides, broadcasting, windows, axes.
 *
 * Every op of ref is written as "for each output element, by its index vector", because that is
 * how the operators are specified. The helpers here turn index vectors into offsets. They work for
 * any rank up to TENSOR_RANK_MAX, keep no state and allocate nothing. What depends on the values
 * of inputs (an axis, a shape) is checked here with a sentence; what inference has established is
 * not checked again. Nothing here is meant to be fast.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

const struct tensor *ref__in(const struct step_args *a, uint32_t i)
{
	if (i >= a->n_in || a->in[i].dtype == DTYPE_INVALID)
		return 0;
	/* An empty tensor may have no data; an absent input has neither data nor elements. */
	return a->in[i].data || (a->in[i].rank && ref__count(&a->in[i]) == 0) ? &a->in[i] : 0;
}

int64_t ref__count(const struct tensor *t)
{
	int64_t n = 0;
	bool ok = tensor_elements(t, &n);
	CHECK(ok);
	return n;
}

/* 1 for no dimensions. */
int64_t ref__product(const int64_t *dims, uint32_t from, uint32_t to)
{
	int64_t n = 1;
	for (uint32_t d = from; d < to; d++)
		n *= dims[d];
	return n;
}

void ref__strides(const int64_t *dims, uint32_t rank, int64_t *strides)
{
	int64_t s = 1;
	for (uint32_t d = rank; d-- > 0;) {
		strides[d] = s;
		s *= dims[d];
	}
}

struct status ref__broadcast(const struct ir_node *n, const struct tensor *t, const int64_t *y,
                             uint32_t rank, int64_t *strides)
{
	int64_t own[TENSOR_RANK_MAX];
	char from[128], to[128];
	bool ok = t->rank <= rank;

	ref__strides(t->dims, t->rank, own);
	/* shapes are aligned at their last dimensions; one that is missing or 1 repeats */
	for (uint32_t d = 0; ok && d < rank; d++) {
		uint32_t lead = rank - t->rank;
		strides[d] = 0;
		if (d < lead || t->dims[d - lead] == 1)
			continue;
		ok = t->dims[d - lead] == y[d];
		strides[d] = own[d - lead];
	}
	if (!ok)
		return FAIL(INVALID_ARG, "node %.*s: an input of shape %s does not broadcast to %s",
		            STR_ARG(n->name), tensor_shape_text(t->dims, t->rank, from, sizeof from),
		            tensor_shape_text(y, rank, to, sizeof to));
	return STATUS_GOOD;
}

bool ref__next(int64_t *at, const int64_t *dims, uint32_t rank)
{
	/* an odometer: the last wheel turns fastest */
	for (uint32_t d = rank; d-- > 0;) {
		if (++at[d] < dims[d])
			return true;
		at[d] = 0;
	}
	return false;
}

int64_t ref__offset(const int64_t *at, const int64_t *strides, uint32_t rank)
{
	int64_t o = 0;
	for (uint32_t d = 0; d < rank; d++)
		o += at[d] * strides[d];
	return o;
}

struct status ref__axis(const struct ir_node *n, int64_t axis, uint32_t rank, uint32_t *out)
{
	if (axis < -(int64_t)rank || axis >= (int64_t)rank)
		return FAIL(INVALID_ARG, "node %.*s: axis %lld is not one of a tensor of rank %u",
		            STR_ARG(n->name), (long long)axis, rank);
	*out = (uint32_t)(axis < 0 ? axis + rank : axis);
	return STATUS_GOOD;
}

/* Shapes, axes, pads and steps arrive as tensors of either integer type. */
struct status ref__ints(const struct ir_node *n, const struct tensor *t, int64_t *out, uint32_t max,
                        uint32_t *count)
{
	int64_t k = ref__count(t);
	if (k > max || (t->dtype != DTYPE_INT64 && t->dtype != DTYPE_INT32))
		return FAIL(INVALID_ARG, "node %.*s: an input has %lld elements of %s where at most %u "
		            "of INT64 or INT32 are allowed", STR_ARG(n->name), (long long)k,
		            dtype_wire(t->dtype), max);
	for (int64_t i = 0; i < k; i++)
		out[i] = ref__get_int(t, i);
	*count = (uint32_t)k;
	return STATUS_GOOD;
}

/* Types of up to 32 bits go through a 32-bit conversion, whose answer to anything that does not fit
 * is the lowest number; UINT32 and 64-bit types go through 64 bits. */
int64_t ref__to_int(double v, enum dtype to)
{
	if (to == DTYPE_UINT64 && v >= 0x1p63)
		return v < 0x1p64 ? (int64_t)(uint64_t)v : 0;
	bool wide = to == DTYPE_INT64 || to == DTYPE_UINT64 || to == DTYPE_UINT32;
	if (wide)
		return v > -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
	return v > -0x1p31 - 1 && v < 0x1p31 ? (int64_t)v : INT32_MIN;
}

/* v times the normal distribution's integral up to v; 0.7071 is the root of one half. */
double ref__gelu(double v)
{
	return 0.5 * v * (1 + erf(v * 0.70710678118654752440));
}

/* Numbers as in ir.h; LEAKY_RELU and CLIP read their parameters from fused_alpha and fused_beta. */
double ref__act(const struct ir_node *n, double v)
{
	switch ((enum ir_act)ir_attr_int(n, ATTR_ID_FUSED_ACT, ACT_NONE)) {
	case ACT_NONE: return v;
	case ACT_RELU: return v < 0 ? 0 : v;
	case ACT_LEAKY_RELU: return v < 0 ? v * ir_attr_float(n, ATTR_ID_FUSED_ALPHA, 0.01f) : v;
	case ACT_CLIP: {
		double lo = ir_attr_float(n, ATTR_ID_FUSED_ALPHA, -INFINITY);
		double hi = ir_attr_float(n, ATTR_ID_FUSED_BETA, INFINITY);
		v = v < lo ? lo : v;
		return v > hi ? hi : v;
	}
	case ACT_SIGMOID: return 1 / (1 + exp(-v));
	case ACT_TANH: return tanh(v);
	case ACT_HARD_SWISH: {
		double h = v / 6 + 0.5;
		return v * (h < 0 ? 0 : h > 1 ? 1 : h);
	}
	case ACT_GELU: return ref__gelu(v);
	case ACT_COUNT: break;
	}
	UNREACHABLE();
}

struct status ref__window(const struct ir_node *n, const struct tensor *x, const struct tensor *y,
                          const int64_t *kernel, struct ref_window *w)
{
	int64_t pads[2 * REF_SPATIAL_MAX] = {0};
	struct str mode = ir_attr_str(n, ATTR_ID_AUTO_PAD, STR("NOTSET"));
	bool same = str_is(mode, "SAME_UPPER") || str_is(mode, "SAME_LOWER");

	CHECK(x->rank >= 2 && y->rank == x->rank);
	memset(w, 0, sizeof *w);
	w->n = x->rank - 2;
	for (uint32_t d = 0; d < w->n; d++) {
		w->stride[d] = w->dilation[d] = w->kernel[d] = 1;
		w->in[d] = x->dims[d + 2];
		w->out[d] = y->dims[d + 2];
	}
	(void)ir_attr_ints(n, ATTR_ID_STRIDES, w->stride, w->n);
	(void)ir_attr_ints(n, ATTR_ID_DILATIONS, w->dilation, w->n);
	if (kernel)
		memcpy(w->kernel, kernel, w->n * sizeof *kernel);
	else
		(void)ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, w->kernel, w->n);
	/* explicit pads count only where nothing automatic is asked for; VALID means none */
	if (str_is(mode, "NOTSET"))
		(void)ir_attr_ints(n, ATTR_ID_PADS, pads, 2 * w->n);
	for (uint32_t d = 0; d < w->n; d++) {
		if (w->stride[d] < 1 || w->dilation[d] < 1 || w->kernel[d] < 1)
			return FAIL(INVALID_ARG, "node %.*s: a stride, dilation or kernel size is below 1",
			            STR_ARG(n->name));
		w->pad[d] = pads[d];
		w->pad_end[d] = pads[w->n + d];
		/* what the known output size needs in all; the odd one goes to the named end */
		if (same) {
			int64_t all = (w->out[d] - 1) * w->stride[d] +
			              (w->kernel[d] - 1) * w->dilation[d] + 1 - w->in[d];
			all = all < 0 ? 0 : all;
			w->pad[d] = str_is(mode, "SAME_UPPER") ? all / 2 : all - all / 2;
			w->pad_end[d] = all - w->pad[d];
		}
	}
	/* planes, for offsets: channel c of image i begins at (i*C + c) * in_n */
	w->in_n = ref__product(w->in, 0, w->n);
	w->out_n = ref__product(w->out, 0, w->n);
	w->taps = ref__product(w->kernel, 0, w->n);
	return STATUS_GOOD;
}

int64_t ref__window_at(const struct ref_window *w, const int64_t *out, const int64_t *tap)
{
	int64_t o = 0;
	for (uint32_t d = 0; d < w->n; d++) {
		int64_t i = out[d] * w->stride[d] + tap[d] * w->dilation[d] - w->pad[d];
		if (i < 0 || i >= w->in[d])
			return -1;
		o = o * w->in[d] + i;
	}
	return o;
}
