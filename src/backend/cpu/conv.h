/* Convolution, fp32: out[n,y,x,o] = act(bias[o] + res[n,y,x,o] + sum of in[n, y*stride_y - pad_y +
 * ky*dilate_y, ..., c] * weight[o,c,ky,kx]), over the pool's threads.
 *
 * Use: choose a tactic that fits, pack the weights once (compile time), ask for scratch, run.
 * Packed weights hold for one shape, tactic and instruction set (kernels_now()->isa), on any number
 * of threads and any batch. Nothing here allocates; conv_run may be called by several threads at
 * once with different scratch, out and pool. */
#ifndef NEREID_BACKEND_CPU_CONV_H
#define NEREID_BACKEND_CPU_CONV_H

#include "backend/cpu/act.h"
#include "base/pool.h"

enum conv_tactic {
#define X(name, text) CONV_##name,
#include "backend/cpu/conv_tactics.def"
#undef X
	CONV_TACTIC_COUNT
};
const char *conv_tactic_text(enum conv_tactic t);

/* All but the batch. A 1-D convolution has h = kh = 1. Sizes are those of tensors that exist:
 * products do not overflow. */
struct conv_shape {
	uint32_t h, w, c;                /* input image and its channels, all groups */
	uint32_t oh, ow, o;              /* output; the padding at the end follows from oh and ow */
	uint32_t kh, kw, stride_y, stride_x, dilate_y, dilate_x;
	int32_t pad_y, pad_x;            /* at the beginning */
	uint32_t group;                  /* divides c and o */
	/* The input is NCHW, for first layers of few channels; else NHWC. The output is NHWC. */
	bool planar_in;
	/* ConvTranspose: in[y,x] adds to out[y*stride_y - pad_y + ky*dilate_y, ...]. */
	bool transposed;
};

struct conv_args {
	const float *in;                 /* n images, any alignment */
	const void *weights;             /* from conv_pack, aligned to 64 bytes */
	const float *bias;               /* o floats, or NULL */
	const float *res;                /* of the output's shape, or NULL; may be out itself */
	float *out;
	size_t res_stride, out_stride;   /* floats from pixel to pixel; 0: o */
	uint32_t n;
	struct act act;
	void *scratch; /* conv_scratch_bytes, aligned to 64; content undefined before and after */
	struct pool *pool;
};

bool conv_fits(const struct conv_shape *s, enum conv_tactic t);
/* The tactic of the cost model, for when none was measured. */
enum conv_tactic conv_guess(const struct conv_shape *s);
size_t conv_pack_bytes(const struct conv_shape *s, enum conv_tactic t);
/* weight: ONNX's order, [o][c/group][kh][kw], or [c][o/group][kh][kw] of a transposed one. packed:
 * conv_pack_bytes, aligned to 64. */
void conv_pack(const struct conv_shape *s, enum conv_tactic t, const float *weight, void *packed);
size_t conv_scratch_bytes(const struct conv_shape *s, enum conv_tactic t, uint32_t threads);
void conv_run(const struct conv_shape *s, enum conv_tactic t, const struct conv_args *a);

#endif
