/* A convolution by its definition, in double, and a check of one shape by one tactic, for the tests
 * of each tactic. */
#ifndef NEREID_TESTS_CONV_TEST_H
#define NEREID_TESTS_CONV_TEST_H

#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/conv.h"

/* The same for a transposed one, by asking every input pixel where it goes. */
static inline double conv_test_transposed_sum(
	const struct conv_shape *s, const float *in, const float *weight, const uint32_t *at)
{
	uint32_t og = s->o / s->group, cg = s->c / s->group, g = at[3] / og;
	double sum = 0;

	for (uint32_t y = 0; y < s->h; y++)
	for (uint32_t x = 0; x < s->w; x++)
	for (uint32_t ky = 0; ky < s->kh; ky++)
	for (uint32_t kx = 0; kx < s->kw; kx++) {
		if ((int64_t)y * s->stride_y - s->pad_y + (int64_t)ky * s->dilate_y != at[1] ||
		    (int64_t)x * s->stride_x - s->pad_x + (int64_t)kx * s->dilate_x != at[2])
			continue;
		for (uint32_t c = g * cg; c < (g + 1) * cg; c++)
			sum += (double)in[((at[0] * (size_t)s->h + y) * s->w + x) * s->c + c] *
				weight[((c * (size_t)og + at[3] % og) * s->kh + ky) * s->kw + kx];
	}
	return sum;
}

static inline double conv_test_sum(
	const struct conv_shape *s, const float *in, const float *weight, const uint32_t *at)
{
	uint32_t n = at[0], y = at[1], x = at[2], o = at[3], cg = s->c / s->group,
		 g = o / (s->o / s->group);
	double sum = 0;

	if (s->transposed)
		return conv_test_transposed_sum(s, in, weight, at);
	for (uint32_t ky = 0; ky < s->kh; ky++)
	for (uint32_t kx = 0; kx < s->kw; kx++) {
		int64_t iy = (int64_t)y * s->stride_y - s->pad_y + (int64_t)ky * s->dilate_y;
		int64_t ix = (int64_t)x * s->stride_x - s->pad_x + (int64_t)kx * s->dilate_x;

		if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w)
			continue;
		for (uint32_t c = 0; c < cg; c++) {
			size_t ch = (size_t)g * cg + c;
			size_t i = s->planar_in
					   ? ((n * (size_t)s->c + ch) * s->h + (size_t)iy) * s->w +
						     (size_t)ix
					   : ((n * (size_t)s->h + (size_t)iy) * s->w + (size_t)ix) *
							     s->c +
						     ch;

			sum += (double)in[i] *
			       weight[((o * (size_t)cg + c) * s->kh + ky) * s->kw + kx];
		}
	}
	return sum;
}

static inline double conv_test_act(struct act a, double v)
{
	switch (a.kind) {
	case ACT_RELU:
		return v > 0 ? v : 0;
	case ACT_LEAKY_RELU:
		return v < 0 ? v * (double)a.alpha : v;
	case ACT_CLIP:
		return fmin(fmax(v, (double)a.alpha), (double)a.beta);
	case ACT_SIGMOID:
		return 1 / (1 + exp(-v));
	case ACT_TANH:
		return tanh(v);
	case ACT_HARD_SWISH:
		return v * fmin(fmax(v / 6 + 0.5, 0), 1);
	case ACT_GELU:
		return 0.5 * v * (1 + erf(v * 0.70710678118654752));
	default:
		return v;
	}
}

/* Runs s with n images on `threads` threads; with_res adds a residual. */
static inline void conv_test_check(const struct conv_shape *s, enum conv_tactic t, uint32_t n,
	uint32_t threads, int with_res, struct act act, double tolerance)
{
	size_t pixels = (size_t)n * s->oh * s->ow, stride = s->o + 3;
	float *in = cpu_test_floats((size_t)n * s->h * s->w * s->c + 1, 1);
	float *weight = cpu_test_floats((size_t)s->o * s->c / s->group * s->kh * s->kw, 2);
	float *bias = cpu_test_floats(s->o, 3), *res = cpu_test_floats(pixels * s->o, 4);
	float *out = cpu_test_floats(pixels * stride, 5);
	void *packed = mem_aligned(64, conv_pack_bytes(s, t)),
	     *scratch = mem_aligned(64, conv_scratch_bytes(s, t, threads));
	struct pool *pool = 0;
	struct conv_args a = {.in = in + 1,
		.weights = packed,
		.bias = bias,
		.res = with_res ? res : 0,
		.out = out,
		.out_stride = stride,
		.n = n,
		.act = act,
		.scratch = scratch};
	uint64_t allocations;

	assert_true(conv_fits(s, t));
	ASSERT_GOOD(pool_new(threads, &pool));
	a.pool = pool;
	conv_pack(s, t, weight, packed);
	for (size_t i = 0; i < pixels * stride; i++)
		out[i] = 1234;
	allocations = mem_count();
	conv_run(s, t, &a);
	assert_true(mem_count() == allocations);
	for (size_t i = 0; i < pixels; i++)
		for (uint32_t o = 0; o < stride; o++) {
			uint32_t at[4] = {(uint32_t)(i / s->ow / s->oh),
				(uint32_t)(i / s->ow % s->oh), (uint32_t)(i % s->ow), o};
			double want = 1234;

			if (o < s->o)
				want = conv_test_act(act,
					conv_test_sum(s, in + 1, weight, at) + (double)bias[o] +
						(with_res ? (double)res[i * s->o + o] : 0));
			cpu_test_close(out[i * stride + o], want, tolerance, conv_tactic_text(t),
				i * stride + o);
		}
	pool_free(pool);
	mem_free(in);
	mem_free(weight);
	mem_free(bias);
	mem_free(res);
	mem_free(out);
	mem_free(packed);
	mem_free(scratch);
}

#endif
