/* Pooling against its definition: maximum and average, padding counted or not, strides, dilation,
 * windows outside of the image, channels around vector widths, threads. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/pooling.h"

static double pooled(const struct pooling_shape *s, const float *in, size_t n, uint32_t oy,
	uint32_t ox, uint32_t c)
{
	double sum = 0, most = -INFINITY, count = 0, padded = 0;

	for (uint32_t ky = 0; ky < s->kh; ky++)
	for (uint32_t kx = 0; kx < s->kw; kx++) {
		int64_t y = (int64_t)oy * s->stride_y - s->pad_y + (int64_t)ky * s->dilate_y;
		int64_t x = (int64_t)ox * s->stride_x - s->pad_x + (int64_t)kx * s->dilate_x;
		double v;

		padded += y >= -s->pad_y && y < (int64_t)s->h + s->end_y && x >= -s->pad_x &&
			  x < (int64_t)s->w + s->end_x;
		if (y < 0 || y >= s->h || x < 0 || x >= s->w)
			continue;
		v = (double)in[((n * s->h + (size_t)y) * s->w + (size_t)x) * s->c + c];
		sum += v;
		most = fmax(most, v);
		count++;
	}
	if (!s->average)
		return most;
	return count == 0 ? 0 : sum / (s->count_pad ? padded : count);
}

static void check_shape(const struct pooling_shape *s, uint32_t n, uint32_t threads)
{
	size_t pixels = (size_t)n * s->oh * s->ow;
	float *in = cpu_test_floats((size_t)n * s->h * s->w * s->c, 1),
	      *out = cpu_test_floats(pixels * s->c, 2);
	void *scratch = mem_aligned(64, pooling_scratch_bytes(s, threads));
	struct pool *pool;

	ASSERT_GOOD(pool_new(threads, &pool));
	pooling_run(s, n, in, out, scratch, pool);
	for (size_t i = 0; i < pixels; i++)
		for (uint32_t c = 0; c < s->c; c++)
			cpu_test_close(out[i * s->c + c],
				pooled(s, in, i / s->ow / s->oh, (uint32_t)(i / s->ow % s->oh),
					(uint32_t)(i % s->ow), c),
				1e-6, "pooling", i * s->c + c);
	pool_free(pool);
	mem_free(in);
	mem_free(out);
	mem_free(scratch);
}

TEST(pooling_shapes)
{
	static const uint32_t channels[] = {1, 3, 4, 7, 8, 16, 17, 33, 64, 70};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (int i = 0; i < 40; i++) {
			uint32_t c = channels[i / 4];
			bool average = i & 1, count_pad = i & 2;

			check_shape(&(struct pooling_shape){11, 10, c, 6, 5, 3, 3, 2, 2, 1, 1, 1, 1,
					    1, 0, average, count_pad},
				2, 2);
			check_shape(&(struct pooling_shape){7, 9, c, 3, 8, 2, 3, 2, 1, 2, 1, 0, 1,
					    0, 1, average, count_pad},
				1, 1);
			check_shape(&(struct pooling_shape){2, 2, c, 6, 6, 2, 2, 1, 1, 1, 1, 3, 3,
					    2, 2, average, count_pad},
				1, 1);
		}
	}
}

TEST(pooling_of_everything)
{
	enum { N = 2, POSITIONS = 49 };

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		for (uint32_t c = 1; c < 700; c = c * 2 + 1) {
			float *in = cpu_test_floats((size_t)N * POSITIONS * c, 1),
			      *out = cpu_test_floats(N * c, 2);
			struct pool *pool;

			ASSERT_GOOD(pool_new(2, &pool));
			cpu_test_level(level);
			pooling_global(N, POSITIONS, c, in, out, 1.0f / POSITIONS, pool);
			for (size_t i = 0; i < N * c; i++) {
				double sum = 0;

				for (size_t p = 0; p < POSITIONS; p++)
					sum += (double)in[(i / c * POSITIONS + p) * c + i % c];
				cpu_test_close(out[i], sum / POSITIONS, 1e-6, "global", i);
			}
			pool_free(pool);
			mem_free(in);
			mem_free(out);
		}
}
