/* Operators that decide shapes: Reshape and its kin, Shape, constants, Expand.
 *
 * The target of Reshape, Expand and ConstantOfShape is an input whose content inference
 * follows; where it cannot, the result has fresh symbols if at least its rank is known, and is an
 * error that says so otherwise. -1 in Reshape is solved with symbolic products, so [batch,64,7,7]
 * to [-1,3136] keeps the batch symbol.
 */
#include "ir/infer/infer_priv.h"

#include "base/limits.h"
#include "base/panic.h"

static bool product(struct ir_graph *g, const struct dim *dims, int32_t from, int32_t to, struct dim *out)
{
	*out = DIM(1);
	for (int32_t i = from; i < to; i++)
		if (!infer__mul(g, *out, dims[i], out))
			return false;
	return true;
}

static struct status too_big(const struct ir_node *n)
{
	return infer__bad(n, "a dimension overflows, or too many are unknown");
}

static struct status flatten(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int64_t axis = ir_attr_int(n, ATTR_ID_AXIS, 1);
	struct dim dims[2];
	if (axis < -x->rank || axis > x->rank)
		return infer__bad(n, "axis %lld is out of range for rank %d", (long long)axis, x->rank);
	int32_t at = (int32_t)(axis < 0 ? axis + x->rank : axis);
	if (!product(g, x->dims, 0, at, &dims[0]) || !product(g, x->dims, at, x->rank, &dims[1]))
		return too_big(n);
	return infer__set(g, n, 0, x->dtype, 2, dims);
}

/* Elements of the integer input i; where unknown, fresh symbols for a known count. */
static struct status target(struct ir_graph *g, struct ir_node *n, uint32_t i, struct dim *dims,
                            uint32_t *count, bool *known)
{
	const struct ir_value *s = n->in[i];
	struct dim c[LIMIT_GRAPH_CONTENT];
	*known = infer__elements(s, c, LIMIT_GRAPH_CONTENT, count);
	if (*known && *count <= IR_RANK_MAX) {
		memcpy(dims, c, *count * sizeof *dims);
		return STATUS_GOOD;
	}
	if (s->rank != 1 || !dim_known(s->dims[0]) || s->dims[0].k > IR_RANK_MAX)
		return infer__bad(n, "the rank of its result, the length of %.*s, is not known or over %d",
		                  STR_ARG(s->name), IR_RANK_MAX);
	*count = (uint32_t)s->dims[0].k;
	for (uint32_t k = 0; k < *count; k++)
		if (!infer__fresh(g, &dims[k]))
			return too_big(n);
	return STATUS_GOOD;
}

/* Fills in the -1 at `hole` and checks that the counts of elements agree where both are known. */
static struct status balance(struct ir_graph *g, struct ir_node *n, struct dim *dims, uint32_t count,
                             int32_t hole)
{
	const struct ir_value *x = n->in[0];
	struct dim have, want = DIM(1);
	if (!product(g, x->dims, 0, x->rank, &have))
		return too_big(n);
	for (uint32_t i = 0; i < count; i++)
		if ((int32_t)i != hole && !infer__mul(g, want, dims[i], &want))
			return too_big(n);
	if (hole < 0) {
		if (dim_known(have) && dim_known(want) && have.k != want.k)
			return infer__bad(n, "%lld elements do not make %lld", (long long)have.k, (long long)want.k);
		return STATUS_GOOD;
	}
	if (dim_known(have) && dim_known(want) && (!want.k || have.k % want.k))
		return infer__bad(n, "%lld elements cannot be cut into pieces of %lld", (long long)have.k,
		                  (long long)want.k);
	return infer__div(g, have, want, &dims[hole]) ? STATUS_GOOD : too_big(n);
}

static struct status reshape(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct dim dims[IR_RANK_MAX];
	struct dim c[LIMIT_GRAPH_CONTENT];
	uint32_t count, cn;
	bool known;
	int32_t hole = -1;

	TRY(target(g, n, 1, dims, &count, &known));
	for (uint32_t i = 0; known && i < count; i++) {
		if (dim_eq(dims[i], DIM(0)) && !ir_attr_int(n, ATTR_ID_ALLOWZERO, 0)) {
			if ((int32_t)i >= x->rank)
				return infer__bad(n, "0 in its target stands for a dimension that the input lacks");
			dims[i] = x->dims[i];
		} else if (dim_known(dims[i]) && dims[i].k < 0) {
			if (dims[i].k != -1 || hole >= 0)
				return infer__bad(n, "its target has more than one -1, or a negative number");
			hole = (int32_t)i;
		}
	}
	if (known)
		TRY(balance(g, n, dims, count, hole));
	TRY(infer__set(g, n, 0, x->dtype, (int32_t)count, dims));
	if (count <= 1 && infer__elements(x, c, LIMIT_GRAPH_CONTENT, &cn))
		return infer__content(g, n, 0, c, cn);
	return STATUS_GOOD;
}

/* Axes of input 1 as a bit mask for a shape of `rank`; absent: none. */
static struct status axes_mask(const struct ir_node *n, int32_t rank, uint32_t *mask)
{
	int64_t axes[IR_RANK_MAX];
	uint32_t count;
	int32_t at;
	*mask = 0;
	if (!infer__in(n, 1))
		return STATUS_GOOD;
	if (!ir_value_ints(n->in[1], axes, IR_RANK_MAX, &count))
		return infer__bad(n, "its axes are not constant");
	for (uint32_t i = 0; i < count; i++) {
		if (!infer__axis(axes[i], rank, &at) || (*mask >> at & 1))
			return infer__bad(n, "axis %lld is out of range for rank %d, or given twice",
			                  (long long)axes[i], rank);
		*mask |= 1u << at;
	}
	return STATUS_GOOD;
}

