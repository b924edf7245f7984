/* Nodes of a graph as ONNX messages.
 *
 * The graph has operators in their newest form; opset 17, which every runtime reads, has nearly
 * all of them so. Where it does not, the older form is written (ReduceMean's axes), or the whole
 * file is opset 20. What only Nereid has (fused activations, layouts) is refused with the node's
 * name. Messages live in the writer's scratch arena. Owned by the writer's thread. Not here: bytes
 * on disk.
 */
#include "onnx/write_priv.h"

#include "base/panic.h"

static const uint32_t inputs_max[OP_COUNT] = {
#define X(op, most, convert, kept, older) [OP_##op] = (most),
#include "onnx/onnx_ops.def"
#undef X
};

#define WRITE_FULL(w) \
	FAIL(LIMIT, "%s: the graph is too large to be written as ONNX", (w)->path)

static bool constant_axes(const struct ir_node *n)
{
	int64_t axes[IR_RANK_MAX];
	uint32_t k;
	return n->n_in < 2 || !n->in[1] || ir_value_ints(n->in[1], axes, IR_RANK_MAX, &k);
}

static bool needs_20(const struct ir_node *n)
{
	switch (n->op) {
	case OP_GELU: return true;
	case OP_REDUCE_MEAN: return !constant_axes(n) || ir_attr_int(n, ATTR_ID_NOOP_EMPTY_AXES, 0);
	case OP_SPLIT: return n->n_in < 2 || !n->in[1];
	case OP_PAD: return n->n_in > 3 && n->in[3];
	case OP_AVERAGE_POOL: return ir_attr(n, ATTR_ID_DILATIONS) != 0;
	case OP_CAST: return ir_attr(n, ATTR_ID_SATURATE) != 0;
	case OP_RESIZE:
		return ir_attr(n, ATTR_ID_ANTIALIAS) || ir_attr(n, ATTR_ID_AXES) || ir_attr(n, ATTR_ID_KEEP_ASPECT);
	default: return false;
	}
}

int64_t onnx__opset_needed(const struct ir_graph *g)
{
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!g->nodes[i]->dead && needs_20(g->nodes[i]))
			return 20;
	return 17;
}

static struct status tensor_message(struct onnx_writer *w, const struct ir_value *v, struct ox_tensor **out)
{
	struct ox_tensor *t = ARENA_NEW(&w->scratch, struct ox_tensor);
	int64_t *dims = ARENA_ARRAY(&w->scratch, IR_RANK_MAX, int64_t);
	if (!t || !dims)
		return WRITE_FULL(w);
	CHECK(v->data && v->rank >= 0 && v->dtype != DTYPE_BYTES);
	for (int32_t i = 0; i < v->rank; i++)
		dims[i] = v->dims[i].k;
	t->dims.p = dims;
	t->dims.n = (uint32_t)v->rank;
	t->data_type = dtype_onnx(v->dtype);
	PB_SET(t, ox_tensor, raw_data, ((struct span){v->data, v->data_bytes}));
	*out = t;
	return STATUS_GOOD;
}

static struct status attribute_message(struct onnx_writer *w, const struct ir_node *n,
                                       const struct ir_attr *a, struct ox_attribute *o)
{
	o->name = str_from(attr_text(a->id));
	if (str_starts(o->name, STR("nereid.")))
		return FAIL(UNSUPPORTED, "%s: node '%.*s' (%s) has '%s', which ONNX cannot say; write the graph "
		            "before it is optimised", w->path, STR_ARG(n->name), op_info(n->op)->text,
		            attr_text(a->id));
	switch (attr_kind(a->id)) {
	case ATTR_INT: o->type = OX_INT; PB_SET(o, ox_attribute, i, a->i); break;
	case ATTR_FLOAT: o->type = OX_FLOAT; PB_SET(o, ox_attribute, f, a->f); break;
	case ATTR_INTS:
		o->type = OX_INTS;
		o->ints.p = (int64_t *)(uintptr_t)a->ints.p;   /* the encoder only reads */
		o->ints.n = a->ints.n;
		break;
	case ATTR_FLOATS:
		o->type = OX_FLOATS;
		o->floats.p = (float *)(uintptr_t)a->floats.p;
		o->floats.n = a->floats.n;
		break;
	case ATTR_STRING:
		o->type = OX_STRING;
		PB_SET(o, ox_attribute, s, ((struct span){(const uint8_t *)a->s.p, a->s.n}));
		break;
	case ATTR_TENSOR:
		o->type = OX_TENSOR;
		TRY(tensor_message(w, a->t, &o->t));
		break;
	}
	return STATUS_GOOD;
}

