/* Shapes, types and contents of element-wise operators with several inputs.
 *
 * Shapes broadcast as numpy's do. Small integer contents are computed symbolically for Add,
 * Sub, Mul, Div, Equal and Where, as exporters use them on shapes. Where a result cannot be known,
 * the content is simply not followed.
 */
#include "ir/infer/infer_priv.h"

#include "base/limits.h"
#include "base/panic.h"

/* One element; false: not known. */
static bool compute(struct ir_graph *g, enum op op, struct dim a, struct dim b, struct dim *out)
{
	bool known = dim_known(a) && dim_known(b);
	switch (op) {
	case OP_ADD:
		return (known || a.sym == b.sym || (!a.sym && !a.k) || (!b.sym && !b.k)) &&
		       infer__add(g, a, b, out);
	case OP_SUB:
		if (dim_eq(a, b)) {
			*out = DIM(0);
			return true;
		}
		*out = DIM(0);
		return known && !__builtin_sub_overflow(a.k, b.k, &out->k);
	case OP_MUL:
		return (dim_known(a) || dim_known(b)) && infer__mul(g, a, b, out);
	case OP_DIV:
		if (known && (!b.k || (b.k == -1 && a.k == INT64_MIN)))
			return false;
		return (known || (!b.sym && b.k > 0 && a.k % b.k == 0) ||
		        (a.sym == b.sym && b.k && a.k % b.k == 0)) && infer__div(g, a, b, out);
	case OP_EQUAL:
		*out = DIM(dim_eq(a, b));
		return known || dim_eq(a, b);
	default:
		return false;
	}
}

static struct status contents(struct ir_graph *g, struct ir_node *n)
{
	struct dim a[LIMIT_GRAPH_CONTENT], b[LIMIT_GRAPH_CONTENT], c[LIMIT_GRAPH_CONTENT], out[LIMIT_GRAPH_CONTENT];
	uint32_t na, nb, nc = 1, count;
	bool where = n->op == OP_WHERE;
	if (n->out[0] == 0 || n->out[0]->rank > 1 || !infer__elements(n->in[0], a, LIMIT_GRAPH_CONTENT, &na) ||
	    !infer__elements(n->in[1], b, LIMIT_GRAPH_CONTENT, &nb) ||
	    (where && !infer__elements(n->in[2], c, LIMIT_GRAPH_CONTENT, &nc)))
		return STATUS_GOOD;
	if (!na || !nb || !nc)
		return STATUS_GOOD;
	count = na > nb ? na : nb;
	count = nc > count ? nc : count;
	for (uint32_t i = 0; i < count; i++) {
		struct dim x = a[na == 1 ? 0 : i], y = b[nb == 1 ? 0 : i];
		if (where && !dim_known(x))
			return STATUS_GOOD;
		if (where)
			out[i] = x.k ? y : c[nc == 1 ? 0 : i];
		else if (!compute(g, n->op, x, y, &out[i]))
			return STATUS_GOOD;
	}
	return infer__content(g, n, 0, out, count);
}

struct status infer__binary(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *b = n->in[1];
	struct dim dims[IR_RANK_MAX];
	int32_t rank;
	enum dtype t = n->op == OP_EQUAL ? DTYPE_BOOL : n->op == OP_WHERE ? b->dtype : a->dtype;
	char ta[256], tb[256];

	CHECK(n->n_in >= 2);
	if (n->op == OP_WHERE ? n->in[2]->dtype != b->dtype || a->dtype != DTYPE_BOOL
	                      : n->op != OP_POW && a->dtype != b->dtype)
		return infer__bad(n, "its inputs %s and %s have types that do not go together",
		                  ir_value_text(g, a, ta, sizeof ta), ir_value_text(g, b, tb, sizeof tb));
	bool good = infer__broadcast(g, a->dims, a->rank, b->dims, b->rank, dims, &rank);
	if (good && n->op == OP_WHERE)
		good = infer__broadcast(g, dims, rank, n->in[2]->dims, n->in[2]->rank, dims, &rank);
	if (!good)
		return infer__bad(n, "its inputs %s and %s do not broadcast", ir_value_text(g, a, ta, sizeof ta),
		                  ir_value_text(g, b, tb, sizeof tb));
	TRY(infer__set(g, n, 0, t, rank, dims));
	return contents(g, n);
}
