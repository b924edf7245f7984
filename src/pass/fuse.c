/* Epilogue fusion: bias, residual and activation move into the convolution or product before them.
 *
 * One walk in order: an Add with a row of numbers becomes the bias of a MatMul, an Add of an
 * equally shaped tensor the residual of a Conv, and an activation the fused activation. Each step
 * takes over the output value of the node that it swallows, so users see no change. A producer is
 * touched only while its result has one user and it has no activation yet, because activations
 * come last.
 */
#include "pass/pass_priv.h"

#include "base/panic.h"

static bool fusable(const struct ir_graph *g, const struct ir_value *v)
{
	const struct ir_node *p = v->producer;
	return p && (p->op == OP_CONV || p->op == OP_GEMM || p->op == OP_MAT_MUL) && !p->dead &&
	       pass__only_use(g, v) && !ir_attr(p, ATTR_ID_FUSED_ACT);
}

static bool same_dims(const struct ir_value *a, const struct ir_value *b)
{
	if (a->rank != b->rank)
		return false;
	for (int32_t i = 0; i < a->rank; i++)
		if (!dim_eq(a->dims[i], b->dims[i]))
			return false;
	return true;
}

static bool has_input(const struct ir_node *n, uint32_t i)
{
	return i < n->n_in && n->in[i];
}

/* Input i of p becomes v, and p makes what `by` made. */
static struct status swallow(struct ir_graph *g, struct ir_node *p, struct ir_node *by, uint32_t i,
                             struct ir_value *v)
{
	struct ir_value **in = ARENA_ARRAY(g->arena, (size_t)i + 1, struct ir_value *);
	if (!in)
		return FAIL(NO_MEMORY, "no memory to fuse %.*s", STR_ARG(by->name));
	for (uint32_t k = 0; k < p->n_in && k < i; k++)
		in[k] = p->in[k];
	in[i] = v;
	p->in = in;
	p->n_in = i + 1;
	ir_node_output(p, 0, by->out[0]);
	by->dead = true;
	return STATUS_GOOD;
}

/* Whether v is [n], the bias of a product with n columns. */
static bool is_bias(const struct ir_value *v, const struct ir_value *product)
{
	return v->rank == 1 && product->rank >= 2 && v->dtype == product->dtype &&
	       dim_eq(v->dims[0], product->dims[product->rank - 1]);
}

static struct status try_add(struct ir_graph *g, struct ir_node *n, uint32_t *changes)
{
	for (uint32_t side = 0; side < 2; side++) {
		struct ir_value *x = n->in[side], *other = n->in[1 - side];
		if (!fusable(g, x) || x == other || !same_dims(x, n->out[0]))
			continue;
		struct ir_node *p = x->producer;
		if (p->op == OP_MAT_MUL && !has_input(p, 2) && is_bias(other, x)) {
			++*changes;
			return swallow(g, p, n, 2, other);
		}
		if (p->op == OP_CONV && !has_input(p, 3) && same_dims(other, x) && !other->data) {
			++*changes;
			return swallow(g, p, n, 3, other);
		}
	}
	return STATUS_GOOD;
}

struct activation { enum ir_act kind; float alpha, beta; };

static bool clip_bounds(const struct ir_node *n, struct activation *a)
{
	a->alpha = -__builtin_inff();
	a->beta = __builtin_inff();
	return (!has_input(n, 1) || ir_value_scalar_f32(n->in[1], &a->alpha)) &&
	       (!has_input(n, 2) || ir_value_scalar_f32(n->in[2], &a->beta));
}

static bool activation_of(const struct ir_node *n, struct activation *a)
{
	*a = (struct activation){ACT_NONE, 0, 0};
	switch (n->op) {
	case OP_RELU:
		a->kind = ACT_RELU;
		return true;
	case OP_LEAKY_RELU:
		a->kind = ACT_LEAKY_RELU;
		a->alpha = ir_attr_float(n, ATTR_ID_ALPHA, 0.01f);
		return true;
	case OP_CLIP:
		a->kind = ACT_CLIP;
		return clip_bounds(n, a);
	case OP_SIGMOID:
		a->kind = ACT_SIGMOID;
		return true;
	case OP_TANH:
		a->kind = ACT_TANH;
		return true;
	case OP_HARD_SWISH:
		a->kind = ACT_HARD_SWISH;
		return true;
	case OP_GELU:
		a->kind = ACT_GELU;
		return str_is(ir_attr_str(n, ATTR_ID_APPROXIMATE, STR("none")), "none");
	default:
		return false;
	}
}

static struct status try_activation(struct ir_graph *g, struct ir_node *n, uint32_t *changes)
{
	struct activation a;
	if (!activation_of(n, &a) || !fusable(g, n->in[0]) || n->in[0]->dtype != DTYPE_FP32)
		return STATUS_GOOD;
	struct ir_node *p = n->in[0]->producer;
	CHECK(a.kind > ACT_NONE && a.kind < ACT_COUNT);
	if (!ir_set_int(g, p, ATTR_ID_FUSED_ACT, a.kind) || !ir_set_float(g, p, ATTR_ID_FUSED_ALPHA, a.alpha) ||
	    !ir_set_float(g, p, ATTR_ID_FUSED_BETA, a.beta))
		return FAIL(NO_MEMORY, "no memory to fuse %.*s", STR_ARG(n->name));
	ir_node_output(p, 0, n->out[0]);
	n->dead = true;
	++*changes;
	return STATUS_GOOD;
}

struct status pass__fuse(struct ir_graph *g, const struct pass_context *c, uint32_t *changes)
{
	(void)c;
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ir_node *n = g->nodes[i];
		if (n->dead || n->n_out < 1 || !n->out[0])
			continue;
		if (n->op == OP_ADD && n->in[0]->dtype == DTYPE_FP32 && !ir_attr(n, ATTR_ID_FUSED_ACT))
			TRY(try_add(g, n, changes));
		else
			TRY(try_activation(g, n, changes));
	}
	return STATUS_GOOD;
}
