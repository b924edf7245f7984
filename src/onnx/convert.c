/* Older forms of operators to the newest: what used to be an attribute becomes a constant input.
 *
 * Each function gets the node with its inputs and kept attributes set and with room for eight
 * inputs; it looks at the attributes in the file that onnx_ops.def calls older. Forms are told
 * apart by the attribute's presence, not by the opset, except where the same words changed their
 * meaning (Resize, Upsample). Owned by the reader's thread. Not here: Softmax (convert_softmax.c).
 */
#include "onnx/onnx_priv.h"

#include "base/half.h"
#include "base/panic.h"

struct status onnx__convert_none(struct onnx_reader *r, struct ir_node *n)
{
	CHECK(r->node && n->n_in);
	return STATUS_GOOD;
}

/* A list attribute into input i, which must then be free. */
static struct status ints_to_input(struct onnx_reader *r, struct ir_node *n, const char *name, uint32_t i)
{
	const struct ox_attribute *a;
	TRY(onnx__attribute(r, name, OX_INTS, &a));
	if (!a)
		return STATUS_GOOD;
	CHECK(i < n->n_in);
	if (n->in[i])
		return NODE_FAIL(r, CORRUPT, "'%s' is given both as attribute and as input", name);
	n->in[i] = onnx__const_ints(r, a->ints.p, a->ints.n);
	return n->in[i] ? STATUS_GOOD : READER_FULL(r);
}

static struct status float_to_input(struct onnx_reader *r, struct ir_node *n, const char *name, uint32_t i)
{
	const struct ox_attribute *a;
	TRY(onnx__attribute(r, name, OX_FLOAT, &a));
	if (!a)
		return STATUS_GOOD;
	CHECK(i < n->n_in);
	if (n->in[i])
		return NODE_FAIL(r, CORRUPT, "'%s' is given both as attribute and as input", name);
	n->in[i] = onnx__const_float(r, (enum dtype)onnx__hint(r, n->in[0]).dtype, a->f);
	return n->in[i] ? STATUS_GOOD : READER_FULL(r);
}

struct status onnx__convert_axes(struct onnx_reader *r, struct ir_node *n)
{
	return ints_to_input(r, n, "axes", 1);
}

struct status onnx__convert_clip(struct onnx_reader *r, struct ir_node *n)
{
	TRY(float_to_input(r, n, "min", 1));
	return float_to_input(r, n, "max", 2);
}

struct status onnx__convert_slice(struct onnx_reader *r, struct ir_node *n)
{
	TRY(ints_to_input(r, n, "starts", 1));
	TRY(ints_to_input(r, n, "ends", 2));
	return ints_to_input(r, n, "axes", 3);
}

struct status onnx__convert_pad(struct onnx_reader *r, struct ir_node *n)
{
	const struct ox_attribute *value;
	TRY(ints_to_input(r, n, "pads", 1));
	TRY(onnx__attribute(r, "value", OX_FLOAT, &value));
	if (value && value->f != 0)   /* zero is the default of every type */
		return float_to_input(r, n, "value", 2);
	return STATUS_GOOD;
}

struct status onnx__convert_split(struct onnx_reader *r, struct ir_node *n)
{
	TRY(ints_to_input(r, n, "split", 1));
	if (!n->in[1] && !ir_attr(n, ATTR_ID_NUM_OUTPUTS) &&
	    !ir_set_int(r->g, n, ATTR_ID_NUM_OUTPUTS, n->n_out))
		return READER_FULL(r);
	return STATUS_GOOD;
}

struct status onnx__convert_cast(struct onnx_reader *r, struct ir_node *n)
{
	int64_t to = ir_attr_int(n, ATTR_ID_TO, 0);
	if (dtype_from_onnx(to) == DTYPE_INVALID)
		return NODE_FAIL(r, UNSUPPORTED, "it makes element type %lld of ONNX, which is not supported",
		                 (long long)to);
	return STATUS_GOOD;
}

struct status onnx__convert_batchnorm(struct onnx_reader *r, struct ir_node *n)
{
	const struct ox_attribute *spatial, *training;
	CHECK(n->op == OP_BATCH_NORM);
	TRY(onnx__attribute(r, "spatial", OX_INT, &spatial));
	TRY(onnx__attribute(r, "training_mode", OX_INT, &training));
	if (spatial && spatial->i != 1)
		return NODE_FAIL(r, UNSUPPORTED, "statistics for each position (spatial=0) are not supported");
	if (training && training->i)
		return NODE_FAIL(r, UNSUPPORTED, "it is in training mode; export the model with model.eval()");
	return STATUS_GOOD;
}

