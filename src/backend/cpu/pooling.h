/* Maximum and average pooling, and the mean over all positions, channels last, over the pool's
 * threads. */
#ifndef NEREID_BACKEND_CPU_POOLING_H
#define NEREID_BACKEND_CPU_POOLING_H

#include <stdbool.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/pool.h"

struct pooling_shape {
	uint32_t h, w, c, oh, ow;
	uint32_t kh, kw, stride_y, stride_x, dilate_y, dilate_x;
	int32_t pad_y, pad_x;            /* at the beginning */
	int32_t end_y, end_x; /* padding at the end, for count_pad: a window counts what lies in
				 image and padding */
	bool average;                    /* else maximum */
	bool count_pad;                  /* average: ONNX's count_include_pad */
};

/* Any alignment; out does not overlap in. A window that lies wholly outside the image gives 0 for
 * an average, -infinity for a maximum. scratch: pooling_scratch_bytes, aligned to 64. */
size_t pooling_scratch_bytes(const struct pooling_shape *s, uint32_t threads);
void pooling_run(const struct pooling_shape *s, uint32_t n, const float *in, float *out,
	void *scratch, struct pool *pool);
/* out[n][c] = scale * sum over `positions` of in[n][position][c]; scale 1 / positions for a mean.
 * No scratch. */
void pooling_global(uint32_t n, size_t positions, size_t c, const float *in, float *out,
	float scale, struct pool *pool);

#endif
