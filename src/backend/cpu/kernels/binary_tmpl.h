/* Element-wise functions of two arguments, fp32, over rows: included by binary_<isa>.c.
 *
 * Each operand moves by one float or not at all along a row, and by its own stride from row to row,
 * which covers equal shapes, a scalar, one value per row and one row for all. A loop for each of
 * the four cases of each function comes from inlining with constants. */
#include <math.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"

INLINE vf apply(const enum kernel_binary op, vf a, vf b)
{
	switch (op) {
	case KERNEL_ADD:
		return a + b;
	case KERNEL_SUB:
		return a - b;
	case KERNEL_MUL:
		return a * b;
	case KERNEL_DIV:
		return a / b;
	case KERNEL_MAX:
		return v_pick(a != a, a, v_max(a, b));
	default:
		return v_pick(a != a, a, v_min(a, b));
	}
}

INLINE void row_loop(
	const enum kernel_binary op, const int a_step, const int b_step, const struct binary_f32 *t)
{
	for (size_t r = 0; r < t->rows; r++) {
		const float *a = t->a + r * t->a_row, *b = t->b + r * t->b_row;
		float *y = t->y + r * t->y_row;
		vf va = v_set(a_step ? 0 : a[0]), vb = v_set(b_step ? 0 : b[0]);
		size_t i = 0, left;

		for (; i + VL <= t->n; i += VL)
			v_store(y + i, apply(op, a_step ? v_load(a + i) : va,
					       b_step ? v_load(b + i) : vb));
		left = t->n - i;
		if (left) {
			va = a_step ? v_load_n(a + i, left) : va;
			vb = b_step ? v_load_n(b + i, left) : vb;
			v_store_n(y + i, apply(op, va, vb), left);
		}
	}
}

INLINE void op_loops(const enum kernel_binary op, const struct binary_f32 *t)
{
	if (t->a_step && t->b_step)
		row_loop(op, 1, 1, t);
	else if (t->a_step)
		row_loop(op, 1, 0, t);
	else if (t->b_step)
		row_loop(op, 0, 1, t);
	else
		row_loop(op, 0, 0, t);
}

static void powers(const struct binary_f32 *t)
{
	for (size_t r = 0; r < t->rows; r++)
		for (size_t i = 0; i < t->n; i++)
			t->y[r * t->y_row + i] = powf(t->a[r * t->a_row + i * t->a_step],
				t->b[r * t->b_row + i * t->b_step]);
}

void KERNEL(binary_f32, rows)(enum kernel_binary op, const struct binary_f32 *t)
{
	if (!t->rows || !t->n)
		return;
	switch (op) {
	case KERNEL_ADD:
		op_loops(KERNEL_ADD, t);
		break;
	case KERNEL_SUB:
		op_loops(KERNEL_SUB, t);
		break;
	case KERNEL_MUL:
		op_loops(KERNEL_MUL, t);
		break;
	case KERNEL_DIV:
		op_loops(KERNEL_DIV, t);
		break;
	case KERNEL_MAX:
		op_loops(KERNEL_MAX, t);
		break;
	case KERNEL_MIN:
		op_loops(KERNEL_MIN, t);
		break;
	case KERNEL_POW:
		powers(t);
		break;
	}
}
