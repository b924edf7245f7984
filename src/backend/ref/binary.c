/* Ops on two (Where: three) inputs that numpy broadcasting brings to one shape: Add, Sub, Mul,
 * Div, Pow, Equal, Where.
 *
 * Floats are computed in double and rounded once. Integers are computed in 64 bits and cut to
 * the type, which is two's complement wrapping; Div cuts towards zero, and a division by zero is
 * an error, not a trap. An integer Pow with an integer exponent of at least 0 multiplies and
 * wraps; any other goes through double and is cut towards zero.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

static struct status divide(const struct ir_node *n, enum dtype t, uint64_t x, uint64_t y,
                            uint64_t *z)
{
	if (y == 0)
		return FAIL(INVALID_ARG, "node %.*s: division of an integer by zero", STR_ARG(n->name));
	if (t == DTYPE_UINT64)
		*z = x / y;
	else    /* the lowest number divided by -1 wraps */
		*z = y == UINT64_MAX ? 0 - x : (uint64_t)((int64_t)x / (int64_t)y);
	return STATUS_GOOD;
}

static uint64_t power(uint64_t x, uint64_t exponent)
{
	uint64_t z = 1;
	for (; exponent; exponent >>= 1, x *= x)
		if (exponent & 1)
			z *= x;
	return z;
}

/* Element o of y from elements i and j; x0's type is y's except for Equal. */
static struct status one(const struct ir_node *n, const struct step_args *a, int64_t i, int64_t j,
                         int64_t o)
{
	const struct tensor *x0 = &a->in[0], *x1 = &a->in[1], *y = &a->out[0];

	if (ref__is_float(x0->dtype)) {
		double v = ref__get(x0, i), w = ref__get(x1, j), z = 0;
		switch (n->op) {
		case OP_ADD: z = v + w; break;
		case OP_SUB: z = v - w; break;
		case OP_MUL: z = v * w; break;
		case OP_DIV: z = v / w; break;
		case OP_POW: z = pow(v, w); break;
		case OP_EQUAL: ref__put_int(y, o, v == w); return STATUS_GOOD;
		default: UNREACHABLE();
		}
		ref__put(y, o, ref__act(n, z));
		return STATUS_GOOD;
	}
	uint64_t v = (uint64_t)ref__get_int(x0, i), z = 0;
	if (n->op == OP_POW && (ref__is_float(x1->dtype) || ref__get(x1, j) < 0)) {
		ref__put_int(y, o, ref__to_int(pow(ref__get(x0, i), ref__get(x1, j)), y->dtype));
		return STATUS_GOOD;
	}
	uint64_t w = (uint64_t)ref__get_int(x1, j);
	switch (n->op) {
	case OP_ADD: z = v + w; break;
	case OP_SUB: z = v - w; break;
	case OP_MUL: z = v * w; break;
	case OP_DIV: TRY(divide(n, x0->dtype, v, w, &z)); break;
	case OP_POW: z = power(v, w); break;
	case OP_EQUAL: z = v == w; break;
	default: UNREACHABLE();
	}
	ref__put_int(y, o, (int64_t)z);
	return STATUS_GOOD;
}

struct status ref__binary(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *y = &a->out[0];
	int64_t strides[3][TENSOR_RANK_MAX], at[TENSOR_RANK_MAX] = {0}, count = ref__count(y);

	for (uint32_t k = 0; k < a->n_in; k++)
		TRY(ref__broadcast(n, &a->in[k], y->dims, y->rank, strides[k]));
	for (int64_t o = 0; o < count; o++, ref__next(at, y->dims, y->rank)) {
		int64_t i = ref__offset(at, strides[0], y->rank), j = ref__offset(at, strides[1], y->rank);
		if (n->op != OP_WHERE)
			TRY(one(n, a, i, j, o));
		else if (ref__get_int(&a->in[0], i))
			ref__copy(y, o, &a->in[1], j);
		else
			ref__copy(y, o, &a->in[2], ref__offset(at, strides[2], y->rank));
	}
	return STATUS_GOOD;
}
