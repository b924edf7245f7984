/* How much work a node is: two operations a multiply-add for convolutions and products, one an
 * element for the rest.
 *
 * For tables and cost models, so doubles do and nothing can fail: what is not known counts as
 * nothing. A convolution does one multiply-add for each output element, tap and input channel of
 * its group. Packed weights have lost their dims, so kernel_shape is read from the attribute then.
 * Reads only.
 */
#include "ir/ir.h"

#include "base/panic.h"

static double elements(const struct ir_value *v, int64_t batch)
{
	int64_t n;
	return v && ir_value_elements(v, batch, &n) ? (double)n : 0;
}

static double conv_flops(const struct ir_node *n, int64_t batch)
{
	const struct ir_value *w = n->in[1], *in = n->in[0];
	int64_t kernel[IR_RANK_MAX];
	uint32_t spatial = ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, kernel, IR_RANK_MAX);
	double taps = 1, group = (double)ir_attr_int(n, ATTR_ID_GROUP, 1);
	if (in->rank < 3)
		return 0;
	for (uint32_t i = 0; i < spatial && i < IR_RANK_MAX; i++)
		taps *= (double)kernel[i];
	for (int32_t i = 2; !spatial && w && i < w->rank; i++)
		taps *= (double)w->dims[i].k;
	if (n->op == OP_CONV_TRANSPOSE)
		return 2 * elements(in, batch) * taps *
		       (n->out[0]->rank > 1 ? (double)n->out[0]->dims[1].k : 0) / group;
	return 2 * elements(n->out[0], batch) * taps * (double)in->dims[1].k / group;
}

double ir_node_flops(const struct ir_node *n, int64_t batch)
{
	CHECK(n->n_out >= 1);
	const struct ir_value *out = n->out[0];
	switch (n->op) {
	case OP_CONV:
	case OP_CONV_TRANSPOSE:
		return out ? conv_flops(n, batch) : 0;
	case OP_GEMM:
	case OP_MAT_MUL: {
		const struct ir_value *a = n->in[0];
		if (a->rank < 1 || !out)
			return 0;
		bool trans = n->op == OP_GEMM && ir_attr_int(n, ATTR_ID_TRANS_A, 0);
		return 2 * elements(out, batch) * (double)a->dims[trans ? 0 : a->rank - 1].k;
	}
	case OP_FLATTEN:
	case OP_RESHAPE:
	case OP_SQUEEZE:
	case OP_UNSQUEEZE:
	case OP_IDENTITY:
		return 0;
	default:
		return elements(out, batch) > elements(n->n_in ? n->in[0] : 0, batch)
		               ? elements(out, batch)
		               : elements(n->n_in ? n->in[0] : 0, batch);
	}
}