static struct status squeeze(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct dim dims[IR_RANK_MAX], c[LIMIT_GRAPH_CONTENT];
	uint32_t mask, count;
	int32_t rank = 0;
	bool unsqueeze = n->op == OP_UNSQUEEZE;
	if (unsqueeze) {
		int64_t axes[IR_RANK_MAX];
		uint32_t k;
		if (!ir_value_ints(n->in[1], axes, IR_RANK_MAX, &k) || x->rank + (int32_t)k > IR_RANK_MAX)
			return infer__bad(n, "its axes are not constant, or too many");
		rank = x->rank + (int32_t)k;
		TRY(axes_mask(n, rank, &mask));
		for (int32_t i = 0, from = 0; i < rank; i++)
			dims[i] = mask >> i & 1 ? DIM(1) : x->dims[from++];
	} else {
		TRY(axes_mask(n, x->rank, &mask));
		for (int32_t i = 0; i < x->rank; i++) {
			bool drop = infer__in(n, 1) ? mask >> i & 1 : dim_eq(x->dims[i], DIM(1));
			if (drop && dim_known(x->dims[i]) && x->dims[i].k != 1)
				return infer__bad(n, "dimension %d is %lld, not 1", i, (long long)x->dims[i].k);
			if (!drop)
				dims[rank++] = x->dims[i];
		}
	}
	TRY(infer__set(g, n, 0, x->dtype, rank, dims));
	if (rank <= 1 && infer__elements(x, c, LIMIT_GRAPH_CONTENT, &count))
		return infer__content(g, n, 0, c, count);
	return STATUS_GOOD;
}

static struct status expand(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct dim want[IR_RANK_MAX], dims[IR_RANK_MAX], c[LIMIT_GRAPH_CONTENT], out[LIMIT_GRAPH_CONTENT];
	uint32_t count, cn;
	int32_t rank;
	bool known;
	TRY(target(g, n, 1, want, &count, &known));
	if (!infer__broadcast(g, x->dims, x->rank, want, (int32_t)count, dims, &rank))
		return infer__bad(n, "the input does not broadcast to the wanted shape");
	TRY(infer__set(g, n, 0, x->dtype, rank, dims));
	if (rank == 1 && dim_known(dims[0]) && dims[0].k <= LIMIT_GRAPH_CONTENT &&
	    infer__elements(x, c, LIMIT_GRAPH_CONTENT, &cn) && (cn == 1 || cn == dims[0].k)) {
		for (int64_t i = 0; i < dims[0].k; i++)
			out[i] = c[cn == 1 ? 0 : i];
		return infer__content(g, n, 0, out, (uint32_t)dims[0].k);
	}
	return STATUS_GOOD;
}

static struct status shape(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int64_t r = x->rank, a = ir_attr_int(n, ATTR_ID_START, 0), b = ir_attr_int(n, ATTR_ID_END, r);
	a = a < 0 ? a + r : a;
	b = b < 0 ? b + r : b;
	a = a < 0 ? 0 : a > r ? r : a;
	b = b < a ? a : b > r ? r : b;
	struct dim count = DIM(b - a);
	TRY(infer__set(g, n, 0, DTYPE_INT64, 1, &count));
	return infer__content(g, n, 0, x->dims + a, (uint32_t)(b - a));
}

static struct status constant(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_attr *a = ir_attr(n, ATTR_ID_VALUE);
	struct dim c[LIMIT_GRAPH_CONTENT];
	uint32_t count;
	if (!a)
		return infer__bad(n, "it has no value");
	TRY(infer__set(g, n, 0, a->t->dtype, a->t->rank, a->t->dims));
	if (a->t->rank <= 1 && infer__elements(a->t, c, LIMIT_GRAPH_CONTENT, &count))
		return infer__content(g, n, 0, c, count);
	return STATUS_GOOD;
}

static struct status constant_of_shape(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_attr *a = ir_attr(n, ATTR_ID_VALUE);
	struct dim dims[IR_RANK_MAX], c[LIMIT_GRAPH_CONTENT], one;
	uint32_t count, k;
	bool known;
	TRY(target(g, n, 0, dims, &count, &known));
	TRY(infer__set(g, n, 0, a ? a->t->dtype : DTYPE_FP32, (int32_t)count, dims));
	if (count == 1 && a && dim_known(dims[0]) && dims[0].k <= LIMIT_GRAPH_CONTENT &&
	    infer__elements(a->t, &one, 1, &k) && k == 1) {
		for (int64_t i = 0; i < dims[0].k; i++)
			c[i] = one;
		return infer__content(g, n, 0, c, (uint32_t)dims[0].k);
	}
	return STATUS_GOOD;
}

struct status infer__shape(struct ir_graph *g, struct ir_node *n)
{
	switch (n->op) {
	case OP_FLATTEN:
		return flatten(g, n);
	case OP_RESHAPE:
		return reshape(g, n);
	case OP_SQUEEZE:
	case OP_UNSQUEEZE:
		return squeeze(g, n);
	case OP_EXPAND:
		return expand(g, n);
	case OP_SHAPE:
		return shape(g, n);
	case OP_CONSTANT:
		return constant(g, n);
	case OP_CONSTANT_OF_SHAPE:
		return constant_of_shape(g, n);
	default:
		UNREACHABLE();
	}
}
