/* The transforms of Winograd's F(4x4, 3x3), fp32, channels last: included by winograd_<isa>.c.
 *
 * Interpolation points 0, 3/4, -3/4, 3/2, -3/2 and infinity: their powers are exact in binary and,
 * being close to 1 in magnitude, keep the rounding error about four times smaller than the
 * textbook's 1 and 2. Vectors run along the channels, so that a transform is the same arithmetic in
 * each lane: first the columns of the tile, then its rows. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"

#define A1 0.75f
#define A2 0.5625f
#define A3 0.421875f
#define B1 1.5f
#define B2 2.25f
#define B3 3.375f
#define AB 1.265625f   /* A2 * B2 */
#define SUM 2.8125f    /* A2 + B2 */

/* Six values of the input to six of the product: the rows belong to the points 0, a, -a, b, -b,
 * infinity. */
INLINE void into(const vf *d, vf *v)
{
	vf even_a = d[4] - v_set(B2) * d[2], odd_a = v_set(A1) * (d[3] - v_set(B2) * d[1]);
	vf even_b = d[4] - v_set(A2) * d[2], odd_b = v_set(B1) * (d[3] - v_set(A2) * d[1]);

	v[0] = v_set(AB) * d[0] - v_set(SUM) * d[2] + d[4];
	v[1] = even_a + odd_a;
	v[2] = even_a - odd_a;
	v[3] = even_b + odd_b;
	v[4] = even_b - odd_b;
	v[5] = v_set(AB) * d[1] - v_set(SUM) * d[3] + d[5];
}

/* Three taps to six values of the filter: [1, x, x^2] / product of the differences to the other
 * points; infinity: the last tap. */
INLINE void filter(const vf *g, vf *u)
{
	const float pa = 1 / (2 * A2 * (A2 - B2)), pb = 1 / (2 * B2 * (B2 - A2));
	vf even_a = v_set(pa) * g[0] + v_set(pa * A2) * g[2], odd_a = v_set(pa * A1) * g[1];
	vf even_b = v_set(pb) * g[0] + v_set(pb * B2) * g[2], odd_b = v_set(pb * B1) * g[1];

	u[0] = v_set(1 / AB) * g[0];
	u[1] = even_a + odd_a;
	u[2] = even_a - odd_a;
	u[3] = even_b + odd_b;
	u[4] = even_b - odd_b;
	u[5] = g[2];
}

/* Six values of the product to four of the output. */
INLINE void outof(const vf *m, vf *y)
{
	vf sum_a = m[1] + m[2], diff_a = m[1] - m[2], sum_b = m[3] + m[4], diff_b = m[3] - m[4];

	y[0] = m[0] + sum_a + sum_b;
	y[1] = v_set(A1) * diff_a + v_set(B1) * diff_b;
	y[2] = v_set(A2) * sum_a + v_set(B2) * sum_b;
	y[3] = v_set(A3) * diff_a + v_set(B3) * diff_b + m[5];
}

INLINE void in_part(const float *const *p, float *v, size_t v_step, size_t i, size_t part)
{
	vf t[6][6], d[6], u[6];

	for (int x = 0; x < 6; x++) {
		for (int y = 0; y < 6; y++)
			d[y] = v_load_n(p[y * 6 + x] + i, part);
		into(d, u);
		for (int y = 0; y < 6; y++)
			t[y][x] = u[y];
	}
	for (int y = 0; y < 6; y++) {
		into(t[y], u);
		for (int x = 0; x < 6; x++)
			v_store_n(v + (size_t)(y * 6 + x) * v_step + i, u[x], part);
	}
}

void KERNEL(winograd_in_f32, 6x6)(const float *const *p, float *v, size_t v_step, size_t n)
{
	size_t i = 0;

	for (; i + VL <= n; i += VL)
		in_part(p, v, v_step, i, VL);
	if (i < n)
		in_part(p, v, v_step, i, n - i);
}

void KERNEL(winograd_filter_f32, 3x3)(
	const float *w, size_t w_step, float *u, size_t u_step, size_t n)
{
	for (size_t j = 0; j < n; j += VL) {
		vf t[6][3], g[3], v[6];

		for (size_t x = 0; x < 3; x++) {
			for (size_t y = 0; y < 3; y++)
				g[y] = v_load(w + (y * 3 + x) * w_step + j);
			filter(g, v);
			for (int y = 0; y < 6; y++)
				t[y][x] = v[y];
		}
		for (size_t y = 0; y < 6; y++) {
			filter(t[y], v);
			for (size_t x = 0; x < 6; x++)
				v_store(u + (y * 6 + x) * u_step + j, v[x]);
		}
	}
}

INLINE vf epilogue(const struct winograd_out_f32 *t, vf v)
{
	if (t->act == KERNEL_ACT_CLIP)
		return v_min(v_set(t->hi), v_max(v_set(t->lo), v));
	if (t->act == KERNEL_ACT_LEAKY)
		return v_pick(v < v_set(0), v * v_set(t->lo), v);
	return v;
}

INLINE void out_part(const struct winograd_out_f32 *t, size_t i, size_t part)
{
	vf s[4][6], m[6], u[4], bias = t->bias ? v_load_n(t->bias + i, part) : v_set(0);

	for (int x = 0; x < 6; x++) {
		for (int y = 0; y < 6; y++)
			m[y] = v_load_n(t->m + (size_t)(y * 6 + x) * t->m_step + i, part);
		outof(m, u);
		for (int y = 0; y < 4; y++)
			s[y][x] = u[y];
	}
	for (uint32_t y = 0; y < t->rows; y++) {
		outof(s[y], u);
		for (uint32_t x = 0; x < t->cols; x++) {
			vf v = u[x] + bias;

			if (t->res)
				v += v_load_n(
					t->res + y * t->res_line + x * t->res_stride + i, part);
			v_store_n(t->c + y * t->c_line + x * t->c_stride + i, epilogue(t, v), part);
		}
	}
}

void KERNEL(winograd_out_f32, 4x4)(const struct winograd_out_f32 *t)
{
	size_t i = 0;

	for (; i + VL <= t->n; i += VL)
		out_part(t, i, VL);
	if (i < t->n)
		out_part(t, i, t->n - i);
}
