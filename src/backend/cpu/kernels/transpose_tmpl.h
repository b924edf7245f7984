/* Transposition of a matrix of 4-byte elements: included by transpose_<isa>.c.
 *
 * Squares of VL x VL are turned in registers: for each bit of the index, every pair of vectors
 * whose indices differ in that bit swap the off-diagonal blocks of that size. Edges are copied
 * element by element. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"

/* Lane l of the first and of the second vector of a pair after swapping blocks of b lanes. */
#define LOW(l, b) ((l) & (b) ? VL + ((l) ^ (b)) : (l))
#define HIGH(l, b) ((l) & (b) ? VL + (l) : (l) ^ (b))
#define LANES4(F, l, b) F(l, b), F(l + 1, b), F(l + 2, b), F(l + 3, b)
#if VL == 16
#define LANES(F, b) LANES4(F, 0, b), LANES4(F, 4, b), LANES4(F, 8, b), LANES4(F, 12, b)
#elif VL == 8
#define LANES(F, b) LANES4(F, 0, b), LANES4(F, 4, b)
#else
#define LANES(F, b) LANES4(F, 0, b)
#endif
#define SWAP(b)                                                                   \
	_Pragma("GCC unroll 16") for (int i = 0; i < VL; i++) {                   \
		if (!(i & (b))) {                                                 \
			vf p = v[i], q = v[i | (b)];                              \
			v[i] = __builtin_shufflevector(p, q, LANES(LOW, b));      \
			v[i | (b)] = __builtin_shufflevector(p, q, LANES(HIGH, b)); \
		}                                                                 \
	}

INLINE void square(const float *x, size_t x_row, float *y, size_t y_row)
{
	vf v[VL];

#pragma GCC unroll 16
	for (int i = 0; i < VL; i++)
		v[i] = v_load(x + (size_t)i * x_row);
	SWAP(1)
	SWAP(2)
#if VL > 4
	SWAP(4)
#endif
#if VL > 8
	SWAP(8)
#endif
#pragma GCC unroll 16
	for (int i = 0; i < VL; i++)
		v_store(y + (size_t)i * y_row, v[i]);
}

static void edge(const float *x, size_t rows, size_t cols, size_t x_row, float *y, size_t y_row)
{
	for (size_t c = 0; c < cols; c++)
		for (size_t r = 0; r < rows; r++)
			memcpy(&y[c * y_row + r], &x[r * x_row + c], sizeof *y);
}

void KERNEL(transpose_32, square)(
	const float *x, size_t rows, size_t cols, size_t x_row, float *y, size_t y_row)
{
	size_t r = 0, c;

	for (; r + VL <= rows; r += VL) {
		for (c = 0; c + VL <= cols; c += VL)
			square(x + r * x_row + c, x_row, y + c * y_row + r, y_row);
		edge(x + r * x_row + c, VL, cols - c, x_row, y + c * y_row + r, y_row);
	}
	edge(x + r * x_row, rows - r, cols, x_row, y + r, y_row);
}
