/* Shapes of operators that move data: Transpose, Concat, Split, Slice, Gather, Pad.
 *
 * Concat, Split, Slice and Gather also move contents of one-dimensional integer tensors, which
 * is how exporters pick a dimension out of Shape. Starts, ends, steps, pads and split sizes must
 * be known numbers; a slice of a symbolic axis is followed only when it takes the whole axis.
 */
#include "ir/infer/infer_priv.h"

#include "base/limits.h"
#include "base/panic.h"

static struct status transpose(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int64_t perm[IR_RANK_MAX];
	struct dim dims[IR_RANK_MAX];
	uint32_t count = ir_attr_ints(n, ATTR_ID_PERM, perm, IR_RANK_MAX), seen = 0;
	if (count && count != (uint32_t)x->rank)
		return infer__bad(n, "perm has %u entries for rank %d", count, x->rank);
	for (int32_t i = 0; i < x->rank; i++) {
		int64_t from = count ? perm[i] : x->rank - 1 - i;
		if (from < 0 || from >= x->rank || (seen >> from & 1))
			return infer__bad(n, "perm is not a permutation of 0 to %d", x->rank - 1);
		seen |= 1u << from;
		dims[i] = x->dims[from];
	}
	return infer__set(g, n, 0, x->dtype, x->rank, dims);
}

static struct status concat_contents(struct ir_graph *g, struct ir_node *n)
{
	struct dim c[LIMIT_GRAPH_CONTENT];
	uint32_t total = 0, count;
	for (uint32_t i = 0; i < n->n_in; i++) {
		if (!infer__elements(n->in[i], c + total, LIMIT_GRAPH_CONTENT - total, &count))
			return STATUS_GOOD;
		total += count;
	}
	return infer__content(g, n, 0, c, total);
}

static struct status concat(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct dim dims[IR_RANK_MAX];
	int32_t axis;
	if (!x)
		return infer__bad(n, "its first input is absent");
	if (!infer__axis(ir_attr_int(n, ATTR_ID_AXIS, 0), x->rank, &axis))
		return infer__bad(n, "axis is out of range for rank %d", x->rank);
	memcpy(dims, x->dims, sizeof dims);
	for (uint32_t i = 1; i < n->n_in; i++) {
		const struct ir_value *y = n->in[i];
		if (!y || y->rank != x->rank || y->dtype != x->dtype)
			return infer__bad(n, "input %u has another rank or type than the first", i);
		for (int32_t k = 0; k < x->rank; k++) {
			if (k == axis) {
				if (!infer__add(g, dims[k], y->dims[k], &dims[k]))
					return infer__bad(n, "the result is too large");
			} else if (dim_known(dims[k]) && dim_known(y->dims[k]) && dims[k].k != y->dims[k].k) {
				return infer__bad(n, "input %u differs from the first in dimension %d", i, k);
			} else if (dim_known(y->dims[k])) {
				dims[k] = y->dims[k];
			}
		}
	}
	TRY(infer__set(g, n, 0, x->dtype, x->rank, dims));
	return x->rank == 1 ? concat_contents(g, n) : STATUS_GOOD;
}

/* Sizes of the pieces: given, or as even as num_outputs says with a smaller last one. */
static struct status pieces(const struct ir_node *n, int64_t whole, int64_t *size)
{
	uint32_t count;
	int64_t sum = 0;
	if (infer__in(n, 1)) {
		if (!ir_value_ints(n->in[1], size, LIMIT_GRAPH_IO, &count) || count != n->n_out)
			return infer__bad(n, "the sizes are not constant, or not one for each of %u outputs", n->n_out);
	} else {
		int64_t each = whole / n->n_out + (whole % n->n_out != 0);
		for (uint32_t i = 0; i < n->n_out; i++)
			size[i] = i + 1 < n->n_out ? each : whole - each * (n->n_out - 1);
	}
	for (uint32_t i = 0; i < n->n_out; i++)
		if (size[i] < 0 || __builtin_add_overflow(sum, size[i], &sum))
			return infer__bad(n, "piece %u has size %lld", i, (long long)size[i]);
	if (sum != whole)
		return infer__bad(n, "the pieces add up to %lld; the axis has %lld", (long long)sum, (long long)whole);
	return STATUS_GOOD;
}

