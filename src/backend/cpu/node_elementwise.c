/* Element-wise nodes on the element-wise drivers: activations and arithmetic, softmax along the
 * last axis.
 *
 * Activations run on any layout as long as input and output share it. Arithmetic broadcasts by
 * strides over plain values, or runs over channels-last values of one shape. Constant bounds of
 * Clip are read when the node is prepared. No scratch, no state beyond one record.
 */
#include "backend/cpu/cpu_priv.h"
#include "backend/cpu/elementwise.h"
#include "backend/cpu/rows.h"

#include "base/panic.h"

struct unary { enum kernel_unary op; float lo, hi; };

/* The kernel for a node; false where there is none, or a bound is not constant. */
static bool unary_of(const struct ir_node *n, struct unary *u)
{
	*u = (struct unary){KERNEL_RELU, 0, 0};
	switch (n->op) {
	case OP_RELU:
		return true;
	case OP_LEAKY_RELU:
		*u = (struct unary){KERNEL_LEAKY_RELU, ir_attr_float(n, ATTR_ID_ALPHA, 0.01f), 0};
		return true;
	case OP_CLIP:
		*u = (struct unary){KERNEL_CLIP, -__builtin_inff(), __builtin_inff()};
		return (n->n_in < 2 || !n->in[1] || ir_value_scalar_f32(n->in[1], &u->lo)) &&
		       (n->n_in < 3 || !n->in[2] || ir_value_scalar_f32(n->in[2], &u->hi)) && u->lo <= u->hi;
	case OP_SIGMOID:
		u->op = KERNEL_SIGMOID;
		return true;
	case OP_TANH:
		u->op = KERNEL_TANH;
		return true;
	case OP_HARD_SWISH:
		u->op = KERNEL_HARD_SWISH;
		return true;
	case OP_GELU:
		u->op = str_is(ir_attr_str(n, ATTR_ID_APPROXIMATE, STR("none")), "tanh") ? KERNEL_GELU_TANH : KERNEL_GELU;
		return true;
	case OP_ERF:
		u->op = KERNEL_ERF;
		return true;
	case OP_EXP:
		u->op = KERNEL_EXP;
		return true;
	case OP_SQRT:
		u->op = KERNEL_SQRT;
		return true;
	case OP_NEG:
		u->op = KERNEL_NEG;
		return true;
	default:
		return false;
	}
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

static bool same(const struct ir_value *a, const struct ir_value *b)
{
	return a->layout == b->layout && same_dims(a, b);
}

static bool wants_unary(const struct ir_graph *g, const struct ir_node *n)
{
	struct unary u;
	(void)g;
	return cpu__f32(n->in[0]) && cpu__f32(n->out[0]) && same_dims(n->in[0], n->out[0]) && unary_of(n, &u) &&
	       !ir_attr_int(n, ATTR_ID_FUSED_ACT, ACT_NONE);
}

static bool supports_unary(const struct ir_graph *g, const struct ir_node *n)
{
	return wants_unary(g, n) && same(n->in[0], n->out[0]);
}

static struct status run_unary(const struct step *step, const struct step_args *a)
{
	const struct unary *u = step->state;
	elementwise_unary(u->op, a->out[0].bytes / sizeof(float), a->in[0].data, a->out[0].data, u->lo, u->hi, a->pool);
	return STATUS_GOOD;
}

static struct status prepare_unary(const struct prepare_args *a, struct step *out)
{
	struct unary *u = ARENA_NEW(a->arena, struct unary);
	if (!u)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(a->node->name));
	CHECK(unary_of(a->node, u));
	*out = (struct step){run_unary, u, 0};
	return STATUS_GOOD;
}

/* ---- arithmetic ---- */

static bool plain_f32(const struct ir_value *v)
{
	return cpu__f32(v) && v->layout == LAYOUT_PLAIN;
}

static bool supports_binary(const struct ir_graph *g, const struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *b = n->in[1], *y = n->out[0];
	(void)g;
	if (!cpu__f32(a) || !cpu__f32(b) || !cpu__f32(y))
		return false;
	if (plain_f32(a) && plain_f32(b) && plain_f32(y))
		return true;
	return same(a, y) && same(b, y) && y->layout == LAYOUT_CHANNELS_LAST;
}

static bool wants_binary(const struct ir_graph *g, const struct ir_node *n)
{
	const struct ir_value *a = n->in[0], *b = n->in[1], *y = n->out[0];
	(void)g;
	return cpu__f32(a) && cpu__f32(b) && cpu__f32(y) && !a->data && !b->data && same_dims(a, y) && same_dims(b, y);
}

