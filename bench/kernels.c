/* Times every convolution of ResNet50 as the network runs them: in order, each with weights of its
 * own, so that weights are as cold as they are in the network. Prints the best time and rate of
 * each distinct layer, and the sum.
 *
 * Usage: kernels [THREADS [BATCH [REPEATS [TACTIC]]]]; TACTIC: a name of conv_tactics.def, used
 * where it fits; else the cost model's. Not a test: what it computes is not looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/conv.h"
#include "base/clock.h"
#include "base/mem.h"

enum { LAYERS_MAX = 64 };
struct layer {
	struct conv_shape s;
	enum conv_tactic tactic;
	bool res;
	void *packed;
	double best_ns;
};
static struct layer layers[LAYERS_MAX];
static int n_layers;
static enum conv_tactic wanted = CONV_TACTIC_COUNT;

static void add(uint32_t h, uint32_t c, uint32_t o, uint32_t k, uint32_t stride, bool res)
{
	uint32_t oh = (h + 2 * (k / 2) - k) / stride + 1;
	struct layer *l = &layers[n_layers++];

	l->s = (struct conv_shape){h, h, c, oh, oh, o, k, k, stride, stride, 1, 1, (int32_t)k / 2,
		(int32_t)k / 2, 1, c == 3, false};
	l->res = res;
	l->best_ns = 1e18;
	l->tactic =
		wanted < CONV_TACTIC_COUNT && conv_fits(&l->s, wanted) ? wanted : conv_guess(&l->s);
}

static void resnet50(void)
{
	static const uint32_t width[] = {64, 128, 256, 512}, count[] = {3, 4, 6, 3};
	uint32_t c = 64, h = 56;

	add(224, 3, 64, 7, 2, false);
	for (int stage = 0; stage < 4; stage++)
		for (uint32_t b = 0; b < count[stage]; b++) {
			uint32_t stride = b == 0 && stage > 0 ? 2 : 1, m = width[stage];

			if (b == 0)
				add(h, c, 4 * m, 1, stride, false);
			add(h, c, m, 1, 1, false);
			add(h, m, m, 3, stride, false);
			h /= stride;
			add(h, m, 4 * m, 1, 1, true);
			c = 4 * m;
		}
}

static double flops(const struct conv_shape *s)
{
	return 2.0 * s->oh * s->ow * s->o * (s->c / s->group) * s->kh * s->kw;
}

static void *memory(size_t bytes)
{
	float *p = mem_aligned(64, bytes);

	if (!p) {
		fprintf(stderr, "kernels: out of memory\n");
		exit(1);
	}
	for (size_t i = 0; i < bytes / sizeof *p; i++)
		p[i] = (float)(i % 7) * 0.01f;
	return p;
}

static void report(uint32_t batch)
{
	double sum = 0, all = 0;

	for (int i = 0; i < n_layers; i++) {
		const struct conv_shape *s = &layers[i].s;
		double best = layers[i].best_ns;
		int count = 0, seen = 0;

		sum += best;
		all += flops(s) * batch;
		for (int j = 0; j < n_layers; j++)
			if (!memcmp(&layers[j].s, s, sizeof *s) && layers[j].res == layers[i].res) {
				seen |= j < i;
				count++;
				best = layers[j].best_ns < best ? layers[j].best_ns : best;
			}
		if (!seen)
			printf("%3u %4u->%4u k%u s%u x%d %-13s %8.1f us %6.1f GFLOP/s\n", s->h, s->c,
				s->o, s->kh, s->stride_y, count, conv_tactic_text(layers[i].tactic),
				best / 1e3, flops(s) * batch / best);
	}
	printf("sum of best %.2f ms, %.1f GFLOP/s\n", sum / 1e6, all / sum);
}

int main(int argc, char **argv)
{
	uint32_t threads = argc > 1 ? (uint32_t)strtoul(argv[1], 0, 10) : 1;
	uint32_t batch = argc > 2 ? (uint32_t)strtoul(argv[2], 0, 10) : 1;
	int repeats = argc > 3 ? (int)strtol(argv[3], 0, 10) : 20;
	size_t floats = (size_t)batch * 112 * 112 * 64, scratch_bytes = 64;
	float *x, *y, *res;
	void *scratch;
	struct pool *pool;
	double best = 1e18;

	for (int t = 0; argc > 4 && t < CONV_TACTIC_COUNT; t++)
		if (!strcmp(argv[4], conv_tactic_text((enum conv_tactic)t)))
			wanted = (enum conv_tactic)t;
	resnet50();
	x = memory(floats * sizeof *x), y = memory(floats * sizeof *y),
	res = memory(floats * sizeof *res);
	for (int i = 0; i < n_layers; i++) {
		struct layer *l = &layers[i];
		size_t bytes = conv_scratch_bytes(&l->s, l->tactic, threads);
		float *w = memory((size_t)l->s.o * l->s.c * l->s.kh * l->s.kw * sizeof *w);

		scratch_bytes = bytes > scratch_bytes ? bytes : scratch_bytes;
		l->packed = memory(conv_pack_bytes(&l->s, l->tactic));
		conv_pack(&l->s, l->tactic, w, l->packed);
		mem_free(w);
	}
	scratch = memory(scratch_bytes);
	if (pool_new(threads, &pool).code)
		return 1;
	for (int r = 0; r < repeats; r++) {
		double total = 0;

		for (int i = 0; i < n_layers; i++) {
			struct layer *l = &layers[i];
			struct conv_args a = {.in = i & 1 ? y : x,
				.weights = l->packed,
				.bias = res,
				.res = l->res ? res : 0,
				.out = i & 1 ? x : y,
				.n = batch,
				.act = {ACT_RELU, 0, 0},
				.scratch = scratch,
				.pool = pool};
			double t = (double)clock_ns();

			conv_run(&l->s, l->tactic, &a);
			t = (double)clock_ns() - t;
			total += t;
			l->best_ns = t < l->best_ns ? t : l->best_ns;
		}
		best = total < best ? total : best;
	}
	report(batch);
	printf("%s, %u threads, batch %u: best pass %.2f ms\n", kernels_now()->isa, threads, batch,
		best / 1e6);
	pool_free(pool);
	return 0;
}
