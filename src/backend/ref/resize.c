/* Resize as ONNX defines it: nearest, linear and cubic, every coordinate mode, antialias, for any
 * rank.
 *
 * Each output element is computed on its own: each of its coordinates is mapped to the input,
 * where a filter of the mode gives weights to the elements around; the dimensions multiply.
 * Elements outside repeat the edge, or get no weight with exclude_outside (and always with
 * antialias, as in ONNX Runtime); then the weights are scaled to sum to 1. Where only scales are
 * given, align_corners and tf_crop_and_resize take the output's length as the whole number that it
 * is, as ONNX Runtime and PyTorch do. Integers are cut towards zero.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

enum filter { FILTER_NEAREST, FILTER_LINEAR, FILTER_CUBIC };
struct resize {
	const struct tensor *x, *y;
	uint32_t rank;
	enum filter filter;
	struct str coordinate, nearest;
	bool antialias, exclude_outside;
	double cubic_a, extrapolation;
	double scale[TENSOR_RANK_MAX], roi_start[TENSOR_RANK_MAX], roi_end[TENSOR_RANK_MAX];
	int64_t strides[TENSOR_RANK_MAX];
	double at[TENSOR_RANK_MAX];     /* of the present output element: its coordinates in the input */
};

/* Where the centre (or corner, by mode) of output element o lies on axis d of the input. */
static double map_back(const struct resize *r, uint32_t d, int64_t o)
{
	double scale = r->scale[d];
	int64_t in = r->x->dims[d], out = r->y->dims[d];

	if (str_is(r->coordinate, "align_corners"))
		return out == 1 ? 0 : (double)o * (double)(in - 1) / (double)(out - 1);
	if (str_is(r->coordinate, "asymmetric"))
		return (double)o / scale;
	if (str_is(r->coordinate, "pytorch_half_pixel") && out == 1)
		return 0;
	if (str_is(r->coordinate, "tf_crop_and_resize")) {
		double from = r->roi_start[d], to = r->roi_end[d], span = (double)(in - 1);
		return out == 1 ? 0.5 * (from + to) * span :
		       from * span + (double)o * (to - from) * span / (double)(out - 1);
	}
	/* half_pixel, and its variants */
	double v = ((double)o + 0.5) / scale - 0.5;
	if (str_is(r->coordinate, "half_pixel_symmetric"))
		v += (double)in / 2 * (1 - (double)out / (scale * (double)in));
	return v;
}

/* Kept within what integers and loops can take: a region of interest may be any number at all. */
static double to_input(const struct resize *r, uint32_t d, int64_t o)
{
	double v = map_back(r, d, o), far = 4 * (double)r->x->dims[d] + 16;
	return isnan(v) ? -far : fmax(-far, fmin(far, v));
}

/* The filter at a distance, in elements of the input: a triangle, or the cubic of Keys with
 * parameter a, which is 1 at 0 and 0 at the other whole numbers up to 2. */
static double weight(const struct resize *r, double distance)
{
	double v = fabs(distance), a = r->cubic_a;
	if (r->filter == FILTER_LINEAR)
		return v < 1 ? 1 - v : 0;
	if (v <= 1)
		return ((a + 2) * v - (a + 3)) * v * v + 1;
	return v < 2 ? ((a * v - 5 * a) * v + 8 * a) * v - 4 * a : 0;
}

static int64_t clamp_index(int64_t i, int64_t len)
{
	return i < 0 ? 0 : i >= len ? len - 1 : i;
}

/* Halves go down by default, as ONNX wants it. */
static int64_t nearest(const struct resize *r, uint32_t d)
{
	double v = r->at[d];
	if (str_is(r->nearest, "floor"))
		v = floor(v);
	else if (str_is(r->nearest, "ceil"))
		v = ceil(v);
	else if (str_is(r->nearest, "round_prefer_ceil"))
		v = floor(v + 0.5);
	else
		v = ceil(v - 0.5);
	return clamp_index((int64_t)v, r->x->dims[d]);
}

/* The weighted sum over dimensions d.. of the part of x that begins at `offset`. */
static double sample(const struct resize *r, uint32_t d, int64_t offset)
{
	if (d == r->rank)
		return ref__get(r->x, offset);
	int64_t len = r->x->dims[d];
	if (len == r->y->dims[d] && r->scale[d] == 1 && !str_is(r->coordinate, "tf_crop_and_resize"))
		return sample(r, d + 1, offset + (int64_t)r->at[d] * r->strides[d]);
	/* shrinking with antialias stretches the filter over as many elements as one output covers */
	double shrink = r->antialias && r->scale[d] < 1 ? r->scale[d] : 1, sum = 0, total = 0;
	double base = floor(r->at[d]), reach = (r->filter == FILTER_CUBIC ? 2 : 1) / shrink;
	bool inside_only = r->exclude_outside;
	double first = base + floor(-reach) + 1, last = base + ceil(reach);
	if (inside_only) {
		first = fmax(first, 0);
		last = fmin(last, (double)(len - 1));
	}
	for (int64_t i = (int64_t)first; i <= (int64_t)last; i++) {
		double w = weight(r, ((double)i - r->at[d]) * shrink);
		if (w == 0)
			continue;
		total += w;
		sum += w * sample(r, d + 1, offset + clamp_index(i, len) * r->strides[d]);
	}
	return inside_only || shrink != 1 ? sum / total : sum;
}

