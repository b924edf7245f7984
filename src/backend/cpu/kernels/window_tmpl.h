/* Pooling windows and sums over rows, fp32: included by window_<isa>.c.
 *
 * Vectors run along the channels, four at a time so that additions and comparisons of one do not
 * wait for another; the taps of a window are pointers, so that a border costs nothing but fewer
 * taps. Maximum keeps NaN. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"

/* NaN of either side wins. */
INLINE vf larger(vf acc, vf v) { return v_pick(acc != acc, acc, v_max(acc, v)); }

INLINE void max_part(const float *const *p, uint32_t taps, float *y, size_t at, size_t n)
{
	vf m = v_load_n(p[0] + at, n);

	for (uint32_t t = 1; t < taps; t++)
		m = larger(m, v_load_n(p[t] + at, n));
	v_store_n(y + at, m, n);
}

void KERNEL(window_max_f32, pixel)(const float *const *p, uint32_t taps, float *y, size_t n)
{
	size_t i = 0;

	for (; i + 4 * VL <= n; i += 4 * VL) {
		const float *q = p[0] + i;
		vf a = v_load(q), b = v_load(q + VL), c = v_load(q + 2 * VL),
		   d = v_load(q + 3 * VL);

		for (uint32_t t = 1; t < taps; t++) {
			q = p[t] + i;
			a = larger(a, v_load(q));
			b = larger(b, v_load(q + VL));
			c = larger(c, v_load(q + 2 * VL));
			d = larger(d, v_load(q + 3 * VL));
		}
		v_store(y + i, a);
		v_store(y + i + VL, b);
		v_store(y + i + 2 * VL, c);
		v_store(y + i + 3 * VL, d);
	}
	for (; i < n; i += VL)
		max_part(p, taps, y, i, n - i < VL ? n - i : VL);
}

void KERNEL(window_sum_f32, pixel)(
	const float *const *p, uint32_t taps, float *y, size_t n, float scale)
{
	vf s = v_set(scale);

	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf sum = v_set(0);

		for (uint32_t t = 0; t < taps; t++)
			sum += v_load_n(p[t] + i, part);
		v_store_n(y + i, sum * s, part);
	}
}

void KERNEL(rows_sum_f32, column)(
	const float *x, size_t rows, size_t x_row, float *y, size_t n, float scale)
{
	vf s = v_set(scale);
	size_t i = 0;

	for (; i + 4 * VL <= n; i += 4 * VL) {
		vf a = v_set(0), b = a, c = a, d = a;
		const float *q = x + i;

		for (size_t r = 0; r < rows; r++, q += x_row) {
			a += v_load(q);
			b += v_load(q + VL);
			c += v_load(q + 2 * VL);
			d += v_load(q + 3 * VL);
		}
		v_store(y + i, a * s);
		v_store(y + i + VL, b * s);
		v_store(y + i + 2 * VL, c * s);
		v_store(y + i + 3 * VL, d * s);
	}
	for (; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf sum = v_set(0);

		for (size_t r = 0; r < rows; r++)
			sum += v_load_n(x + r * x_row + i, part);
		v_store_n(y + i, sum * s, part);
	}
}

float KERNEL(row_sum_f32, row)(const float *x, size_t n)
{
	vf a = v_set(0), b = a, c = a, d = a;
	size_t i = 0;

	for (; i + 4 * VL <= n; i += 4 * VL) {
		a += v_load(x + i);
		b += v_load(x + i + VL);
		c += v_load(x + i + 2 * VL);
		d += v_load(x + i + 3 * VL);
	}
	for (; i < n; i += VL)
		a += v_load_n(x + i, n - i < VL ? n - i : VL);
	return v_sum((a + b) + (c + d));
}
