/* Between plain storage (N, C, spatial) and channels-last storage (N, spatial, C).
 *
 * Dimensions read N, C, spatial on both sides; only the order of elements in memory differs.
 * These are the only ops of ref that touch channels-last values: all others want plain storage,
 * and the pass that assigns layouts puts these between.
 */
#include "backend/ref/ref_priv.h"

/* x, y dims [N, C, spatial...] */
struct status ref__layout(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];
	int64_t c_n = x->dims[1], p_n = ref__product(x->dims, 2, x->rank);

	CHECK(x->rank >= 2 && ref__count(x) == ref__count(y));
	for (int64_t i = 0; i < x->dims[0]; i++)
	for (int64_t c = 0; c < c_n; c++)
	for (int64_t p = 0; p < p_n; p++) {
		int64_t plain = (i * c_n + c) * p_n + p, last = (i * p_n + p) * c_n + c;
		if (n->op == OP_TO_CHANNELS_LAST)
			ref__copy(y, last, x, plain);
		else
			ref__copy(y, plain, x, last);
	}
	return STATUS_GOOD;
}