struct binary { enum kernel_binary op; struct act act; bool flat; };

static struct status run_binary(const struct step *step, const struct step_args *a)
{
	const struct binary *s = step->state;
	const struct tensor *x = &a->in[0], *y = &a->in[1], *out = &a->out[0];
	struct elementwise_binary e = {.op = s->op, .a = x->data, .b = y->data, .y = out->data, .act = s->act};
	if (s->flat) {
		e.rank = 1;
		e.dims[0] = (int64_t)(out->bytes / sizeof(float));
		e.a_strides[0] = e.b_strides[0] = 1;
	} else {
		e.rank = out->rank;
		for (uint32_t i = 0; i < out->rank; i++)
			e.dims[i] = out->dims[i];
		elementwise_strides(x->rank, x->dims, out->rank, e.a_strides);
		elementwise_strides(y->rank, y->dims, out->rank, e.b_strides);
	}
	elementwise_binary(&e, a->pool);
	return STATUS_GOOD;
}

static struct status prepare_binary(const struct prepare_args *a, struct step *out)
{
	const struct ir_node *n = a->node;
	struct binary *s = ARENA_NEW(a->arena, struct binary);
	if (!s)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(n->name));
	CHECK(n->op == OP_ADD || n->op == OP_SUB || n->op == OP_MUL || n->op == OP_DIV);
	s->op = n->op == OP_ADD ? KERNEL_ADD : n->op == OP_SUB ? KERNEL_SUB : n->op == OP_MUL ? KERNEL_MUL : KERNEL_DIV;
	s->act = cpu__act(n);
	s->flat = same(n->in[0], n->out[0]) && same(n->in[1], n->out[0]);
	*out = (struct step){run_binary, s, 0};
	return STATUS_GOOD;
}

/* ---- softmax ---- */

static bool supports_softmax(const struct ir_graph *g, const struct ir_node *n)
{
	(void)g;
	return plain_f32(n->in[0]) && plain_f32(n->out[0]) && n->in[0]->rank >= 1;
}

struct softmax { bool log; int32_t axis; };

static void softmax_sizes(const struct softmax *s, const int64_t *dims, uint32_t rank, size_t *outer, size_t *n, size_t *inner)
{
	*outer = *inner = 1;
	*n = (size_t)dims[s->axis];
	for (uint32_t i = 0; i < rank; i++)
		*(i < (uint32_t)s->axis ? outer : inner) *= i == (uint32_t)s->axis ? 1 : (size_t)dims[i];
}

static struct status run_softmax(const struct step *step, const struct step_args *a)
{
	const struct softmax *s = step->state;
	size_t outer, n, inner;
	softmax_sizes(s, a->in[0].dims, a->in[0].rank, &outer, &n, &inner);
	if (outer && n && inner)
		rows_softmax(s->log, outer, n, inner, a->in[0].data, a->out[0].data, a->scratch, a->pool);
	return STATUS_GOOD;
}

static struct status prepare_softmax(const struct prepare_args *a, struct step *out)
{
	const struct ir_value *x = a->node->in[0];
	struct softmax *s = ARENA_NEW(a->arena, struct softmax);
	int64_t dims[IR_RANK_MAX], axis = ir_attr_int(a->node, ATTR_ID_AXIS, -1);
	size_t outer, n, inner;
	if (!s)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(a->node->name));
	s->log = a->node->op == OP_LOG_SOFTMAX;
	s->axis = (int32_t)(axis < 0 ? axis + x->rank : axis);
	CHECK(s->axis >= 0 && s->axis < x->rank);
	for (int32_t i = 0; i < x->rank; i++)
		dims[i] = dim_at(x->dims[i], a->batch_max);
	softmax_sizes(s, dims, (uint32_t)x->rank, &outer, &n, &inner);
	*out = (struct step){run_softmax, s, rows_softmax_scratch_bytes(n, inner, a->threads)};
	return STATUS_GOOD;
}

const struct cpu_op cpu__unary = {.supports = supports_unary, .wants = wants_unary, .prepare = prepare_unary};
const struct cpu_op cpu__binary = {.supports = supports_binary, .wants = wants_binary, .prepare = prepare_binary};
const struct cpu_op cpu__softmax = {.supports = supports_softmax, .prepare = prepare_softmax};
