/* Shapes of Conv and ConvTranspose.
 *
 * Weights are [o, c/group, k...] for Conv and [c, o/group, k...] for ConvTranspose. After
 * packing the weights have no dims any more; inference is not run again then. Any number of
 * spatial axes up to the rank limit. ConvTranspose follows ONNX: output_shape decides when given,
 * else stride * (in - 1) + output_padding + reach - pads.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

static struct status conv_inputs(const struct ir_node *n, uint32_t *spatial, int64_t *kernel)
{
	const struct ir_value *x = n->in[0], *w = n->in[1];
	if (x->rank < 3 || w->rank != x->rank)
		return infer__bad(n, "input and weights have rank %d and %d; both need the same, 3 or more",
		                  x->rank, w->rank);
	*spatial = (uint32_t)x->rank - 2;
	uint32_t given = ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, kernel, IR_RANK_MAX);
	if (given && given != *spatial)
		return infer__bad(n, "kernel_shape has %u entries for %u spatial dimensions", given, *spatial);
	for (uint32_t i = 0; i < *spatial; i++) {
		struct dim d = w->dims[2 + i];
		if (!dim_known(d) || (given && kernel[i] != d.k))
			return infer__bad(n, "the weights' size along spatial dimension %u is not kernel_shape", i);
		kernel[i] = d.k;
	}
	if (!dim_known(w->dims[0]) || !dim_known(w->dims[1]) || !dim_known(x->dims[1]))
		return infer__bad(n, "the number of channels is not known");
	if (x->dtype != w->dtype)
		return infer__bad(n, "input and weights have types %s and %s", dtype_wire(x->dtype),
		                  dtype_wire(w->dtype));
	return STATUS_GOOD;
}

static struct status channels(const struct ir_node *n, int64_t *out)
{
	int64_t group = ir_attr_int(n, ATTR_ID_GROUP, 1), c = n->in[0]->dims[1].k;
	int64_t w0 = n->in[1]->dims[0].k, w1 = n->in[1]->dims[1].k;
	bool good = group >= 1;
	if (n->op == OP_CONV)
		good = good && w1 <= INT64_MAX / group && c == w1 * group && w0 % group == 0;
	else
		good = good && w1 <= INT64_MAX / group && c == w0 && c % group == 0;
	if (!good)
		return infer__bad(n, "weights [%lld,%lld,...] in %lld groups do not fit %lld input channels",
		                  (long long)w0, (long long)w1, (long long)group, (long long)c);
	*out = n->op == OP_CONV ? w0 : w1 * group;
	const struct ir_value *b = infer__in(n, 2);
	if (b && (b->rank != 1 || (dim_known(b->dims[0]) && b->dims[0].k != *out)))
		return infer__bad(n, "the bias does not have one number for each of %lld channels",
		                  (long long)*out);
	return STATUS_GOOD;
}

static struct status transposed(const struct ir_node *n, uint32_t spatial, const struct infer_window *w,
                                struct dim *dims)
{
	int64_t extra[IR_RANK_MAX] = {0}, fixed[IR_RANK_MAX];
	uint32_t ne = ir_attr_ints(n, ATTR_ID_OUTPUT_PADDING, extra, IR_RANK_MAX);
	uint32_t nf = ir_attr_ints(n, ATTR_ID_OUTPUT_SHAPE, fixed, IR_RANK_MAX);
	struct str automatic = ir_attr_str(n, ATTR_ID_AUTO_PAD, STR("NOTSET"));
	if ((ne && ne != spatial) || (nf && nf != spatial))
		return infer__bad(n, "output_padding or output_shape does not have %u entries", spatial);
	for (uint32_t i = 0; i < spatial; i++) {
		struct dim in = n->in[0]->dims[2 + i];
		if (nf) {
			dims[2 + i] = DIM(fixed[i]);
			continue;
		}
		if (!dim_known(in))
			return infer__bad(n, "spatial sizes must be known");
		int64_t size = w[i].stride * (in.k - 1) + extra[i] + (w[i].kernel - 1) * w[i].dilation + 1;
		if (str_starts(automatic, STR("SAME_")))
			size = in.k * w[i].stride;
		else if (!str_is(automatic, "VALID"))
			size -= w[i].begin + w[i].end;
		dims[2 + i] = DIM(size);
	}
	return STATUS_GOOD;
}

/* Weights packed for a backend have lost their dims: kernel_shape and the declared output stand in
 * for them. */
static struct status packed_inputs(const struct ir_node *n, uint32_t *spatial, int64_t *kernel, int64_t *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	if (x->rank < 3 || !y || y->rank != x->rank || !dim_known(y->dims[1]) || !dim_known(x->dims[1]))
		return infer__bad(n, "packed weights need an input and an output of known channels");
	*spatial = (uint32_t)x->rank - 2;
	*out = y->dims[1].k;
	if (ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, kernel, IR_RANK_MAX) != *spatial)
		return infer__bad(n, "packed weights need kernel_shape");
	int64_t group = ir_attr_int(n, ATTR_ID_GROUP, 1);
	const struct ir_value *b = infer__in(n, 2);
	if (group < 1 || *out % group || x->dims[1].k % group ||
	    (b && (b->rank != 1 || !dim_eq(b->dims[0], y->dims[1]))))
		return infer__bad(n, "groups or bias do not fit its channels");
	return STATUS_GOOD;
}

struct status infer__conv(struct ir_graph *g, struct ir_node *n)
{
	uint32_t spatial = 0;
	int64_t kernel[IR_RANK_MAX], out = 0;
	struct infer_window w[IR_RANK_MAX];
	struct dim dims[IR_RANK_MAX];
	const struct ir_value *x = n->in[0];

	if (n->in[1]->layout == LAYOUT_PACKED) {
		TRY(packed_inputs(n, &spatial, kernel, &out));
	} else {
		TRY(conv_inputs(n, &spatial, kernel));
		TRY(channels(n, &out));
	}
	TRY(infer__windows(n, spatial, kernel, w));
	dims[0] = x->dims[0];
	dims[1] = DIM(out);
	if (n->op == OP_CONV_TRANSPOSE)
		TRY(transposed(n, spatial, w, dims));
	else
		for (uint32_t i = 0; i < spatial; i++)
			TRY(infer__slide(g, n, x->dims[2 + i], &w[i], &dims[2 + i]));
	CHECK(spatial + 2 <= IR_RANK_MAX);
	const struct ir_value *r = n->op == OP_CONV ? infer__in(n, 3) : 0;
	bool fits = !r || r->rank == x->rank;
	for (int32_t d = 0; r && fits && d < x->rank; d++)
		fits = dim_eq(r->dims[d], dims[d]);
	if (!fits)
		return infer__bad(n, "the residual does not have the output's shape");
	return infer__set(g, n, 0, x->dtype, x->rank, dims);
}
