/* The reference backend: what each op means, in plain C loops, one file a family (ir/ops.def names
 * it).
 *
 * It is a specification that runs. It supports every op for every type that ONNX allows and
 * Nereid stores, in plain layout (and nereid.ToChannelsLast/First between the two layouts), and it
 * is never made faster: the fast backends are tested against it, and it is tested against ONNX
 * Runtime. Floats are computed in double and rounded once, in a fixed order.
 *
 * A step's state is a copy of the node's attributes in the caller's arena, so that the graph
 * need not outlive it; contents of constants stay where they are. Steps hold nothing that changes:
 * any number of threads may run one at a time.
 */
#include "backend/ref/ref.h"
#include "backend/ref/ref_priv.h"

static ref_fn *const table[OP_COUNT] = {
#define X(name, text, family, in_min, in_max, out_min, out_max, flags) [OP_##name] = ref__##family,
#include "ir/ops.def"
#undef X
};

enum types { TYPES_ANY, TYPES_NUMBER, TYPES_FLOAT };

/* What the first input may be. */
static enum types types_of(enum op op)
{
	switch (op) {
	case OP_RELU: case OP_CLIP: case OP_NEG: case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV:
	case OP_POW: case OP_GEMM: case OP_MAT_MUL: case OP_MAX_POOL: case OP_RESIZE:
	case OP_REDUCE_MEAN: case OP_REDUCE_SUM: case OP_ARG_MAX: return TYPES_NUMBER;
	case OP_CONV: case OP_CONV_TRANSPOSE: case OP_AVERAGE_POOL: case OP_GLOBAL_AVERAGE_POOL:
	case OP_BATCH_NORM: case OP_LAYER_NORM: case OP_LEAKY_RELU: case OP_SIGMOID: case OP_TANH:
	case OP_HARD_SIGMOID: case OP_HARD_SWISH: case OP_GELU: case OP_ERF: case OP_SQRT: case OP_EXP:
	case OP_SOFTMAX: case OP_LOG_SOFTMAX: return TYPES_FLOAT;
	default: return TYPES_ANY;
	}
}

/* Absent values fit. BYTES has no fixed size: the engine passes such values through itself. */
static bool value_fits(const struct ir_value *v, enum ir_layout layout)
{
	return !v || (dtype_bytes(v->dtype) && v->rank >= 0 && v->layout == layout);
}

static bool ref_supports(const struct ir_graph *g, const struct ir_node *n)
{
	enum ir_layout in = n->op == OP_TO_CHANNELS_FIRST ? LAYOUT_CHANNELS_LAST : LAYOUT_PLAIN;
	enum ir_layout out = n->op == OP_TO_CHANNELS_LAST ? LAYOUT_CHANNELS_LAST : LAYOUT_PLAIN;

	for (uint32_t i = 0; i < n->n_in; i++)
		if (!value_fits(n->in[i], in))
			return false;
	for (uint32_t i = 0; i < n->n_out; i++)
		if (!value_fits(n->out[i], out))
			return false;
	if (n->n_in == 0 || !n->in[0])
		return types_of(n->op) == TYPES_ANY;
	switch (types_of(n->op)) {
	case TYPES_ANY: return true;
	case TYPES_NUMBER: return n->in[0]->dtype != DTYPE_BOOL;
	case TYPES_FLOAT: return ref__is_float(n->in[0]->dtype);
	}
	UNREACHABLE();
}

static struct status ref_probe(void)
{
	return STATUS_GOOD;
}

static const char *ref_tactic_name(enum op op, uint32_t id)
{
	return "ref";
}

static struct status ref_run(const struct step *s, const struct step_args *a)
{
	const struct ir_node *n = s->state;
	CHECK(n->op < OP_COUNT && a->n_in >= op_info(n->op)->in_min && a->n_out >= 1);
	return step_is_empty(a) ? STATUS_GOOD : table[n->op](n, a);
}

/* Copies what an attribute points to; false: out of memory. */
static bool attr_copy(struct arena *a, struct ir_attr *attr)
{
	switch (attr_kind(attr->id)) {
	case ATTR_INT: case ATTR_FLOAT: return true;
	case ATTR_INTS: {
		int64_t *p = ARENA_ARRAY(a, attr->ints.n, int64_t);
		if (p && attr->ints.n)
			memcpy(p, attr->ints.p, attr->ints.n * sizeof *p);
		attr->ints.p = p;
		return p || !attr->ints.n;
	}
	case ATTR_FLOATS: {
		float *p = ARENA_ARRAY(a, attr->floats.n, float);
		if (p && attr->floats.n)
			memcpy(p, attr->floats.p, attr->floats.n * sizeof *p);
		attr->floats.p = p;
		return p || !attr->floats.n;
	}
	case ATTR_STRING: {
		struct str s = arena_str(a, attr->s);
		bool ok = s.p || !attr->s.n;
		attr->s = s;
		return ok;
	}
	case ATTR_TENSOR: {
		struct ir_value *t = ARENA_NEW(a, struct ir_value);
		if (t)
			*t = *attr->t;
		attr->t = t;
		return t;
	}
	}
	UNREACHABLE();
}

/* NO_MEMORY leaves what was allocated to the arena. */
static struct status ref_prepare(const struct prepare_args *a, struct step *out)
{
	struct ir_node *n = ARENA_NEW(a->arena, struct ir_node);
	struct ir_attr *attrs = ARENA_ARRAY(a->arena, a->node->n_attrs, struct ir_attr);
	bool ok = n && (attrs || !a->node->n_attrs);

	for (uint32_t i = 0; ok && i < a->node->n_attrs; i++) {
		attrs[i] = a->node->attrs[i];
		ok = attr_copy(a->arena, &attrs[i]);
	}
	if (!ok)
		return FAIL(NO_MEMORY, "node %.*s: no memory for its attributes", STR_ARG(a->node->name));
	n->id = a->node->id;
	n->op = a->node->op;
	n->name = arena_str(a->arena, a->node->name);
	n->attrs = attrs;
	n->n_attrs = a->node->n_attrs;
	*out = (struct step){.run = ref_run, .state = n};
	return STATUS_GOOD;
}

const struct backend backend_ref = {
	.abi = BACKEND_ABI,
	.name = "ref",
	.probe = ref_probe,
	.supports = ref_supports,
	.tactic_name = ref_tactic_name,
	.prepare = ref_prepare,
};
