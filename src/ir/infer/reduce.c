/* Shapes of ReduceMean, ReduceSum and ArgMax.
 *
 * The reductions take their axes as an input (the newest form); none means all, or nothing when
 * noop_with_empty_axes is set. Kept axes become 1. ArgMax has one axis and gives int64.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

static struct status finish(struct ir_graph *g, struct ir_node *n, enum dtype t, uint32_t mask)
{
	const struct ir_value *x = n->in[0];
	bool keep = ir_attr_int(n, ATTR_ID_KEEPDIMS, 1) != 0;
	struct dim dims[IR_RANK_MAX];
	int32_t rank = 0;
	for (int32_t i = 0; i < x->rank; i++) {
		if (!(mask >> i & 1))
			dims[rank++] = x->dims[i];
		else if (keep)
			dims[rank++] = DIM(1);
	}
	return infer__set(g, n, 0, t, rank, dims);
}

struct status infer__reduce(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *given = infer__in(n, 1);
	int64_t axes[IR_RANK_MAX];
	uint32_t count = 0, mask = 0;
	int32_t at;
	CHECK(x->rank <= IR_RANK_MAX);
	if (n->op == OP_ARG_MAX) {
		if (!infer__axis(ir_attr_int(n, ATTR_ID_AXIS, 0), x->rank, &at))
			return infer__bad(n, "axis is out of range for rank %d", x->rank);
		return finish(g, n, DTYPE_INT64, 1u << at);
	}
	if (given && !ir_value_ints(given, axes, IR_RANK_MAX, &count))
		return infer__bad(n, "its axes are not known numbers");
	for (uint32_t i = 0; i < count; i++) {
		if (!infer__axis(axes[i], x->rank, &at))
			return infer__bad(n, "axis %lld is out of range for rank %d", (long long)axes[i], x->rank);
		mask |= 1u << at;
	}
	if (!count && !ir_attr_int(n, ATTR_ID_NOOP_EMPTY_AXES, 0))
		mask = (1u << x->rank) - 1;
	return finish(g, n, x->dtype, mask);
}
