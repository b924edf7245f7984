/* Ops that move elements without computing: Transpose, Concat, Split, Slice, Gather, Pad.
 *
 * Each says, for an index vector of the output, which element of which input it is. They work
 * for every type of fixed size. Starts, ends, steps, pads and indices are inputs whose values may
 * be known only at run time, so they are checked here: an index outside its axis is an error that
 * names the node, never a read outside the tensor.
 */
#include "backend/ref/ref_priv.h"

/* x [d0, d1, ...], y [d_perm0, d_perm1, ...]: y[i0, i1, ...] is x with index i_k at axis perm_k.
 * Without perm the axes are reversed. */
static struct status transpose(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	int64_t perm[TENSOR_RANK_MAX], own[TENSOR_RANK_MAX], strides[TENSOR_RANK_MAX];
	int64_t at[TENSOR_RANK_MAX] = {0};

	for (uint32_t d = 0; d < x->rank; d++)
		perm[d] = x->rank - 1 - d;
	(void)ir_attr_ints(n, ATTR_ID_PERM, perm, x->rank);
	ref__strides(x->dims, x->rank, own);
	for (uint32_t d = 0; d < x->rank; d++) {
		if (perm[d] < 0 || perm[d] >= (int64_t)x->rank || y->dims[d] != x->dims[perm[d]])
			return FAIL(INVALID_ARG, "node %.*s: perm does not fit a tensor of rank %u",
			            STR_ARG(n->name), x->rank);
		strides[d] = own[perm[d]];
	}
	for (int64_t o = 0, count = ref__count(y); o < count; o++, ref__next(at, y->dims, y->rank))
		ref__copy(y, o, x, ref__offset(at, strides, y->rank));
	return STATUS_GOOD;
}

/* Copies all of `part` to or from `whole`, of the same shape but for `axis`, where it begins at
 * `start`. */
static struct status part_copy(const struct ir_node *n, const struct tensor *whole,
                               const struct tensor *part, uint32_t axis, int64_t start,
                               bool to_whole)
{
	int64_t at[TENSOR_RANK_MAX] = {0}, strides[TENSOR_RANK_MAX];

	bool fits = part->rank == whole->rank && start + part->dims[axis] <= whole->dims[axis];
	for (uint32_t d = 0; fits && d < whole->rank; d++)
		fits = d == axis || part->dims[d] == whole->dims[d];
	if (!fits)
		return FAIL(INVALID_ARG, "node %.*s: the parts do not make up the whole along axis %u",
		            STR_ARG(n->name), axis);
	ref__strides(whole->dims, whole->rank, strides);
	int64_t count = ref__count(part);
	for (int64_t p = 0; p < count; p++, ref__next(at, part->dims, part->rank)) {
		int64_t w = ref__offset(at, strides, whole->rank) + start * strides[axis];
		if (to_whole)
			ref__copy(whole, w, part, p);
		else
			ref__copy(part, p, whole, w);
	}
	return STATUS_GOOD;
}

/* Inputs [outer..., len_i, inner...], y [outer..., sum of len_i, inner...], in their order. */
static struct status concat(const struct ir_node *n, const struct step_args *a)
{
	int64_t start = 0;
	uint32_t axis;

	TRY(ref__axis(n, ir_attr_int(n, ATTR_ID_AXIS, 0), a->out[0].rank, &axis));
	for (uint32_t i = 0; i < a->n_in; start += a->in[i].dims[axis], i++)
		TRY(part_copy(n, &a->out[0], &a->in[i], axis, start, true));
	if (start != a->out[0].dims[axis])
		return FAIL(INVALID_ARG, "node %.*s: the inputs do not fill the output", STR_ARG(n->name));
	return STATUS_GOOD;
}

/* x [outer..., len, inner...], outputs [outer..., len_i, inner...]: inference has read the sizes,
 * so only the outputs' dims are looked at. An output that is not wanted still takes its place. */
static struct status split(const struct ir_node *n, const struct step_args *a)
{
	int64_t start = 0;
	uint32_t axis;

