/* Shapes and types of element-wise operators with one input.
 *
 * All keep the shape; Cast changes the type, the others keep it. Cast and Identity pass known
 * contents on, so chains through Shape stay followed. Dropout is the identity at inference; its
 * mask, where asked for, is bool.
 */
#include "ir/infer/infer_priv.h"

#include "base/limits.h"
#include "base/panic.h"

static bool is_whole(enum dtype t)
{
	return t == DTYPE_INT64 || t == DTYPE_INT32;
}

struct status infer__unary(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	enum dtype t = x->dtype;
	struct dim c[LIMIT_GRAPH_CONTENT];
	uint32_t count;

	CHECK(n->n_out >= 1);
	if (n->op == OP_CAST) {
		t = dtype_from_onnx(ir_attr_int(n, ATTR_ID_TO, 0));
		if (t == DTYPE_INVALID)
			return infer__bad(n, "the type to cast to, number %lld, is not supported",
			                  (long long)ir_attr_int(n, ATTR_ID_TO, 0));
	}
	TRY(infer__set(g, n, 0, t, x->rank, x->dims));
	if (n->op == OP_DROPOUT)
		TRY(infer__set(g, n, 1, DTYPE_BOOL, x->rank, x->dims));
	bool follows = n->op == OP_IDENTITY || n->op == OP_CAST;
	if (follows && is_whole(t) && is_whole(x->dtype) && infer__elements(x, c, LIMIT_GRAPH_CONTENT, &count))
		return infer__content(g, n, 0, c, count);
	return STATUS_GOOD;
}