static struct status split(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int32_t axis;
	struct dim dims[IR_RANK_MAX], c[LIMIT_GRAPH_CONTENT];
	uint32_t count;
	if (!infer__axis(ir_attr_int(n, ATTR_ID_AXIS, 0), x->rank, &axis))
		return infer__bad(n, "axis is out of range for rank %d", x->rank);
	if (!dim_known(x->dims[axis]) || n->n_out > LIMIT_GRAPH_IO)
		return infer__bad(n, "the size of the axis to split is not known, or there are too many outputs");
	int64_t *size = ARENA_ARRAY(g->arena, LIMIT_GRAPH_IO, int64_t);
	if (!size)
		return FAIL(NO_MEMORY, "no memory for inference");
	TRY(pieces(n, x->dims[axis].k, size));
	memcpy(dims, x->dims, sizeof dims);
	bool follows = x->rank == 1 && infer__elements(x, c, LIMIT_GRAPH_CONTENT, &count);
	int64_t at = 0;
	for (uint32_t i = 0; i < n->n_out; i++) {
		dims[axis] = DIM(size[i]);
		TRY(infer__set(g, n, i, x->dtype, x->rank, dims));
		if (follows)
			TRY(infer__content(g, n, i, c + at, (uint32_t)size[i]));
		at += size[i];
	}
	return STATUS_GOOD;
}

struct cut { int64_t start, end, step; };

/* Elements that a cut takes from an axis of size d (numpy's rules); *first is where it begins. */
static int64_t cut_count(struct cut c, int64_t d, int64_t *first)
{
	int64_t a = c.start < 0 ? c.start + d : c.start, b = c.end < 0 ? c.end + d : c.end;
	if (c.step > 0) {
		a = a < 0 ? 0 : a > d ? d : a;
		b = b < 0 ? 0 : b > d ? d : b;
		*first = a;
		return b > a ? (b - a - 1) / c.step + 1 : 0;
	}
	a = a < 0 ? -1 : a >= d ? d - 1 : a;
	b = c.end < -d ? -1 : b < 0 ? -1 : b >= d ? d - 1 : b;
	*first = a;
	return a > b ? (a - b - 1) / -c.step + 1 : 0;
}

static struct status cuts(struct ir_node *n, int64_t v[4][IR_RANK_MAX], uint32_t *count)
{
	const struct ir_value *x = n->in[0];
	uint32_t k[4];
	for (uint32_t i = 0; i < 4; i++) {
		const struct ir_value *p = infer__in(n, i + 1);
		if (!p && i < 2)
			return infer__bad(n, "starts or ends are absent");
		if (p && !ir_value_ints(p, v[i], IR_RANK_MAX, &k[i]))
			return infer__bad(n, "starts, ends, axes and steps must be known numbers, at most %d",
			                  IR_RANK_MAX);
		if (!p)
			k[i] = k[0];
		for (uint32_t j = 0; !p && j < k[i]; j++)
			v[i][j] = i == 2 ? j : 1;
		if (k[i] != k[0] || k[i] > (uint32_t)x->rank)
			return infer__bad(n, "starts, ends, axes and steps do not have the same length");
	}
	*count = k[0];
	return STATUS_GOOD;
}

static struct status slice(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int64_t v[4][IR_RANK_MAX], first = 0, step = 1;
	struct dim dims[IR_RANK_MAX], c[LIMIT_GRAPH_CONTENT], out[LIMIT_GRAPH_CONTENT];
	uint32_t count, cn;
	TRY(cuts(n, v, &count));
	memcpy(dims, x->dims, sizeof dims);
	for (uint32_t i = 0; i < count; i++) {
		int32_t axis;
		struct cut cut = {v[0][i], v[1][i], v[3][i]};
		if (!infer__axis(v[2][i], x->rank, &axis) || !cut.step || cut.step == INT64_MIN)
			return infer__bad(n, "axis %lld is out of range, or a step is 0", (long long)v[2][i]);
		step = cut.step;
		if (dim_known(x->dims[axis]))
			dims[axis] = DIM(cut_count(cut, x->dims[axis].k, &first));
		else if (!(cut.start == 0 && cut.end >= INT32_MAX && cut.step == 1) && !infer__fresh(g, &dims[axis]))
			return infer__bad(n, "too many unknown dimensions");
	}
	TRY(infer__set(g, n, 0, x->dtype, x->rank, dims));
	if (x->rank != 1 || count > 1 || !infer__elements(x, c, LIMIT_GRAPH_CONTENT, &cn) || !dim_known(dims[0]) ||
	    dims[0].k > (int64_t)cn)
		return STATUS_GOOD;
	for (int64_t i = 0; i < dims[0].k; i++)
		out[i] = c[first + i * step];
	return infer__content(g, n, 0, out, (uint32_t)dims[0].k);
}

