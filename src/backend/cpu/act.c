/* Fused activations: which part the epilogue of a tile does, and the pass over a finished tile that
 * does the rest.
 *
 * ReLU, leaky ReLU and clipping cost one or two instructions per vector and live in the epilogue.
 * The curves (sigmoid, tanh, hard swish, GELU) run over the tile just stored, which is in the
 * first-level cache, so that the tile kernels stay small. No state, any thread. */
#include "backend/cpu/act.h"

#include <math.h>

#include "base/panic.h"

struct act_split act_split(struct act a)
{
	switch (a.kind) {
	case ACT_RELU:
		return (struct act_split){KERNEL_ACT_CLIP, 0, INFINITY, ACT_NONE};
	case ACT_LEAKY_RELU:
		return (struct act_split){KERNEL_ACT_LEAKY, a.alpha, 0, ACT_NONE};
	case ACT_CLIP:
		return (struct act_split){KERNEL_ACT_CLIP, a.alpha, a.beta, ACT_NONE};
	default:
		return (struct act_split){KERNEL_ACT_NONE, 0, 0, a.kind};
	}
}

static enum kernel_unary unary_of(enum ir_act rest)
{
	switch (rest) {
	case ACT_SIGMOID:
		return KERNEL_SIGMOID;
	case ACT_TANH:
		return KERNEL_TANH;
	case ACT_HARD_SWISH:
		return KERNEL_HARD_SWISH;
	case ACT_GELU:
		return KERNEL_GELU;
	default:
		UNREACHABLE();
	}
}

void act_finish(enum ir_act rest, const struct kernels *k, float *c, size_t c_stride, uint32_t rows,
	uint32_t cols)
{
	if (rest == ACT_NONE)
		return;
	for (uint32_t r = 0; r < rows; r++, c += c_stride)
		k->unary_f32(unary_of(rest), c, c, cols, 0, 0);
}
