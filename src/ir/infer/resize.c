/* Shape of Resize: given sizes, or the floor of size times scale.
 *
 * Exactly one of scales (input 2) and sizes (input 3) is used; an empty tensor counts as
 * absent, as older exporters write it. With axes (opset 18) they name some dimensions only. Scales
 * must be constant. A keep_aspect_ratio_policy makes one scale for all named axes of the sizes,
 * for which the input's must be numbers.
 */
#include "ir/infer/infer_priv.h"

#include "base/panic.h"

#include <math.h>

static bool present(const struct ir_value *v)
{
	return v && !(v->rank == 1 && dim_eq(v->dims[0], DIM(0)));
}

static struct status by_scales(const struct ir_node *n, const struct ir_value *s, const int64_t *axes,
                               uint32_t count, struct dim *dims)
{
	const float *scale = s->data;
	if (!scale || s->dtype != DTYPE_FP32 || s->data_bytes != count * sizeof(float))
		return infer__bad(n, "its scales are not constant, one for each of %u axes", count);
	for (uint32_t i = 0; i < count; i++) {
		struct dim *d = &dims[axes[i]];
		float f;
		memcpy(&f, scale + i, sizeof f);
		if (f == 1)
			continue;
		double size = floor((double)d->k * (double)f);
		if (!dim_known(*d) || !(f > 0) || !(size < 2147483648.0))
			return infer__bad(n, "axis %lld cannot be scaled by %g", (long long)axes[i], (double)f);
		*d = DIM((int64_t)size);
	}
	return STATUS_GOOD;
}

static struct status by_sizes(const struct ir_node *n, const struct ir_value *s, const int64_t *axes,
                              uint32_t count, struct dim *dims)
{
	struct dim c[IR_RANK_MAX];
	uint32_t k;
	if (!infer__elements(s, c, IR_RANK_MAX, &k) || k != count)
		return infer__bad(n, "its sizes are not known, one for each of %u axes", count);
	for (uint32_t i = 0; i < count; i++)
		dims[axes[i]] = c[i];
	return STATUS_GOOD;
}

/* The sizes become those of one common scale: the smallest for not_larger, the largest for
 * not_smaller. */
static struct status keep_aspect(const struct ir_node *n, const int64_t *axes, uint32_t count, struct dim *dims)
{
	struct str policy = ir_attr_str(n, ATTR_ID_KEEP_ASPECT, STR("stretch"));
	const struct ir_value *x = n->in[0];
	bool less = str_is(policy, "not_larger");
	double one = 0;
	if (str_is(policy, "stretch"))
		return STATUS_GOOD;
	if (!less && !str_is(policy, "not_smaller"))
		return infer__bad(n, "keep_aspect_ratio_policy is '%.*s'", STR_ARG(policy));
	for (uint32_t i = 0; i < count; i++) {
		struct dim in = x->dims[axes[i]], out = dims[axes[i]];
		if (!dim_known(in) || !dim_known(out) || in.k < 1)
			return infer__bad(n, "axis %lld has no known size to keep the aspect of", (long long)axes[i]);
		double s = (double)out.k / (double)in.k;
		one = i == 0 ? s : less ? fmin(one, s) : fmax(one, s);
	}
	for (uint32_t i = 0; i < count; i++) {
		double size = floor(one * (double)x->dims[axes[i]].k + 0.5);
		if (!(size < 2147483648.0))
			return infer__bad(n, "axis %lld becomes too large", (long long)axes[i]);
		dims[axes[i]] = DIM((int64_t)size);
	}
	return STATUS_GOOD;
}

struct status infer__resize(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *scales = infer__in(n, 2), *sizes = infer__in(n, 3);
	int64_t axes[IR_RANK_MAX];
	struct dim dims[IR_RANK_MAX];
	uint32_t count = ir_attr_ints(n, ATTR_ID_AXES, axes, IR_RANK_MAX);
	if (present(scales) == present(sizes))
		return infer__bad(n, "exactly one of scales and sizes must be given");
	for (int32_t i = 0; !count && i < x->rank; i++)
		axes[i] = i;
	for (uint32_t i = 0; i < count; i++) {
		int32_t axis;
		if (!infer__axis(axes[i], x->rank, &axis))
			return infer__bad(n, "axis %lld is out of range", (long long)axes[i]);
		axes[i] = axis;
	}
	count = count ? count : (uint32_t)x->rank;
	CHECK(count <= IR_RANK_MAX);
	memcpy(dims, x->dims, sizeof dims);
	TRY(present(scales) ? by_scales(n, scales, axes, count, dims) : by_sizes(n, sizes, axes, count, dims));
	if (!present(scales))
		TRY(keep_aspect(n, axes, count, dims));
	return infer__set(g, n, 0, x->dtype, x->rank, dims);
}