	TRY(ref__axis(n, ir_attr_int(n, ATTR_ID_AXIS, 0), a->in[0].rank, &axis));
	for (uint32_t i = 0; i < a->n_out; start += a->out[i].dims[axis], i++)
		if (a->out[i].data)
			TRY(part_copy(n, &a->in[0], &a->out[i], axis, start, false));
	return STATUS_GOOD;
}

/* Axes named by an optional input, else 0..count-1. */
static struct status axes_of(const struct ir_node *n, const struct tensor *t, uint32_t count,
                             uint32_t rank, uint32_t *axes)
{
	int64_t given[TENSOR_RANK_MAX];
	uint32_t k = count;

	for (uint32_t i = 0; i < count; i++)
		given[i] = i;
	if (t)
		TRY(ref__ints(n, t, given, TENSOR_RANK_MAX, &k));
	if (k != count)
		return FAIL(INVALID_ARG, "node %.*s: %u axes for %u values", STR_ARG(n->name), k, count);
	for (uint32_t i = 0; i < count; i++)
		TRY(ref__axis(n, given[i], rank, &axes[i]));
	return STATUS_GOOD;
}

/* in: data, starts, ends, axes, steps. Ends have decided the output's dims and are not read. */
static struct status slice(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	int64_t starts[TENSOR_RANK_MAX], steps[TENSOR_RANK_MAX], own[TENSOR_RANK_MAX];
	int64_t strides[TENSOR_RANK_MAX], at[TENSOR_RANK_MAX] = {0}, base = 0;
	uint32_t axes[TENSOR_RANK_MAX], k, k_steps;

	TRY(ref__ints(n, &a->in[1], starts, TENSOR_RANK_MAX, &k));
	TRY(axes_of(n, ref__in(a, 3), k, x->rank, axes));
	for (uint32_t i = 0; i < k; i++)
		steps[i] = 1;
	if (ref__in(a, 4)) {
		TRY(ref__ints(n, ref__in(a, 4), steps, TENSOR_RANK_MAX, &k_steps));
		if (k_steps != k)
			return FAIL(INVALID_ARG, "node %.*s: %u steps for %u starts", STR_ARG(n->name),
			            k_steps, k);
	}
	if (!ref__count(y))
		return STATUS_GOOD;
	ref__strides(x->dims, x->rank, own);
	memcpy(strides, own, sizeof strides);
	for (uint32_t i = 0; i < k; i++) {
		/* clamp as numpy does, then make sure that the last element lies inside too */
		int64_t len = x->dims[axes[i]], s = starts[i], count = y->dims[axes[i]], last;
		s = s < -len ? 0 : s < 0 ? s + len : s > len ? len : s;
		if (steps[i] < 0 && s > len - 1)
			s = len - 1;
		if (steps[i] == 0 || __builtin_mul_overflow(count - 1, steps[i], &last) ||
		    __builtin_add_overflow(last, s, &last) || s >= len || last < 0 || last >= len)
			return FAIL(INVALID_ARG, "node %.*s: start %lld with step %lld leaves axis %u of "
			            "%lld elements", STR_ARG(n->name), (long long)starts[i],
			            (long long)steps[i], axes[i], (long long)len);
		base += s * own[axes[i]];
		strides[axes[i]] = own[axes[i]] * (count > 1 ? steps[i] : 1);
	}
	for (int64_t o = 0, count = ref__count(y); o < count; o++, ref__next(at, y->dims, y->rank))
		ref__copy(y, o, x, base + ref__offset(at, strides, y->rank));
	return STATUS_GOOD;
}

/* x [outer..., len, inner...], indices of any shape, y [outer..., indices..., inner...].
 * Every index is checked: it is data, known at run time only. Negative ones count from the end. */
static struct status gather(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *indices = &a->in[1], *y = &a->out[0];
	int64_t index_n = ref__count(indices);
	uint32_t axis;

	TRY(ref__axis(n, ir_attr_int(n, ATTR_ID_AXIS, 0), x->rank, &axis));
	int64_t outer = ref__product(x->dims, 0, axis), len = x->dims[axis];
	int64_t inner = ref__product(x->dims, axis + 1, x->rank);
	CHECK(ref__count(y) == outer * index_n * inner);
	for (int64_t r = 0; r < outer; r++)
	for (int64_t k = 0; k < index_n; k++) {
		int64_t i = ref__get_int(indices, k);
		if (i < -len || i >= len)
			return FAIL(INVALID_ARG, "node %.*s: index %lld is outside axis %u of %lld elements",
			            STR_ARG(n->name), (long long)i, axis, (long long)len);
		i = i < 0 ? i + len : i;
		for (int64_t p = 0; p < inner; p++)
			ref__copy(y, (r * index_n + k) * inner + p, x, (r * len + i) * inner + p);
	}
	return STATUS_GOOD;
}

