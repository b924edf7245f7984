/* Depthwise convolution, fp32, channels last: included by depthwise_<isa>.c.
 *
 * Vectors run along the channels; up to four neighbouring output pixels share each load of the
 * weights. Pixels are pointers per tap, as in the batch-reduce kernel, so that stride, dilation and
 * borders are not seen here. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"
#include "base/panic.h"

enum { MR = 4 };

INLINE vf epilogue(const enum kernel_act act, vf lo, vf hi, vf v)
{
	if (act == KERNEL_ACT_CLIP)
		return v_min(hi, v_max(lo, v));
	if (act == KERNEL_ACT_LEAKY)
		return v_pick(v < v_set(0), v * lo, v);
	return v;
}

/* Channels i.. in `wide` vectors; the last vector has `part` of them, 1..VL. Two vectors share each
 * load of a pointer. */
INLINE void column(const int rows, const int wide, const struct depthwise_f32 *t, size_t i,
	size_t part)
{
	vf x[MR][2], w[2], lo = v_set(t->lo), hi = v_set(t->hi);

#pragma GCC unroll 2
	for (int j = 0; j < wide; j++) {
		size_t n = j + 1 < wide ? VL : part;
		vf bias = t->bias ? v_load_n(t->bias + i + (size_t)j * VL, n) : v_set(0);

#pragma GCC unroll 4
		for (int r = 0; r < rows; r++)
			x[r][j] = bias;
	}
	for (uint32_t tap = 0; tap < t->taps; tap++) {
#pragma GCC unroll 2
		for (int j = 0; j < wide; j++)
			w[j] = v_load_n(t->w + tap * t->n + i + (size_t)j * VL,
				j + 1 < wide ? VL : part);
#pragma GCC unroll 4
		for (int r = 0; r < rows; r++) {
			const float *a = t->a[tap * MR + (uint32_t)r] + i;

#pragma GCC unroll 2
			for (int j = 0; j < wide; j++)
				x[r][j] += w[j] *
					v_load_n(a + (size_t)j * VL, j + 1 < wide ? VL : part);
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (int j = 0; j < wide; j++) {
			size_t at = i + (size_t)j * VL, n = j + 1 < wide ? VL : part;

			if (t->res)
				x[r][j] += v_load_n(t->res + (size_t)r * t->res_stride + at, n);
			v_store_n(t->c + (size_t)r * t->c_stride + at,
				epilogue(t->act, lo, hi, x[r][j]), n);
		}
}

INLINE void pixels(const int rows, const struct depthwise_f32 *t)
{
	size_t i = t->first;

	for (; i + 2 * VL <= t->last; i += 2 * VL)
		column(rows, 2, t, i, VL);
	if (i + VL <= t->last) {
		column(rows, 1, t, i, VL);
		i += VL;
	}
	if (i < t->last)
		column(rows, 1, t, i, t->last - i);
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
