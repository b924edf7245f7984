/* Softmax and LogSoftmax along one axis, in the form that ONNX has since opset 13.
 *
 * The largest element of a row is taken off before exponentials are made, so that nothing
 * overflows; a row of the same infinities gives NaN, as it does everywhere. All sums are in
 * double; each result is rounded once. One thread.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

/* x, y [outer..., len, inner...] */
struct status ref__softmax(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *y = &a->out[0];
	uint32_t axis;

	TRY(ref__axis(n, ir_attr_int(n, ATTR_ID_AXIS, -1), x->rank, &axis));
	int64_t outer = ref__product(x->dims, 0, axis), len = x->dims[axis];
	int64_t inner = ref__product(x->dims, axis + 1, x->rank);
	for (int64_t r = 0; r < outer * inner; r++) {
		int64_t base = r / inner * len * inner + r % inner;
		double top = -INFINITY, sum = 0;
		for (int64_t i = 0; i < len; i++)
			top = fmax(top, ref__get(x, base + i * inner));
		for (int64_t i = 0; i < len; i++)
			sum += exp(ref__get(x, base + i * inner) - top);
		for (int64_t i = 0; i < len; i++) {
			double v = ref__get(x, base + i * inner) - top;
			ref__put(y, base + i * inner, n->op == OP_SOFTMAX ? exp(v) / sum : v - log(sum));
		}
	}
	return STATUS_GOOD;
}
