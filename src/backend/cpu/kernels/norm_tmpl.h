/* Softmax, log-softmax and layer normalisation of one row, fp32: included by norm_<isa>.c.
 *
 * Each is two or three passes over a row that stays in the first-level cache. The softmaxes
 * subtract the maximum first, so that nothing overflows; the variance is of differences from the
 * mean, not a difference of squares. */
#include <math.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vmath.h"

INLINE float row_max(const float *x, size_t n)
{
	vf m = v_set(x[0]);

	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf v = part == VL ? v_load(x + i) : v_fill(v_load_n(x + i, part), part, x[0]);

		m = v_pick(m != m, m, v_max(m, v));
	}
	return v_largest(m);
}

void KERNEL(softmax_f32, row)(const float *x, float *y, size_t n)
{
	vf m = v_set(row_max(x, n)), sum = v_set(0), scale;

	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf e = v_exp(v_load_n(x + i, part) - m);

		sum += part == VL ? e : v_fill(e, part, 0);
		v_store_n(y + i, e, part);
	}
	scale = v_set(1 / v_sum(sum));
	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;

		v_store_n(y + i, v_load_n(y + i, part) * scale, part);
	}
}

void KERNEL(log_softmax_f32, row)(const float *x, float *y, size_t n)
{
	float largest = row_max(x, n);
	vf m = v_set(largest), sum = v_set(0), less;

	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf e = v_exp(v_load_n(x + i, part) - m);

		sum += part == VL ? e : v_fill(e, part, 0);
	}
	less = v_set(logf(v_sum(sum)));
	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;

		v_store_n(y + i, v_load_n(x + i, part) - m - less, part);
	}
}

void KERNEL(layer_norm_f32, row)(const float *x, const float *scale, const float *bias, float *y,
	size_t n, float epsilon, float *mean_out, float *inv_out)
{
	vf sum = v_set(0), squares = v_set(0), mean, inv;

	for (size_t i = 0; i < n; i += VL)
		sum += v_load_n(x + i, n - i < VL ? n - i : VL);
	mean = v_set(v_sum(sum) / (float)n);
	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf d = v_load_n(x + i, part) - mean;

		d = part == VL ? d : v_fill(d, part, 0);
		squares += d * d;
	}
	*mean_out = mean[0];
	*inv_out = 1 / sqrtf(v_sum(squares) / (float)n + epsilon);
	inv = v_set(*inv_out);
	for (size_t i = 0; i < n; i += VL) {
		size_t part = n - i < VL ? n - i : VL;
		vf v = (v_load_n(x + i, part) - mean) * inv * v_load_n(scale + i, part);

		v_store_n(y + i, bias ? v + v_load_n(bias + i, part) : v, part);
	}
}