/* ReduceMean at 17: the axes, which are an input since 18, as an attribute. */
static struct status old_axes(struct onnx_writer *w, const struct ir_node *n, struct ox_node *out)
{
	struct ox_attribute *a = &out->attribute.p[out->attribute.n++];
	int64_t *axes = ARENA_ARRAY(&w->scratch, IR_RANK_MAX, int64_t);
	uint32_t k = 0;
	if (!axes)
		return WRITE_FULL(w);
	CHECK(n->n_in == 2 && ir_value_ints(n->in[1], axes, IR_RANK_MAX, &k));
	a->name = STR("axes");
	a->type = OX_INTS;
	a->ints.p = axes;
	a->ints.n = k;
	out->input.n = 1;
	return STATUS_GOOD;
}

static struct status check_node(struct onnx_writer *w, const struct ir_node *n)
{
	const struct op_info *info = op_info(n->op);
	uint32_t most = n->op == OP_CONSTANT ? 1 : inputs_max[n->op];
	if ((info->flags & OPF_INTERNAL) || !most || (most != 255 && n->n_in > most))
		return FAIL(UNSUPPORTED, "%s: node '%.*s' (%s with %u inputs) is made by optimisation and has no "
		            "form in ONNX; write the graph before it is optimised", w->path, STR_ARG(n->name),
		            info->text, n->n_in);
	return STATUS_GOOD;
}

struct status onnx__node_message(struct onnx_writer *w, const struct ir_node *n, struct ox_node *out)
{
	TRY(check_node(w, n));
	bool axes_attr = w->opset < 18 && n->op == OP_REDUCE_MEAN && n->n_in == 2 && n->in[1];
	out->input.p = ARENA_ARRAY(&w->scratch, n->n_in, struct str);
	out->output.p = ARENA_ARRAY(&w->scratch, n->n_out, struct str);
	out->attribute.p = ARENA_ARRAY(&w->scratch, n->n_attrs + 1, struct ox_attribute);
	if (!out->input.p || !out->output.p || !out->attribute.p)
		return WRITE_FULL(w);
	out->op_type = str_from(op_info(n->op)->text);
	out->name = n->name;
	out->input.n = n->n_in;
	out->output.n = n->n_out;
	for (uint32_t i = 0; i < n->n_in; i++) {
		out->input.p[i] = n->in[i] ? w->names[n->in[i]->id] : STR("");
		if (n->in[i] && n->in[i]->data && !(axes_attr && i == 1))
			w->needed[n->in[i]->id] = true;
	}
	for (uint32_t i = 0; i < n->n_out; i++)
		out->output.p[i] = n->out[i] ? w->names[n->out[i]->id] : STR("");
	for (uint32_t i = 0; i < n->n_attrs; i++) {
		if (n->attrs[i].id == ATTR_ID_NOOP_EMPTY_AXES && n->op == OP_REDUCE_MEAN && w->opset < 18)
			continue;
		if (n->attrs[i].id == ATTR_ID_NUM_OUTPUTS && (w->opset < 18 || (n->n_in > 1 && n->in[1])))
			continue;
		TRY(attribute_message(w, n, &n->attrs[i], &out->attribute.p[out->attribute.n++]));
	}
	return axes_attr ? old_axes(w, n, out) : STATUS_GOOD;
}
