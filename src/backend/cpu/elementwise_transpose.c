/* Permutations of the axes of a tensor of 4-byte elements.
 *
 * Axes that stay neighbours are joined and axes of size 1 dropped, which turns NCHW to NHWC into a
 * batch of matrix transpositions. If the last axis stays last, rows are copied; else the axis that
 * was last and the one that becomes last span a plane that the kernel turns in tiles. Outer axes
 * are counted, strips of planes are the tasks. */
#include <string.h>

#include "backend/cpu/elementwise.h"
#include "backend/cpu/split.h"
#include "base/panic.h"

enum { STRIP = 64, MOVE_WORK = 16 };

struct axis { size_t n, from, to; };         /* size, stride in x, stride in y */
struct turn {
	const struct kernels *k;
	struct axis outer[TENSOR_RANK_MAX];
	uint32_t n_outer;
	struct axis in, out; /* last axis of x; last axis of y. The same where it stays last */
	bool rows;                           /* it stays last */
	size_t planes, strips;
	const float *x;
	float *y;
};

/* y's axes in order, joined; returns how many. */
static uint32_t axes_of(uint32_t rank, const int64_t *dims, const uint32_t *perm, struct axis *axes)
{
	size_t from[TENSOR_RANK_MAX], stride = 1;
	uint32_t n = 0;

	for (uint32_t i = rank; i-- > 0; stride *= (size_t)dims[i])
		from[i] = stride;
	for (uint32_t i = 0; i < rank; i++) {
		size_t dim = (size_t)dims[perm[i]];

		if (dim == 1)
			continue;
		if (n && axes[n - 1].from == from[perm[i]] * dim)
			axes[n - 1] = (struct axis){axes[n - 1].n * dim, from[perm[i]], 0};
		else
			axes[n++] = (struct axis){dim, from[perm[i]], 0};
	}
	stride = 1;
	for (uint32_t i = n; i-- > 0; stride *= axes[i].n)
		axes[i].to = stride;
	return n;
}

/* One strip of one plane: STRIP rows of the axis that becomes last. */
static void turn_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct turn *t = ctx;
	size_t plane = task / t->strips, first = task % t->strips * STRIP, from = 0, to = 0;
	size_t rows = t->out.n - first < STRIP ? t->out.n - first : STRIP;

	for (uint32_t i = t->n_outer; i-- > 0; plane /= t->outer[i].n) {
		from += plane % t->outer[i].n * t->outer[i].from;
		to += plane % t->outer[i].n * t->outer[i].to;
	}
	if (t->rows)
		for (size_t r = first; r < first + rows; r++)
			memcpy(t->y + to + r * t->out.to, t->x + from + r * t->out.from,
				t->in.n * sizeof *t->y);
	else
		t->k->transpose_32(t->x + from + first * t->out.from, rows, t->in.n, t->out.from,
			t->y + to + first, t->in.to);
}

void elementwise_transpose(uint32_t rank, const int64_t *dims, const uint32_t *perm, const void *x,
	void *y, struct pool *pool)
{
	struct turn t = {.k = kernels_now(), .planes = 1, .x = x, .y = y};
	struct axis axes[TENSOR_RANK_MAX];
	uint32_t n, last = 0;
	size_t tasks, all = 1;

	CHECK(rank <= TENSOR_RANK_MAX);
	for (uint32_t i = 0; i < rank; i++)
		all *= (size_t)dims[i];
	if (!all)
		return;
	n = axes_of(rank, dims, perm, axes);
	/* All axes joined: nothing moves. */
	if (n <= 1) {
		memcpy(y, x, all * sizeof *t.y);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		if (axes[i].from == 1)
			last = i;
	t.in = axes[last];
	t.rows = last == n - 1;
	t.out = t.rows ? axes[n - 2] : axes[n - 1];
	for (uint32_t i = 0; i < n; i++)
		if (axes[i].to != t.in.to && axes[i].to != t.out.to) {
			t.outer[t.n_outer++] = axes[i];
			t.planes *= axes[i].n;
		}
	t.strips = ceil_div(t.out.n, STRIP);
	tasks = t.planes * t.strips;
	CHECK(tasks <= UINT32_MAX);
	if (split_tasks(pool, (double)MOVE_WORK * (double)all) > 1)
		split_run(pool, (uint32_t)tasks, turn_task, &t);
	else
		for (uint32_t i = 0; i < tasks; i++)
			turn_task(&t, i, 0);
}
