/* Pooling, channels last: each output pixel is a kernel call over the pointers of its window's
 * pixels inside the image.
 *
 * A task is a range of output pixels; the pointers lie in the thread's scratch. The mean over all
 * positions needs no pointers and is cut along images and channels, so that one image of many
 * channels uses all threads too. Tasks share nothing. Planar tensors do not come here: the layout
 * pass turns them, or the reference runs them. */
#include "backend/cpu/pooling.h"

#include <math.h>

#include "backend/cpu/split.h"

/* Moving four bytes costs about as much as this many multiply-adds. */
enum { MOVE_WORK = 8, CHANNELS = 256 };

/* What the tasks of one run share. */
struct pooling {
	const struct pooling_shape *s;
	const struct kernels *k;
	const float *in;
	float *out;
	char *scratch;
	size_t rows, parts, thread_bytes;
};

size_t pooling_scratch_bytes(const struct pooling_shape *s, uint32_t threads)
{
	return round_up((size_t)s->kh * s->kw * sizeof(void *), KERNEL_ALIGN) * threads;
}

/* Cells of a window's axis that count for an average: taps inside image and padding. */
static uint32_t counted(int64_t at, uint32_t k, uint32_t dilate, int64_t begin, int64_t end)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k; i++, at += dilate)
		n += at >= begin && at < end;
	return n;
}

/* One output pixel. taps: room for the pointers of a window. */
static void pixel(const struct pooling *p, size_t row, const float **taps)
{
	const struct pooling_shape *s = p->s;
	size_t line = row / s->ow;
	int64_t y0 = (int64_t)(line % s->oh) * s->stride_y - s->pad_y,
		x0 = (int64_t)(row % s->ow) * s->stride_x - s->pad_x;
	const float *image = p->in + line / s->oh * s->h * s->w * s->c;
	float *out = p->out + row * s->c;
	uint32_t n = 0, count;

	for (uint32_t ky = 0; ky < s->kh; ky++) {
		int64_t y = y0 + (int64_t)ky * s->dilate_y;

		for (uint32_t kx = 0; kx < s->kw; kx++) {
			int64_t x = x0 + (int64_t)kx * s->dilate_x;

			if (y >= 0 && y < s->h && x >= 0 && x < s->w)
				taps[n++] = image + ((size_t)y * s->w + (size_t)x) * s->c;
		}
	}
	if (!n) {
		for (uint32_t c = 0; c < s->c; c++)
			out[c] = s->average ? 0 : -INFINITY;
		return;
	}
	if (!s->average) {
		p->k->window_max_f32(taps, n, out, s->c);
		return;
	}
	count = n;
	if (s->count_pad)
		count = counted(y0, s->kh, s->dilate_y, -(int64_t)s->pad_y,
				(int64_t)s->h + s->end_y) *
			counted(x0, s->kw, s->dilate_x, -(int64_t)s->pad_x,
				(int64_t)s->w + s->end_x);
	p->k->window_sum_f32(taps, n, out, s->c, 1 / (float)count);
}

/* A range of output pixels. */
static void pooling_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct pooling *p = ctx;
	size_t end = part_begin(p->rows, p->parts, task + 1);

	for (size_t row = part_begin(p->rows, p->parts, task); row < end; row++)
		pixel(p, row, (const float **)(p->scratch + thread * p->thread_bytes));
}

void pooling_run(const struct pooling_shape *s, uint32_t n, const float *in, float *out,
	void *scratch, struct pool *pool)
{
	struct pooling p = {.s = s, .k = kernels_now(), .in = in, .out = out, .scratch = scratch};

	p.rows = (size_t)n * s->oh * s->ow;
	if (!p.rows || !s->c)
		return;
	p.thread_bytes = pooling_scratch_bytes(s, 1);
	p.parts = split_tasks(pool, (double)MOVE_WORK * (double)p.rows * s->c * s->kh * s->kw);
	if (p.parts > p.rows)
		p.parts = p.rows;
	split_run(pool, (uint32_t)p.parts, pooling_task, &p);
}

/* Sums over all positions: `groups` pieces of the channels of each image. */
struct global {
	const struct kernels *k;
	const float *in;
	float *out;
	size_t positions, c, groups;
	float scale;
};

/* One image and one group of channels. */
static void global_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct global *g = ctx;
	size_t image = task / g->groups, c0 = part_begin(g->c, g->groups, task % g->groups);
	size_t c1 = part_begin(g->c, g->groups, task % g->groups + 1);

	g->k->rows_sum_f32(g->in + image * g->positions * g->c + c0, g->positions, g->c,
		g->out + image * g->c + c0, c1 - c0, g->scale);
}

void pooling_global(uint32_t n, size_t positions, size_t c, const float *in, float *out,
	float scale, struct pool *pool)
{
	struct global g = {kernels_now(), in, out, positions, c, ceil_div(c, CHANNELS), scale};
	uint32_t tasks = (uint32_t)(n * g.groups);

	if (split_tasks(pool, (double)MOVE_WORK * n * (double)positions * (double)c) > 1)
		split_run(pool, tasks, global_task, &g);
	else
		for (uint32_t t = 0; t < tasks; t++)
			global_task(&g, t, 0);
}
