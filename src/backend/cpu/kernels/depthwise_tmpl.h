/* Depthwise convolution, fp32, channels last: included by depthwise_<isa>.c.
 *
 * Vectors run along the channels; up to four neighbouring output pixels share each load of the
 * weights. Pixels are pointers per tap, as in the batch-reduce kernel, so that stride, dilation and
 * borders are not seen here. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"
#include "base/panic.h"

enum { MR = 4 };

INLINE vf epilogue(const struct depthwise_f32 *t, vf v)
{
	if (t->act == KERNEL_ACT_CLIP)
		return v_min(v_set(t->hi), v_max(v_set(t->lo), v));
	if (t->act == KERNEL_ACT_LEAKY)
		return v_pick(v < v_set(0), v * v_set(t->lo), v);
	return v;
}

/* `part` channels, 1..VL, from channel i on. */
INLINE void column(const int rows, const struct depthwise_f32 *t, size_t i, size_t part)
{
	vf x[MR], bias = t->bias ? v_load_n(t->bias + i, part) : v_set(0);

	for (int r = 0; r < rows; r++)
		x[r] = bias;
	for (uint32_t tap = 0; tap < t->taps; tap++) {
		vf w = v_load_n(t->w + tap * t->n + i, part);

		for (int r = 0; r < rows; r++)
			x[r] += w * v_load_n(t->a[tap * MR + (uint32_t)r] + i, part);
	}
	for (int r = 0; r < rows; r++) {
		if (t->res)
			x[r] += v_load_n(t->res + (size_t)r * t->res_stride + i, part);
		v_store_n(t->c + (size_t)r * t->c_stride + i, epilogue(t, x[r]), part);
	}
}

INLINE void pixels(const int rows, const struct depthwise_f32 *t)
{
	size_t i = 0;

	for (; i + VL <= t->n; i += VL)
		column(rows, t, i, VL);
	if (i < t->n)
		column(rows, t, i, t->n - i);
}

void KERNEL(depthwise_f32, 4)(const struct depthwise_f32 *t)
{
	DCHECK(t->rows >= 1 && t->rows <= MR);
	switch (t->rows) {
	case 1:
		pixels(1, t);
		break;
	case 2:
		pixels(2, t);
		break;
	case 3:
		pixels(3, t);
		break;
	default:
		pixels(4, t);
	}
}