struct status onnx__convert_dropout(struct onnx_reader *r, struct ir_node *n)
{
	const struct ir_value *training = n->in[2];
	CHECK(n->op == OP_DROPOUT);
	if (training && (!training->data || training->data_bytes != 1))
		return NODE_FAIL(r, UNSUPPORTED, "whether it trains is decided at run time; export the model "
		                 "with model.eval()");
	if (training && *(const uint8_t *)training->data)
		return NODE_FAIL(r, UNSUPPORTED, "it is in training mode; export the model with model.eval()");
	n->in[1] = n->in[2] = 0;   /* the ratio means nothing in inference */
	return STATUS_GOOD;
}

/* ---- Resize and Upsample ---- */

/* An input given as an empty constant is an absent one. */
static void drop_empty(struct ir_node *n, uint32_t i)
{
	const struct ir_value *v = n->in[i];
	if (v && v->data && v->rank == 1 && v->dims[0].k == 0)
		n->in[i] = 0;
}

/* Before opset 11 nearest meant floor where the image grows and ceil where it shrinks. */
static struct status old_nearest(struct onnx_reader *r, const struct ir_value *scales, struct str *mode)
{
	bool grows = false, shrinks = false;
	if (!scales || !scales->data || scales->dtype != DTYPE_FP32)
		return NODE_FAIL(r, UNSUPPORTED, "scales that are not constant FP32 are not supported before opset "
		                 "11; export with a newer opset");
	for (size_t i = 0; i + 4 <= scales->data_bytes; i += 4) {
		float f;
		memcpy(&f, (const char *)scales->data + i, 4);
		grows |= f > 1;
		shrinks |= f < 1;
	}
	if (grows && shrinks)
		return NODE_FAIL(r, UNSUPPORTED, "growing and shrinking at once is not supported before opset 11; "
		                 "export with a newer opset");
	*mode = shrinks ? STR("ceil") : STR("floor");
	return STATUS_GOOD;
}

static struct status old_resize(struct onnx_reader *r, struct ir_node *n)
{
	struct str nearest = STR("floor"), mode = ir_attr_str(n, ATTR_ID_MODE, STR("nearest"));
	n->in[2] = n->in[1];
	n->in[1] = 0;
	if (str_is(mode, "nearest"))
		TRY(old_nearest(r, n->in[2], &nearest));
	if (!ir_set_str(r->g, n, ATTR_ID_COORDINATE_MODE, STR("asymmetric")) ||
	    !ir_set_str(r->g, n, ATTR_ID_NEAREST_MODE, nearest))
		return READER_FULL(r);
	return STATUS_GOOD;
}

struct status onnx__convert_resize(struct onnx_reader *r, struct ir_node *n)
{
	CHECK(n->op == OP_RESIZE);
	if (r->opset < 11)
		return old_resize(r, n);
	struct str mode = ir_attr_str(n, ATTR_ID_COORDINATE_MODE, STR("half_pixel"));
	if (str_is(mode, "tf_crop_and_resize"))
		drop_empty(n, 1);
	else
		n->in[1] = 0;   /* the region counts in that mode only */
	drop_empty(n, 2);
	drop_empty(n, 3);
	if (!n->in[2] == !n->in[3])
		return NODE_FAIL(r, CORRUPT, "it needs either scales or sizes");
	return STATUS_GOOD;
}

struct status onnx__convert_upsample(struct onnx_reader *r, struct ir_node *n)
{
	const struct ox_attribute *a;
	CHECK(n->op == OP_RESIZE);
	TRY(onnx__attribute(r, "scales", OX_FLOATS, &a));
	if (a && !n->in[1]) {
		int64_t dims[1] = {a->floats.n};
		size_t bytes = a->floats.n * sizeof(float);
		float *copy = arena_alloc(r->arena, bytes ? bytes : 4, 16);
		if (!copy)
			return READER_FULL(r);
		if (bytes)
			memcpy(copy, a->floats.p, bytes);
		n->in[1] = ir_const(r->g, STR_NONE, DTYPE_FP32, 1, dims, copy, bytes);
		if (!n->in[1])
			return READER_FULL(r);
	}
	return n->in[1] ? old_resize(r, n) : NODE_FAIL(r, CORRUPT, "it has no scales");
}
