/* ReduceMean, ReduceSum and ArgMax.
 *
 * Every output element is one pass over the reduced dimensions of the input in row-major order:
 * floats in double, integers in 64 wrapping bits with the mean cut towards zero. ReduceMean and
 * ReduceSum take their axes from the second input; without any they reduce all dimensions, or none
 * where noop_with_empty_axes says so. keepdims only decides the output's dims, which the caller
 * has set. ArgMax gives the first of equal maxima, or the last with select_last_index.
 */
#include "backend/ref/ref_priv.h"

/* The dimensions of x, in two lists. */
struct lists {
	uint32_t kept_n, gone_n;
	int64_t kept[TENSOR_RANK_MAX], kept_strides[TENSOR_RANK_MAX];
	int64_t gone[TENSOR_RANK_MAX], gone_strides[TENSOR_RANK_MAX];
};

/* An axis named twice counts once. An axis out of range is an error: axes may be data. */
static struct status lists_make(const struct ir_node *n, const struct step_args *a, struct lists *l)
{
	const struct tensor *x = &a->in[0], *axes = ref__in(a, 1);
	int64_t given[TENSOR_RANK_MAX], strides[TENSOR_RANK_MAX];
	bool gone[TENSOR_RANK_MAX] = {0};
	uint32_t k = 0, axis;

	if (axes)
		TRY(ref__ints(n, axes, given, TENSOR_RANK_MAX, &k));
	for (uint32_t i = 0; i < k; i++) {
		TRY(ref__axis(n, given[i], x->rank, &axis));
		gone[axis] = true;
	}
	bool all = k == 0 && !ir_attr_int(n, ATTR_ID_NOOP_EMPTY_AXES, 0);
	memset(l, 0, sizeof *l);
	ref__strides(x->dims, x->rank, strides);
	for (uint32_t d = 0; d < x->rank; d++) {
		if (all || gone[d]) {
			l->gone[l->gone_n] = x->dims[d];
			l->gone_strides[l->gone_n++] = strides[d];
		} else {
			l->kept[l->kept_n] = x->dims[d];
			l->kept_strides[l->kept_n++] = strides[d];
		}
	}
	return STATUS_GOOD;
}

/* x any shape; y the kept dimensions in order, with or without ones between them. */
static struct status reduce(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	int64_t at[TENSOR_RANK_MAX] = {0}, over[TENSOR_RANK_MAX] = {0};
	bool mean = n->op == OP_REDUCE_MEAN, is_float = ref__is_float(x->dtype);
	struct lists l;

	TRY(lists_make(n, a, &l));
	/* no elements at all: the sum is 0 and the mean of floats is NaN, as 0/0 */
	int64_t count = ref__product(l.gone, 0, l.gone_n);
	CHECK(ref__count(y) == ref__product(l.kept, 0, l.kept_n));
	if (mean && !is_float && count == 0)
		return FAIL(INVALID_ARG, "node %.*s: the mean of no integers", STR_ARG(n->name));
	for (int64_t o = 0; o < ref__count(y); o++, ref__next(at, l.kept, l.kept_n)) {
		int64_t base = ref__offset(at, l.kept_strides, l.kept_n);
		double sum = 0;
		uint64_t isum = 0;
		for (int64_t i = 0; i < count; i++, ref__next(over, l.gone, l.gone_n)) {
			int64_t from = base + ref__offset(over, l.gone_strides, l.gone_n);
			if (is_float)
				sum += ref__get(x, from);
			else
				isum += (uint64_t)ref__get_int(x, from);
		}
		if (is_float)
			ref__put(y, o, ref__act(n, mean ? sum / (double)count : sum));
		else if (x->dtype == DTYPE_UINT64)
			ref__put_int(y, o, (int64_t)(mean ? isum / (uint64_t)count : isum));
		else
			ref__put_int(y, o, mean ? (int64_t)isum / count : (int64_t)isum);
	}
	return STATUS_GOOD;
}

/* -1, 0 or 1. NaN is equal to everything, so it never wins. */
static int compare(const struct tensor *x, int64_t i, int64_t j)
{
	if (ref__is_float(x->dtype))
		return (ref__get(x, i) > ref__get(x, j)) - (ref__get(x, i) < ref__get(x, j));
	/* flipping the sign bit makes unsigned order signed order */
	int64_t flip = x->dtype == DTYPE_UINT64 ? INT64_MIN : 0;
	int64_t v = ref__get_int(x, i) ^ flip, w = ref__get_int(x, j) ^ flip;
	return (v > w) - (v < w);
}

/* x [outer..., len, inner...], y INT64 [outer..., inner...] with or without a 1 between */
static struct status arg_max(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	bool last = ir_attr_int(n, ATTR_ID_SELECT_LAST, 0) != 0;
	uint32_t axis;

	TRY(ref__axis(n, ir_attr_int(n, ATTR_ID_AXIS, 0), x->rank, &axis));
	int64_t outer = ref__product(x->dims, 0, axis), len = x->dims[axis];
	int64_t inner = ref__product(x->dims, axis + 1, x->rank);
	if (len == 0 && outer * inner > 0)
		return FAIL(INVALID_ARG, "node %.*s: the maximum of no elements", STR_ARG(n->name));
	for (int64_t r = 0; r < outer * inner; r++) {
		int64_t base = r / inner * len * inner + r % inner, best = 0;
		for (int64_t i = 1; i < len; i++) {
			int c = compare(x, base + i * inner, base + best * inner);
			if (c > 0 || (c == 0 && last))
				best = i;
		}
		ref__put_int(y, r, best);
	}
	return STATUS_GOOD;
}

struct status ref__reduce(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_REDUCE_MEAN: case OP_REDUCE_SUM: return reduce(n, a);
	case OP_ARG_MAX: return arg_max(n, a);
	default: UNREACHABLE();
	}
}
