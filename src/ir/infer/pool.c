/* Shapes of the pools: sliding windows, and the global average.
 *
 * ceil_mode and auto_pad are handled with the windows in infer.c. MaxPool's second output holds
 * indices, int64, of the same shape. Channels and batch pass through, so both may be symbolic.
 * Rules are ONNX's, opset 7 to 22.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

struct status infer__pool(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct dim dims[IR_RANK_MAX];
	int64_t kernel[IR_RANK_MAX];
	struct infer_window w[IR_RANK_MAX];

	if (x->rank < 3)
		return infer__bad(n, "the input has rank %d; a pool needs batch, channels and one spatial "
		                  "dimension at least", x->rank);
	uint32_t spatial = (uint32_t)x->rank - 2;
	CHECK(spatial <= IR_RANK_MAX - 2);
	dims[0] = x->dims[0];
	dims[1] = x->dims[1];
	if (n->op == OP_GLOBAL_AVERAGE_POOL) {
		for (uint32_t i = 0; i < spatial; i++)
			dims[2 + i] = DIM(1);
		return infer__set(g, n, 0, x->dtype, x->rank, dims);
	}
	if (ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, kernel, IR_RANK_MAX) != spatial)
		return infer__bad(n, "kernel_shape does not have %u entries", spatial);
	TRY(infer__windows(n, spatial, kernel, w));
	for (uint32_t i = 0; i < spatial; i++)
		TRY(infer__slide(g, n, x->dims[2 + i], &w[i], &dims[2 + i]));
	TRY(infer__set(g, n, 0, x->dtype, x->rank, dims));
	return infer__set(g, n, 1, DTYPE_INT64, x->rank, dims);
}
