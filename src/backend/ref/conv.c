/* Conv and ConvTranspose as ONNX defines them, for any number of spatial dimensions.
 *
 * Both are written as gathers: each output element is one sum, taken over taps and then
 * channels, in that order, in double, rounded once at the end. Conv's optional fourth input is a
 * residual of the output's shape; it and the bias are added before the fused activation. Padding
 * contributes nothing: taps outside the input are left out of the sum. One thread, no packing, no
 * tiling: this is the definition that the fast backends are compared with.
 */
#include "backend/ref/ref_priv.h"

/* x [N, G*CG, in...], w [M, CG, kernel...], b [M], r and y [N, M, out...] */
static struct status conv(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *w = ref__in(a, 1), *b = ref__in(a, 2);
	const struct tensor *r = ref__in(a, 3), *y = &a->out[0];
	int64_t groups = ir_attr_int(n, ATTR_ID_GROUP, 1), m_n = w->dims[0], cg = w->dims[1];
	int64_t tap[REF_SPATIAL_MAX] = {0}, at[REF_SPATIAL_MAX] = {0};
	struct ref_window win;

	TRY(ref__window(n, x, y, w->dims + 2, &win));
	if (groups < 1 || m_n % groups || x->dims[1] != groups * cg || y->dims[1] != m_n)
		return FAIL(INVALID_ARG, "node %.*s: %lld channels in %lld groups do not fit the weights",
		            STR_ARG(n->name), (long long)x->dims[1], (long long)groups);
	for (int64_t i = 0; i < x->dims[0]; i++)
	for (int64_t p = 0; p < win.out_n; p++, ref__next(at, win.out, win.n))
	for (int64_t m = 0; m < m_n; m++) {
		int64_t c0 = m / (m_n / groups) * cg, yi = (i * m_n + m) * win.out_n + p;
		double sum = b ? ref__get(b, m) : 0;
		for (int64_t t = 0; t < win.taps; t++, ref__next(tap, win.kernel, win.n)) {
			int64_t o = ref__window_at(&win, at, tap);
			if (o < 0)
				continue;
			for (int64_t c = 0; c < cg; c++)
				sum += ref__get(x, (i * x->dims[1] + c0 + c) * win.in_n + o) *
				       ref__get(w, (m * cg + c) * win.taps + t);
		}
		if (r)
			sum += ref__get(r, yi);
		ref__put(y, yi, ref__act(n, sum));
	}
	return STATUS_GOOD;
}

/* Begin pads that output_shape or auto_pad leave to be computed; the size of the output is known
 * by now. */
static void transpose_pads(const struct ir_node *n, struct ref_window *w)
{
	struct str mode = ir_attr_str(n, ATTR_ID_AUTO_PAD, STR("NOTSET"));
	bool upper = str_is(mode, "SAME_UPPER"), lower = str_is(mode, "SAME_LOWER");
	int64_t extra[REF_SPATIAL_MAX] = {0};

	if (!upper && !lower && !ir_attr(n, ATTR_ID_OUTPUT_SHAPE))
		return;
	(void)ir_attr_ints(n, ATTR_ID_OUTPUT_PADDING, extra, w->n);
	for (uint32_t d = 0; d < w->n; d++) {
		int64_t all = w->stride[d] * (w->in[d] - 1) + extra[d] +
		              (w->kernel[d] - 1) * w->dilation[d] + 1 - w->out[d];
		all = all < 0 ? 0 : all;
		w->pad[d] = upper ? all / 2 : all - all / 2;
	}
}

/* The input offset whose product with `tap` lands on output position `at`; -1: none. */
static int64_t transpose_at(const struct ref_window *w, const int64_t *at, const int64_t *tap)
{
	int64_t o = 0;
	for (uint32_t d = 0; d < w->n; d++) {
		int64_t i = at[d] + w->pad[d] - tap[d] * w->dilation[d];
		if (i < 0 || i % w->stride[d] || i / w->stride[d] >= w->in[d])
			return -1;
		o = o * w->in[d] + i / w->stride[d];
	}
	return o;
}

/* x [N, C, in...], w [C, MG, kernel...], b [G*MG], y [N, G*MG, out...] */
static struct status conv_transpose(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *w = ref__in(a, 1), *b = ref__in(a, 2);
	const struct tensor *y = &a->out[0];
	int64_t groups = ir_attr_int(n, ATTR_ID_GROUP, 1), mg = w->dims[1], m_n = mg * groups;
	int64_t tap[REF_SPATIAL_MAX] = {0}, at[REF_SPATIAL_MAX] = {0};
	struct ref_window win;

	TRY(ref__window(n, x, y, w->dims + 2, &win));
	transpose_pads(n, &win);
	if (groups < 1 || x->dims[1] != w->dims[0] || x->dims[1] % groups || y->dims[1] != m_n)
		return FAIL(INVALID_ARG, "node %.*s: %lld channels in %lld groups do not fit the weights",
		            STR_ARG(n->name), (long long)x->dims[1], (long long)groups);
	int64_t cg = x->dims[1] / groups;
	for (int64_t i = 0; i < x->dims[0]; i++)
	for (int64_t p = 0; p < win.out_n; p++, ref__next(at, win.out, win.n))
	for (int64_t m = 0; m < m_n; m++) {
		int64_t c0 = m / mg * cg;
		double sum = b ? ref__get(b, m) : 0;
		for (int64_t t = 0; t < win.taps; t++, ref__next(tap, win.kernel, win.n)) {
			int64_t o = transpose_at(&win, at, tap);
			for (int64_t c = 0; o >= 0 && c < cg; c++)
				sum += ref__get(x, (i * x->dims[1] + c0 + c) * win.in_n + o) *
				       ref__get(w, ((c0 + c) * mg + m % mg) * win.taps + t);
		}
		ref__put(y, (i * m_n + m) * win.out_n + p, ref__act(n, sum));
	}
	return STATUS_GOOD;
}

struct status ref__conv(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_CONV: return conv(n, a);
	case OP_CONV_TRANSPOSE: return conv_transpose(n, a);
	default: UNREACHABLE();
	}
}
