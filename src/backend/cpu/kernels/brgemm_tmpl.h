/* Batch-reduce matrix product, fp32: included by brgemm_<isa>.c, which sets MR (rows of a tile),
 * TILE (its name).
 *
 * A tile is MR rows by two vectors of columns, all in registers: 28 accumulators of AVX-512's 32
 * registers, 12 of AVX2's 16, 8 of 16 in C. Each step of the reduction loads two vectors of b and
 * broadcasts one float per row, so that the multiply-adds, not the loads, are the limit. A body is
 * generated for each number of rows by inlining with a constant. With few rows a multiply-add would
 * wait for the one before it: up to three rows, SETS independent sums are kept and added at the
 * end, which makes the same kernel the matrix-vector product. Row pointers per tap make 1x1 and KxK
 * convolutions with any stride, dilation and border, Gemm and MatMul the same code. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"
#include "base/panic.h"

#define NR (2 * VL)

/* STREAM: how far ahead, in floats, few rows prefetch b, which they read but once. */
enum { ACCS = MR > 6 ? MR : 6, STREAM = 1024 };

/* One step of the reduction: row r adds p[r][i] times the two vectors at b. The processor has no
 * registers for 14 pointers besides the loop's own: those past HELD are read again at each step,
 * which costs a load where a compiler's own choice (spilling to vector registers) costs slots of
 * the multiply-adds. */
enum { HELD = 11 };
INLINE void step(const int rows, vf (*x)[2], const float *const *p, const float *const *table,
	size_t i, const float *b)
{
	vf b0 = *(const vf *)b, b1 = *(const vf *)(b + VL);

#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) {
		const float *q = r < HELD ? p[r] : ((const float *const volatile *)table)[r];
		vf a = v_set(q[i]);

		x[r][0] += a * b0;
		x[r][1] += a * b1;
	}
}

/* Adds the residual, applies the activation, stores. Passes over registers: what does not depend on
 * the row is outside. */
INLINE void finish(const int rows, const struct brgemm_f32 *t, vf (*x)[2], size_t n0, size_t n1)
{
	vf lo = v_set(t->lo), hi = v_set(t->hi);

	if (t->res) {
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			const float *res = t->res + (size_t)r * t->res_stride;

			x[r][0] += v_load_n(res, n0);
			x[r][1] += v_load_n(res + n0, n1);
		}
	}
	if (t->act == KERNEL_ACT_CLIP) {
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			x[r][0] = v_min(hi, v_max(lo, x[r][0]));
			x[r][1] = v_min(hi, v_max(lo, x[r][1]));
		}
	} else if (t->act == KERNEL_ACT_LEAKY) {
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			x[r][0] = v_pick(x[r][0] < v_set(0), x[r][0] * lo, x[r][0]);
			x[r][1] = v_pick(x[r][1] < v_set(0), x[r][1] * lo, x[r][1]);
		}
	}
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) {
		float *c = t->c + (size_t)r * t->c_stride;

		v_store_n(c, x[r][0], n0);
		v_store_n(c + n0, x[r][1], n1);
	}
}

/* Asks for the lines that the epilogue will touch; the reduction gives them time to arrive. */
INLINE void prefetch_rows(const int rows, const struct brgemm_f32 *t)
{
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) {
		const float *c = t->c + (size_t)r * t->c_stride;
		const float *res = t->res + (size_t)r * t->res_stride;

		for (int i = 0; i < NR * 4; i += 64) {
			__builtin_prefetch((const char *)c + i, 1, 3);
			if (t->res)
				__builtin_prefetch((const char *)res + i, 0, 3);
		}
	}
}

INLINE void tile(const int rows, const int sets, const struct brgemm_f32 *t)
{
	vf x[ACCS][2], b0 = v_set(0), b1 = b0;
	const float *b = t->b;
	const char *ahead = t->ahead;
	size_t k = t->k, n0 = t->cols < VL ? t->cols : VL, n1 = t->cols - n0;

	if (t->bias) {
		b0 = v_load_n(t->bias, n0);
		b1 = v_load_n(t->bias + n0, n1);
	}
#pragma GCC unroll 16
	for (int r = 0; r < rows * sets; r++) {
		x[r][0] = r < rows ? b0 : v_set(0);
		x[r][1] = r < rows ? b1 : v_set(0);
	}
	prefetch_rows(rows, t);
	for (uint32_t tap = 0; tap < t->taps; tap++) {
		const float *const *table = t->a + (size_t)tap * MR, *p[MR];
		size_t i = 0;

#pragma GCC unroll 16
		for (int r = 0; r < rows; r++)
			p[r] = table[r];
		if (sets > 1) {
			for (; i + sets <= k; i += sets, b += sets * NR)
#pragma GCC unroll 4
				for (int s = 0; s < sets; s++) {
					__builtin_prefetch(b + s * NR + STREAM, 0, 3);
					__builtin_prefetch(b + s * NR + STREAM + 16, 0, 3);
					step(rows, x + s * rows, p, table, i + s, b + s * NR);
				}
		}
		for (; i < k; i++, b += NR, ahead += t->ahead_step) {
			__builtin_prefetch(ahead, 0, 2);
			/* Few tiles share a panel: more than a line each step. */
			if (rows <= MR / 2)
				__builtin_prefetch(ahead + 64, 0, 2);
			step(rows, x, p, table, i, b);
		}
	}
#pragma GCC unroll 16
	for (int r = rows; r < rows * sets; r++) {
		x[r % rows][0] += x[r][0];
		x[r % rows][1] += x[r][1];
	}
	finish(rows, t, x, n0, n1);
}