/* scales [k], sizes [k], roi [2k]: of the axes named by the attribute, else of all. */
static struct status read_scales(const struct ir_node *n, const struct step_args *a,
                                 struct resize *r)
{
	const struct tensor *roi = ref__in(a, 1), *scales = ref__in(a, 2), *sizes = ref__in(a, 3);
	struct str policy = ir_attr_str(n, ATTR_ID_KEEP_ASPECT, STR("stretch"));
	int64_t axes[TENSOR_RANK_MAX], want[TENSOR_RANK_MAX];
	uint32_t k = ir_attr_ints(n, ATTR_ID_AXES, axes, r->rank), axis, k_sizes = 0;
	double one = 0;

	for (uint32_t i = 0; !k && i < r->rank; i++)
		axes[i] = i;
	k = k ? k : r->rank;
	if (scales && !ref__count(scales))
		scales = 0;
	if (sizes && !scales)
		TRY(ref__ints(n, sizes, want, TENSOR_RANK_MAX, &k_sizes));
	if (roi && ref__count(roi) != 2 * (int64_t)k)
		roi = 0;
	if (scales ? ref__count(scales) != k : k_sizes != k)
		return FAIL(INVALID_ARG, "node %.*s: wants %u scales or sizes", STR_ARG(n->name), k);
	for (uint32_t i = 0; i < k; i++) {
		TRY(ref__axis(n, axes[i], r->rank, &axis));
		double s = scales ? ref__get(scales, i) : (double)want[i] / (double)r->x->dims[axis];
		if (!(s > 0 && s < 1e9))
			return FAIL(INVALID_ARG, "node %.*s: the scale of axis %u is %g", STR_ARG(n->name),
			            axis, s);
		bool less = str_is(policy, "not_larger");
		one = i == 0 ? s : less ? fmin(one, s) : fmax(one, s);
		r->scale[axis] = s;
		r->roi_start[axis] = roi ? ref__get(roi, i) : 0;
		r->roi_end[axis] = roi ? ref__get(roi, i + k) : 1;
	}
	/* one scale for all axes; inference has made the sizes from it */
	for (uint32_t i = 0; !scales && !str_is(policy, "stretch") && i < k; i++) {
		TRY(ref__axis(n, axes[i], r->rank, &axis));
		r->scale[axis] = one;
	}
	return STATUS_GOOD;
}

/* Output element o from r->at. */
static void one_element(const struct resize *r, int64_t o)
{
	bool outside = false;
	int64_t from = 0;

	for (uint32_t d = 0; d < r->rank; d++) {
		outside = outside || r->at[d] < 0 || r->at[d] > (double)(r->x->dims[d] - 1);
		from += r->filter == FILTER_NEAREST ? nearest(r, d) * r->strides[d] : 0;
	}
	outside = outside && str_is(r->coordinate, "tf_crop_and_resize");
	if (r->filter == FILTER_NEAREST && !outside) {
		ref__copy(r->y, o, r->x, from);
		return;
	}
	double v = outside ? r->extrapolation : sample(r, 0, 0);
	if (ref__is_float(r->y->dtype))
		ref__put(r->y, o, v);
	else
		ref__put_int(r->y, o, ref__to_int(v, r->y->dtype));
}

struct status ref__resize(const struct ir_node *n, const struct step_args *a)
{
	struct str mode = ir_attr_str(n, ATTR_ID_MODE, STR("nearest"));
	struct resize r = {.x = &a->in[0], .y = &a->out[0], .rank = a->in[0].rank};
	int64_t at[TENSOR_RANK_MAX] = {0};

	r.filter = str_is(mode, "linear") ? FILTER_LINEAR : str_is(mode, "cubic") ? FILTER_CUBIC :
	           FILTER_NEAREST;
	r.coordinate = ir_attr_str(n, ATTR_ID_COORDINATE_MODE, STR("half_pixel"));
	r.nearest = ir_attr_str(n, ATTR_ID_NEAREST_MODE, STR("round_prefer_floor"));
	r.antialias = ir_attr_int(n, ATTR_ID_ANTIALIAS, 0) != 0;
	r.exclude_outside = ir_attr_int(n, ATTR_ID_EXCLUDE_OUTSIDE, 0) != 0;
	r.cubic_a = ir_attr_float(n, ATTR_ID_CUBIC_COEFF_A, -0.75f);
	r.extrapolation = ir_attr_float(n, ATTR_ID_EXTRAPOLATION, 0);
	for (uint32_t d = 0; d < r.rank; d++) {
		r.scale[d] = r.roi_end[d] = 1;
		if (r.x->dims[d] == 0 && ref__count(r.y))
			return FAIL(INVALID_ARG, "node %.*s: axis %u is empty and cannot grow",
			            STR_ARG(n->name), d);
	}
	TRY(read_scales(n, a, &r));
	ref__strides(r.x->dims, r.rank, r.strides);
	for (int64_t o = 0, count = ref__count(r.y); o < count; o++, ref__next(at, r.y->dims, r.rank)) {
		for (uint32_t d = 0; d < r.rank; d++)
			r.at[d] = to_input(&r, d, at[d]);
		one_element(&r, o);
	}
	return STATUS_GOOD;
}
