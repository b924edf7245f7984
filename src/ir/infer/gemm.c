/* Shapes of Gemm and MatMul.
 *
 * The depth of both sides must agree where both are numbers; where a symbol meets another the
 * model is taken at its word and the engine finds out with concrete shapes. MatMul follows numpy:
 * leading dimensions broadcast, a vector is a row on the left and a column on the right. The third
 * input of either is added to the product and must broadcast to it.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

static struct status depth(const struct ir_node *n, struct dim a, struct dim b)
{
	if (dim_known(a) && dim_known(b) && a.k != b.k)
		return infer__bad(n, "the left side has %lld columns and the right side %lld rows",
		                  (long long)a.k, (long long)b.k);
	return STATUS_GOOD;
}

/* The addend broadcasts one way: the result keeps its shape. */
static struct status addend(struct ir_graph *g, struct ir_node *n, const struct dim *dims, int32_t rank)
{
	const struct ir_value *c = infer__in(n, 2);
	char text[256];
	if (!c)
		return STATUS_GOOD;
	bool good = c->rank <= rank && c->dtype == n->in[0]->dtype;
	for (int32_t i = 0; good && i < c->rank; i++) {
		struct dim have = c->dims[c->rank - 1 - i], want = dims[rank - 1 - i];
		good = !dim_known(have) || !dim_known(want) || have.k == 1 || have.k == want.k;
	}
	if (!good)
		return infer__bad(n, "%s cannot be added to the product",
		                  ir_value_text(g, c, text, sizeof text));
	return STATUS_GOOD;
}

static struct status gemm(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *b = n->in[1];
	int ta = ir_attr_int(n, ATTR_ID_TRANS_A, 0) != 0, tb = ir_attr_int(n, ATTR_ID_TRANS_B, 0) != 0;
	if (a->rank != 2 || b->rank != 2)
		return infer__bad(n, "its inputs have rank %d and %d; both must be matrices", a->rank, b->rank);
	TRY(depth(n, a->dims[!ta], b->dims[tb]));
	struct dim dims[2] = {a->dims[ta], b->dims[!tb]};
	TRY(addend(g, n, dims, 2));
	return infer__set(g, n, 0, a->dtype, 2, dims);
}

static struct status matmul(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *b = n->in[1];
	struct dim dims[IR_RANK_MAX + 2];
	int32_t rank;
	if (a->rank < 1 || b->rank < 1)
		return infer__bad(n, "an input is a scalar");
	TRY(depth(n, a->dims[a->rank - 1], b->dims[b->rank == 1 ? 0 : b->rank - 2]));
	int32_t la = a->rank > 2 ? a->rank - 2 : 0, lb = b->rank > 2 ? b->rank - 2 : 0;
	if (!infer__broadcast(g, a->dims, la, b->dims, lb, dims, &rank))
		return infer__bad(n, "the leading dimensions do not broadcast");
	if (a->rank > 1)
		dims[rank++] = a->dims[a->rank - 2];
	if (b->rank > 1)
		dims[rank++] = b->dims[b->rank - 1];
	TRY(addend(g, n, dims, rank));
	return infer__set(g, n, 0, a->dtype, rank, dims);
}

/* Packed weights have lost their dims; the declared output says how many columns there are. */
static struct status packed(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *y = n->out[0];
	struct dim dims[IR_RANK_MAX];
	bool trans = n->op == OP_GEMM && ir_attr_int(n, ATTR_ID_TRANS_A, 0);
	if (a->rank < 2 || !y || y->rank != a->rank || !dim_known(y->dims[y->rank - 1]) ||
	    (n->op == OP_GEMM && a->rank != 2))
		return infer__bad(n, "packed weights need an input and an output of known columns");
	for (int32_t i = 0; i < a->rank; i++)
		dims[i] = a->dims[i];
	dims[a->rank - 2] = a->dims[trans ? a->rank - 1 : a->rank - 2];
	dims[a->rank - 1] = y->dims[y->rank - 1];
	TRY(addend(g, n, dims, a->rank));
	return infer__set(g, n, 0, a->dtype, a->rank, dims);
}

struct status infer__gemm(struct ir_graph *g, struct ir_node *n)
{
	CHECK(n->n_in >= 2);
	if (n->in[1]->layout == LAYOUT_PACKED)
		return packed(g, n);
	if (n->in[0]->dtype != n->in[1]->dtype)
		return infer__bad(n, "its inputs have types %s and %s", dtype_wire(n->in[0]->dtype),
		                  dtype_wire(n->in[1]->dtype));
	return n->op == OP_GEMM ? gemm(g, n) : matmul(g, n);
}
