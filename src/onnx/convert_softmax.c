/* Softmax and LogSoftmax before opset 13: everything from the axis on counts as one dimension.
 *
 * Where the axis is the last one, which exporters nearly always mean, that is today's Softmax.
 * Where it is not, or the rank is not known while reading, it is written out: Flatten, Softmax
 * over the last axis, and Reshape to the shape of the input. Owned by the reader's thread. Not
 * here: opset 13 and later.
 */
#include "onnx/onnx_priv.h"

#include "base/panic.h"

static struct status step(struct onnx_reader *r, enum op op, struct ir_value *a, struct ir_value *b,
                          struct str name, struct ir_node **out)
{
	/* Names of nodes are unique for some runtimes: the nodes around the Softmax have none. */
	bool main = op == OP_SOFTMAX || op == OP_LOG_SOFTMAX;
	struct ir_node *n = ir_node_new(r->g, op, main ? r->node->name : STR_NONE, b ? 2 : 1, 1);
	if (!n)
		return READER_FULL(r);
	n->in[0] = a;
	if (b)
		n->in[1] = b;
	TRY(onnx__output(r, n, 0, name));
	*out = n;
	return STATUS_GOOD;
}

struct status onnx__softmax_flat(struct onnx_reader *r, enum op op)
{
	const struct ox_node *x = r->node;
	const struct ox_attribute *a;
	struct ir_value *v;
	struct ir_node *flat, *soft, *shape, *back;
	if (x->input.n != 1 || x->output.n != 1 || !x->output.p[0].n || x->attribute.n > 1)
		return NODE_FAIL(r, CORRUPT, "it needs one input, one output and at most one attribute");
	TRY(onnx__use(r, x->input.p[0], &v));
	TRY(onnx__attribute(r, "axis", OX_INT, &a));
	if (!v || (x->attribute.n && !a))
		return NODE_FAIL(r, CORRUPT, "it has no input, or an attribute other than 'axis'");
	int64_t axis = a ? a->i : 1;
	int rank = onnx__hint(r, v).rank;
	bool last = axis == -1 || (rank >= 0 && axis == rank - 1);
	if (last) {
		TRY(step(r, op, v, 0, x->output.p[0], &soft));
		if (!ir_set_int(r->g, soft, ATTR_ID_AXIS, -1) || !onnx__hint_node(r, soft))
			return READER_FULL(r);
		return STATUS_GOOD;
	}
	TRY(step(r, OP_FLATTEN, v, 0, STR_NONE, &flat));
	TRY(step(r, op, flat->out[0], 0, STR_NONE, &soft));
	TRY(step(r, OP_SHAPE, v, 0, STR_NONE, &shape));
	TRY(step(r, OP_RESHAPE, soft->out[0], shape->out[0], x->output.p[0], &back));
	if (!ir_set_int(r->g, flat, ATTR_ID_AXIS, axis) || !ir_set_int(r->g, soft, ATTR_ID_AXIS, -1) ||
	    !onnx__hint_set(r, back->out[0], onnx__hint(r, v)))
		return READER_FULL(r);
	CHECK(back->n_in == 2);
	return STATUS_GOOD;
}