#define BODY(n) \
	static __attribute__((noinline)) void rows_##n(const struct brgemm_f32 *t) \
	{ \
		tile(n, n == 1 ? 4 : n <= 3 ? 2 : 1, t); \
	}
BODY(1) BODY(2) BODY(3) BODY(4)
#if MR > 4
BODY(5) BODY(6)
#endif
#if MR > 6
BODY(7) BODY(8) BODY(9) BODY(10) BODY(11) BODY(12) BODY(13) BODY(14)
#endif

static kernel_brgemm_f32_fn *const bodies[MR + 1] = {
	0, rows_1, rows_2, rows_3, rows_4,
#if MR > 4
	rows_5, rows_6,
#endif
#if MR > 6
	rows_7, rows_8, rows_9, rows_10, rows_11, rows_12, rows_13, rows_14,
#endif
};

void KERNEL(brgemm_f32, TILE)(const struct brgemm_f32 *t)
{
	DCHECK(t->rows >= 1 && t->rows <= MR && t->cols >= 1 && t->cols <= NR);
	DCHECK((uintptr_t)t->b % (VL * 4) == 0);
	bodies[t->rows](t);
}

/* ---- few rows over several panels ---- */

/* Like a tile's sums, one after the other along the reduction, so a row's numbers do not depend on
 * how many rows came with it; that no multiply-add waits for the one before it is up to the panels,
 * which go side by side. */
INLINE void strip(
	const int rows, const int panels, const struct brgemm_f32 *t, size_t panel_floats)
{
	vf x[4][3][2];

#pragma GCC unroll 4
	for (int p = 0; p < panels; p++) {
		size_t left = t->cols - (size_t)p * NR, cols = left < NR ? left : NR,
		       n0 = cols < VL ? cols : VL;
		vf b0 = v_set(0), b1 = b0;

		if (t->bias) {
			b0 = v_load_n(t->bias + p * NR, n0);
			b1 = v_load_n(t->bias + p * NR + n0, cols - n0);
		}
#pragma GCC unroll 3
		for (int r = 0; r < rows; r++) {
			x[p][r][0] = b0;
			x[p][r][1] = b1;
		}
	}
	for (size_t i = 0; i < t->k; i++) {
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++) {
			const float *b = t->b + (size_t)p * panel_floats + i * NR;

			__builtin_prefetch(b + STREAM, 0, 3);
			__builtin_prefetch(b + STREAM + 16, 0, 3);
			step(rows, x[p], t->a, t->a, i, b);
		}
	}
#pragma GCC unroll 4
	for (int p = 0; p < panels; p++) {
		size_t left = t->cols - (size_t)p * NR, cols = left < NR ? left : NR,
		       n0 = cols < VL ? cols : VL;
		struct brgemm_f32 one = *t;

		one.c += p * NR;
		one.res += t->res ? p * NR : 0;
		finish(rows, &one, x[p], n0, cols - n0);
	}
}

/* As many panels at once as the registers hold: all but four of them sums. */
#define STRIP(n, most) \
	static __attribute__((noinline)) void strip_##n(struct brgemm_f32 t, size_t panel_floats) \
	{ \
		for (uint32_t end = t.cols; end;) { \
			uint32_t left = (end + NR - 1) / NR, now = left >= most ? most : left >= 2 ? 2 : 1; \
			t.cols = end < now * NR ? end : now * NR; \
			if (now == most) \
				strip(n, most, &t, panel_floats); \
			else if (now == 2) \
				strip(n, 2, &t, panel_floats); \
			else \
				strip(n, 1, &t, panel_floats); \
			end -= t.cols; \
			t.b += now * panel_floats; \
			t.c += t.cols; \
			t.bias += t.bias ? t.cols : 0; \
			t.res += t.res ? t.cols : 0; \
		} \
	}
STRIP(1, 4)
#if MR > 6
STRIP(2, 4) STRIP(3, 4)
#else
STRIP(2, 2) STRIP(3, 2)
#endif

void KERNEL(brgemm_strip_f32, TILE)(const struct brgemm_f32 *t, size_t panel_floats)
{
	DCHECK(t->rows >= 1 && t->rows <= 3 && t->cols >= 1 && t->taps == 1);
	DCHECK((uintptr_t)t->b % (VL * 4) == 0 && panel_floats >= (size_t)t->k * NR);
	if (t->rows == 1)
		strip_1(*t, panel_floats);
	else if (t->rows == 2)
		strip_2(*t, panel_floats);
	else
		strip_3(*t, panel_floats);
}