/* What stands outside: a value, the mirror image without its edge, the edge, or the other end. */
enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

/* The element of an axis of `len` that stands at i, which may be outside; -1: the constant. */
static int64_t pad_source(enum pad_mode mode, int64_t i, int64_t len)
{
	if (i >= 0 && i < len)
		return i;
	switch (mode) {
	case PAD_CONSTANT: return -1;
	case PAD_EDGE: return i < 0 ? 0 : len - 1;
	case PAD_WRAP: return (i % len + len) % len;
	case PAD_REFLECT: {
		int64_t period = len > 1 ? 2 * (len - 1) : 1;
		i = (i % period + period) % period;
		return i < len ? i : period - i;
	}
	}
	UNREACHABLE();
}

/* in: data [d0, ...], pads (begins, then ends), value, axes. y's dims are begin + d + end, which
 * may be smaller than d: a negative pad cuts. */
static struct status pad(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *value = ref__in(a, 2), *y = &a->out[0];
	struct str text = ir_attr_str(n, ATTR_ID_MODE, STR("constant"));
	enum pad_mode mode = str_is(text, "reflect") ? PAD_REFLECT : str_is(text, "edge") ? PAD_EDGE :
	                     str_is(text, "wrap") ? PAD_WRAP : PAD_CONSTANT;
	int64_t pads[2 * TENSOR_RANK_MAX], begin[TENSOR_RANK_MAX] = {0}, own[TENSOR_RANK_MAX];
	int64_t at[TENSOR_RANK_MAX] = {0};
	uint32_t k, axes[TENSOR_RANK_MAX];

	TRY(ref__ints(n, &a->in[1], pads, 2 * TENSOR_RANK_MAX, &k));
	TRY(axes_of(n, ref__in(a, 3), k / 2, x->rank, axes));
	for (uint32_t i = 0; i < k / 2; i++) {
		if (pads[i] > INT32_MAX || pads[i] < -(int64_t)INT32_MAX)
			return FAIL(INVALID_ARG, "node %.*s: pads axis %u by %lld", STR_ARG(n->name), axes[i],
			            (long long)pads[i]);
		begin[axes[i]] = pads[i];
	}
	for (uint32_t d = 0; d < x->rank; d++)
		if (mode != PAD_CONSTANT && x->dims[d] == 0 && y->dims[d])
			return FAIL(INVALID_ARG, "node %.*s: axis %u has no elements to pad with",
			            STR_ARG(n->name), d);
	ref__strides(x->dims, x->rank, own);
	for (int64_t o = 0, count = ref__count(y); o < count; o++, ref__next(at, y->dims, y->rank)) {
		int64_t from = 0;
		for (uint32_t d = 0; d < x->rank && from >= 0; d++) {
			int64_t i = pad_source(mode, at[d] - begin[d], x->dims[d]);
			from = i < 0 ? -1 : from + i * own[d];
		}
		if (from >= 0)
			ref__copy(y, o, x, from);
		else if (value)
			ref__copy(y, o, value, 0);
		else
			memset((uint8_t *)y->data + (size_t)o * dtype_bytes(y->dtype), 0,
			       dtype_bytes(y->dtype));
	}
	return STATUS_GOOD;
}

struct status ref__move(const struct ir_node *n, const struct step_args *a)
{
	switch (n->op) {
	case OP_TRANSPOSE: return transpose(n, a);
	case OP_CONCAT: return concat(n, a);
	case OP_SPLIT: return split(n, a);
	case OP_SLICE: return slice(n, a);
	case OP_GATHER: return gather(n, a);
	case OP_PAD: return pad(n, a);
	default: UNREACHABLE();
	}
}
