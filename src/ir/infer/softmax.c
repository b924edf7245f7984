/* Softmax and LogSoftmax: the input's shape; the axis must exist.
 *
 * The IR holds the newest form (opset 13), one axis; older models are converted by the importer.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

struct status infer__softmax(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int32_t axis;
	CHECK(n->n_in == 1);
	if (!infer__axis(ir_attr_int(n, ATTR_ID_AXIS, -1), x->rank, &axis))
		return infer__bad(n, "axis is out of range for rank %d", x->rank);
	return infer__set(g, n, 0, x->dtype, x->rank, x->dims);
}
