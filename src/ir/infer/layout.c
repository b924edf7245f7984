/* The two operators that passes insert: the same tensor stored in another order.
 *
 * Dims keep their meaning, N, C, spatial; only the value's layout says how it lies in memory.
 * Both sides are 3-D or more.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

struct status infer__layout(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	CHECK(n->n_out == 1);
	if (x->rank < 3)
		return infer__bad(n, "a tensor of rank %d has no channels to move", x->rank);
	if (n->out[0])
		n->out[0]->layout = n->op == OP_TO_CHANNELS_LAST ? LAYOUT_CHANNELS_LAST : LAYOUT_PLAIN;
	return infer__set(g, n, 0, x->dtype, x->rank, x->dims);
}