static struct status gather(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *index = n->in[1];
	struct dim dims[2 * IR_RANK_MAX], c[LIMIT_GRAPH_CONTENT], at[LIMIT_GRAPH_CONTENT], out[LIMIT_GRAPH_CONTENT];
	uint32_t cn, an;
	int32_t axis, rank = 0;
	if (!infer__axis(ir_attr_int(n, ATTR_ID_AXIS, 0), x->rank, &axis))
		return infer__bad(n, "axis is out of range for rank %d", x->rank);
	if (index->dtype != DTYPE_INT64 && index->dtype != DTYPE_INT32)
		return infer__bad(n, "the indices are %s; INT32 or INT64 are needed", dtype_wire(index->dtype));
	for (int32_t i = 0; i < axis; i++)
		dims[rank++] = x->dims[i];
	for (int32_t i = 0; i < index->rank; i++)
		dims[rank++] = index->dims[i];
	for (int32_t i = axis + 1; i < x->rank; i++)
		dims[rank++] = x->dims[i];
	TRY(infer__set(g, n, 0, x->dtype, rank, dims));
	if (x->rank != 1 || rank > 1 || !infer__elements(x, c, LIMIT_GRAPH_CONTENT, &cn) ||
	    !infer__elements(index, at, LIMIT_GRAPH_CONTENT, &an))
		return STATUS_GOOD;
	for (uint32_t i = 0; i < an; i++) {
		int64_t k = at[i].k < 0 ? at[i].k + cn : at[i].k;
		if (!dim_known(at[i]))
			return STATUS_GOOD;
		if (k < 0 || k >= cn)
			return infer__bad(n, "index %lld is out of range for %u elements", (long long)at[i].k, cn);
		out[i] = c[k];
	}
	return infer__content(g, n, 0, out, an);
}

static struct status pad(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int64_t pads[2 * IR_RANK_MAX], axes[IR_RANK_MAX];
	struct dim dims[IR_RANK_MAX];
	uint32_t count, k = (uint32_t)x->rank;
	for (uint32_t i = 0; i < k; i++)
		axes[i] = i;
	if (infer__in(n, 3) && !ir_value_ints(n->in[3], axes, IR_RANK_MAX, &k))
		return infer__bad(n, "its axes are not known numbers");
	if (!ir_value_ints(n->in[1], pads, 2 * IR_RANK_MAX, &count) || count != 2 * k)
		return infer__bad(n, "its pads are not known numbers, two for each of %u axes", k);
	memcpy(dims, x->dims, sizeof dims);
	for (uint32_t i = 0; i < k; i++) {
		int32_t axis;
		int64_t more;
		if (!infer__axis(axes[i], x->rank, &axis))
			return infer__bad(n, "axis %lld is out of range", (long long)axes[i]);
		if (__builtin_add_overflow(pads[i], pads[k + i], &more))
			return infer__bad(n, "its pads are out of range");
		if (!more)
			continue;
		if (!dim_known(dims[axis])) {
			if (!infer__fresh(g, &dims[axis]))
				return infer__bad(n, "too many unknown dimensions");
		} else if (__builtin_add_overflow(dims[axis].k, more, &dims[axis].k)) {
			return infer__bad(n, "its pads are out of range");
		}
	}
	return infer__set(g, n, 0, x->dtype, x->rank, dims);
}

struct status infer__move(struct ir_graph *g, struct ir_node *n)
{
	switch (n->op) {
	case OP_TRANSPOSE:
		return transpose(g, n);
	case OP_CONCAT:
		return concat(g, n);
	case OP_SPLIT:
		return split(g, n);
	case OP_SLICE:
		return slice(g, n);
	case OP_GATHER:
		return gather(g, n);
	case OP_PAD:
		return pad(g, n);
	default:
		UNREACHABLE();
	}
}
