/* Canonical forms: nodes that do nothing are removed, constants become values.
 *
 * Removed are Identity, Dropout without a mask, Cast to the same type, Reshape, Expand and
 * their kin to the same shape, and Transpose that moves nothing. A Constant node becomes a
 * constant value. A node stays where its output is an output of the graph that would otherwise be
 * an input, a constant or another output: then it is a copy, and somebody must make it.
 */
#include "pass/pass_priv.h"

#include "base/panic.h"

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	if (a->rank != b->rank || a->rank < 0 || a->layout != b->layout)
		return false;
	for (int32_t i = 0; i < a->rank; i++)
		if (!dim_eq(a->dims[i], b->dims[i]))
			return false;
	return true;
}

static bool identity_perm(const struct ir_node *n)
{
	int64_t perm[IR_RANK_MAX];
	uint32_t count = ir_attr_ints(n, ATTR_ID_PERM, perm, IR_RANK_MAX);
	if (count != (uint32_t)n->in[0]->rank)
		return n->in[0]->rank <= 1;
	for (uint32_t i = 0; i < count; i++)
		if (perm[i] != i)
			return false;
	return true;
}

static bool does_nothing(const struct ir_node *n)
{
	switch (n->op) {
	case OP_IDENTITY:
		return true;
	case OP_DROPOUT:
		return n->n_out < 2 || !n->out[1] || n->out[1]->uses == 0;
	case OP_CAST:
		return n->in[0]->dtype == n->out[0]->dtype;
	case OP_RESHAPE:
	case OP_EXPAND:
	case OP_SQUEEZE:
	case OP_UNSQUEEZE:
	case OP_FLATTEN:
		return same_shape(n->in[0], n->out[0]);
	case OP_TRANSPOSE:
		return identity_perm(n);
	default:
		return false;
	}
}

/* The node's constant moves into its output value. */
static bool constant(struct ir_node *n)
{
	const struct ir_attr *a = ir_attr(n, ATTR_ID_VALUE);
	struct ir_value *v = n->out[0];
	if (n->op != OP_CONSTANT || !a)
		return false;
	CHECK(a->t->data);
	v->data = a->t->data;
	v->data_bytes = a->t->data_bytes;
	v->producer = 0;
	n->dead = true;
	return true;
}

struct status pass__canon(struct ir_graph *g, const struct pass_context *c, uint32_t *changes)
{
	(void)c;
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ir_node *n = g->nodes[i];
		if (n->dead || !n->out[0])
			continue;
		if (constant(n)) {
			++*changes;
		} else if (does_nothing(n) && pass__forward(g, n->out[0], n->in[0])) {
			n->dead = true;
			++*changes;
		}
	}
	return STATUS_GOOD;
}
