/* Ops that change or make shapes: Flatten, Reshape, Squeeze, Unsqueeze, Expand, Shape, Constant,
 * ConstantOfShape.
 *
 * The caller has set the output's dimensions, which inference found; so the first four copy
 * their elements in order, and the engine usually does not run them at all but lets the output
 * share the input's memory. Where the shape depends on the values of an input, the number of
 * elements is checked here again.
 */
#include "backend/ref/ref_priv.h"

static struct status same_elements(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	char from[128], to[128];

	if (ref__count(x) != ref__count(y))
		return FAIL(INVALID_ARG, "node %.*s: shape %s cannot become %s", STR_ARG(n->name),
		            tensor_shape_text(x->dims, x->rank, from, sizeof from),
		            tensor_shape_text(y->dims, y->rank, to, sizeof to));
	for (int64_t i = 0, count = ref__count(y); i < count; i++)
		ref__copy(y, i, x, i);
	return STATUS_GOOD;
}

static struct status expand(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	int64_t strides[TENSOR_RANK_MAX], at[TENSOR_RANK_MAX] = {0};

	TRY(ref__broadcast(n, x, y->dims, y->rank, strides));
	for (int64_t o = 0, count = ref__count(y); o < count; o++, ref__next(at, y->dims, y->rank))
		ref__copy(y, o, x, ref__offset(at, strides, y->rank));
	return STATUS_GOOD;
}

/* A bound given as -rank..rank, clamped. */
static int64_t clamp_axis(int64_t v, int64_t rank)
{
	v = v < 0 ? v + rank : v;
	return v < 0 ? 0 : v > rank ? rank : v;
}

static struct status shape(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	int64_t start = clamp_axis(ir_attr_int(n, ATTR_ID_START, 0), x->rank);
	int64_t end = clamp_axis(ir_attr_int(n, ATTR_ID_END, x->rank), x->rank);

	CHECK(ref__count(y) == (end > start ? end - start : 0));
	for (int64_t d = start; d < end; d++)
		ref__put_int(y, d - start, x->dims[d]);
	return STATUS_GOOD;
}

/* The attribute `value`: all of it (Constant), or its one element for all of y (ConstantOfShape;
 * absent: 0). */
static struct status constant(const struct ir_node *n, const struct step_args *a)
{
	const struct ir_attr *attr = ir_attr(n, ATTR_ID_VALUE);
	const struct tensor *y = &a->out[0];
	size_t size = dtype_bytes(y->dtype);
	int64_t count = ref__count(y);

	if (!attr && n->op == OP_CONSTANT_OF_SHAPE) {
		memset(y->data, 0, (size_t)count * size);
		return STATUS_GOOD;
	}
	int64_t want = n->op == OP_CONSTANT ? count : 1;
	if (!attr || !attr->t || attr->t->dtype != y->dtype || attr->t->data_bytes < (size_t)want * size)
		return FAIL(INVALID_ARG, "node %.*s: its value has not the type or size of its output",
		            STR_ARG(n->name));
	struct tensor x = {.dtype = y->dtype, .data = (void *)(uintptr_t)attr->t->data};
	for (int64_t i = 0; i < count; i++)
		ref__copy(y, i, &x, n->op == OP_CONSTANT ? i : 0);
	return STATUS_GOOD;
}

struct status ref__shape(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_FLATTEN: case OP_RESHAPE: case OP_SQUEEZE: case OP_UNSQUEEZE: return same_elements(n, a);
	case OP_EXPAND: return expand(n, a);
	case OP_SHAPE: return shape(n, a);
	case OP_CONSTANT: case OP_CONSTANT_OF_SHAPE: return constant(n, a);
	default: UNREACHABLE();
	}
}
