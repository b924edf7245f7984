/* What an operator's inputs must be before its shapes are inferred: numbers or floats, of one
 * type, whole numbers, one element.
 *
 * The rules are those of ONNX's type constraints, kept as bit masks over input numbers so that
 * a backend may rely on them: a kernel that reads a bound of Clip or a value of Pad as the data's
 * type never reads past it. The rule of the fused activation is here too, because its number may
 * come from a file. Called for each node by ir_infer_node; keeps nothing.
 */
#include "ir/infer/infer_priv.h"

enum kind { KIND_ANY, KIND_NUMBER, KIND_FLOAT };
struct rule {
	enum kind first;        /* of input 0 */
	uint8_t same;           /* bit i: input i has input 0's type */
	uint8_t floats, whole;  /* bit i: a float; INT32 or INT64 */
	uint8_t one, bools;     /* bit i: one element; BOOL */
};

static const struct rule rules[OP_COUNT] = {
	[OP_CONV] = {.first = KIND_FLOAT, .same = 0xe},
	[OP_CONV_TRANSPOSE] = {.first = KIND_FLOAT, .same = 0x6},
	[OP_MAX_POOL] = {.first = KIND_NUMBER},
	[OP_AVERAGE_POOL] = {.first = KIND_FLOAT},
	[OP_GLOBAL_AVERAGE_POOL] = {.first = KIND_FLOAT},
	[OP_BATCH_NORM] = {.first = KIND_FLOAT, .floats = 0x1e},
	[OP_LAYER_NORM] = {.first = KIND_FLOAT, .floats = 0x6},
	[OP_RELU] = {.first = KIND_NUMBER},
	[OP_LEAKY_RELU] = {.first = KIND_FLOAT},
	[OP_CLIP] = {.first = KIND_NUMBER, .same = 0x6, .one = 0x6},
	[OP_SIGMOID] = {.first = KIND_FLOAT},
	[OP_TANH] = {.first = KIND_FLOAT},
	[OP_HARD_SIGMOID] = {.first = KIND_FLOAT},
	[OP_HARD_SWISH] = {.first = KIND_FLOAT},
	[OP_GELU] = {.first = KIND_FLOAT},
	[OP_ERF] = {.first = KIND_FLOAT},
	[OP_SQRT] = {.first = KIND_FLOAT},
	[OP_EXP] = {.first = KIND_FLOAT},
	[OP_NEG] = {.first = KIND_NUMBER},
	[OP_DROPOUT] = {.floats = 0x2, .one = 0x6, .bools = 0x4},
	[OP_ADD] = {.first = KIND_NUMBER, .same = 0x2},
	[OP_SUB] = {.first = KIND_NUMBER, .same = 0x2},
	[OP_MUL] = {.first = KIND_NUMBER, .same = 0x2},
	[OP_DIV] = {.first = KIND_NUMBER, .same = 0x2},
	[OP_POW] = {.first = KIND_NUMBER},
	[OP_EQUAL] = {.same = 0x2},
	[OP_WHERE] = {.bools = 0x1},
	[OP_SOFTMAX] = {.first = KIND_FLOAT},
	[OP_LOG_SOFTMAX] = {.first = KIND_FLOAT},
	[OP_GEMM] = {.first = KIND_NUMBER, .same = 0x6},
	[OP_MAT_MUL] = {.first = KIND_NUMBER, .same = 0x6},
	[OP_RESHAPE] = {.whole = 0x2},
	[OP_SQUEEZE] = {.whole = 0x2},
	[OP_UNSQUEEZE] = {.whole = 0x2},
	[OP_EXPAND] = {.whole = 0x2},
	[OP_CONSTANT_OF_SHAPE] = {.whole = 0x1},
	[OP_CONCAT] = {.same = 0xfe},
	[OP_SPLIT] = {.whole = 0x2},
	[OP_SLICE] = {.whole = 0x1e},
	[OP_GATHER] = {.whole = 0x2},
	[OP_PAD] = {.same = 0x4, .whole = 0xa, .one = 0x4},
	[OP_RESIZE] = {.first = KIND_NUMBER, .floats = 0x6, .whole = 0x8},
	[OP_REDUCE_MEAN] = {.first = KIND_NUMBER, .whole = 0x2},
	[OP_REDUCE_SUM] = {.first = KIND_NUMBER, .whole = 0x2},
	[OP_ARG_MAX] = {.first = KIND_NUMBER},
};

static bool is_float(enum dtype t)
{
	return t == DTYPE_FP32 || t == DTYPE_FP64 || t == DTYPE_FP16 || t == DTYPE_BF16;
}

static bool one_element(const struct ir_value *v)
{
	for (int32_t d = 0; d < v->rank; d++)
		if (!dim_eq(v->dims[d], DIM(1)))
			return false;
	return true;
}

struct status infer__types(const struct ir_node *n)
{
	const struct rule *r = &rules[n->op];
	int64_t act = ir_attr_int(n, ATTR_ID_FUSED_ACT, ACT_NONE);

	if (act < 0 || act >= ACT_COUNT)
		return infer__bad(n, "its fused activation, number %lld, does not exist", (long long)act);
	for (uint32_t i = 0; i < n->n_in && i < 8; i++) {
		const struct ir_value *v = n->in[i], *x = n->in[0];
		uint32_t bit = 1u << i;
		if (!v || v->layout == LAYOUT_PACKED)
			continue;
		bool ok = i > 0 || r->first == KIND_ANY || is_float(v->dtype) ||
		          (r->first == KIND_NUMBER && v->dtype != DTYPE_BOOL && v->dtype != DTYPE_BYTES);
		ok = ok && (!(r->same & bit) || !x || v->dtype == x->dtype);
		ok = ok && (!(r->floats & bit) || is_float(v->dtype));
		ok = ok && (!(r->whole & bit) || v->dtype == DTYPE_INT64 || v->dtype == DTYPE_INT32);
		ok = ok && (!(r->bools & bit) || v->dtype == DTYPE_BOOL);
		if (!ok)
			return infer__bad(n, "its input %u cannot be %s here", i, dtype_wire(v->dtype));
		if ((r->one & bit) && !one_element(v))
			return infer__bad(n, "its input %u must have one element", i);
	}
	return STATUS_GOOD;
}
