/* Shapes of BatchNormalization and LayerNormalization.
 *
 * Both give their input's shape. The parameters of a batch norm have one number a channel;
 * those of a layer norm broadcast to the normalised axes. A layer norm's further outputs, mean and
 * inverse deviation, have ones in the normalised axes and are fp32 by default (stash_type 1).
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

static struct status layer_norm(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct dim dims[IR_RANK_MAX];
	int32_t axis;
	if (!infer__axis(ir_attr_int(n, ATTR_ID_AXIS, -1), x->rank, &axis))
		return infer__bad(n, "axis is out of range for rank %d", x->rank);
	TRY(infer__set(g, n, 0, x->dtype, x->rank, x->dims));
	for (int32_t i = 0; i < x->rank; i++)
		dims[i] = i < axis ? x->dims[i] : DIM(1);
	TRY(infer__set(g, n, 1, DTYPE_FP32, x->rank, dims));
	return infer__set(g, n, 2, DTYPE_FP32, x->rank, dims);
}

struct status infer__norm(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	if (n->op == OP_LAYER_NORM)
		return layer_norm(g, n);
	CHECK(n->op == OP_BATCH_NORM);
	if (x->rank < 2)
		return infer__bad(n, "the input has rank %d; 2 is the least", x->rank);
	for (uint32_t i = 1; i < 5; i++) {
		const struct ir_value *p = n->in[i];
		if (p->rank != 1 || (dim_known(p->dims[0]) && dim_known(x->dims[1]) && p->dims[0].k != x->dims[1].k))
			return infer__bad(n, "parameter %u does not have one number for each channel", i);
	}
	if (ir_attr_int(n, ATTR_ID_TRAINING_MODE, 0))
		return FAIL(UNSUPPORTED, "node %.*s (BatchNormalization): training_mode is set; export the model "
		            "for inference", STR_ARG(n->name));
	return infer__set(g, n, 0, x->dtype, x->rank, x->dims);
}
