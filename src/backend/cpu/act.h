/* A fused activation as the drivers take it, and how kernels apply it: some in the epilogue of a
 * tile, the others by a pass over the tile just written, while it is in the first-level cache. */
#ifndef NEREID_BACKEND_CPU_ACT_H
#define NEREID_BACKEND_CPU_ACT_H

#include "backend/cpu/kernels/kernels.h"
#include "ir/ir.h"

struct act { enum ir_act kind; float alpha, beta; };

/* What the epilogue does (act, lo, hi of a tile), and what is left to do after it: ACT_NONE or the
 * kind itself. */
struct act_split { enum kernel_act act; float lo, hi; enum ir_act rest; };
struct act_split act_split(struct act a);
/* Applies `rest` to rows x cols floats in place. */
void act_finish(enum ir_act rest, const struct kernels *k, float *c, size_t c_stride, uint32_t rows,
	uint32_t cols);

#endif
