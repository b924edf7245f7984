/* Winograd's F(4x4, 3x3): a 3x3 convolution of stride 1 with a quarter of the multiplications
 * (Lavin and Gray 2016).
 *
 * Each output tile of 4x4 pixels comes from 6x6 input pixels. Both are seen at 36 points, where
 * convolution is a product: for each point one matrix product [tiles x c] * [c x o], done by the
 * batch-reduce kernel. Weights are transformed when packed. The price is rounding: errors are about
 * six times those of the direct sum (points 0, 3/4, -3/4, 3/2, -3/2), far inside what fp32
 * inference tolerates, and weights of four times the size.
 *
 * Tiles go through the three stages in blocks whose values at the points stay in the second-level
 * cache. With tiles enough, blocks are the tasks. With few tiles and many channels, the threads
 * share the stages of one block: tiles, then points, then tiles; so each weight is read by one
 * thread only. */
#include "backend/cpu/conv_priv.h"
#include "backend/cpu/split.h"
#include "base/cpu.h"

enum { TILE = CONV_TILE, SIDE = TILE + 2, POINTS = SIDE * SIDE, BLOCK_BYTES = 8 << 20 };
/* Floats of a cache line, between what belongs to one point and the next: steps of a whole power of
 * two would put all points of one place into the same few lines of the first-level cache. */
enum { LINE = KERNEL_ALIGN / sizeof(float) };
static const double points[SIDE - 1] = {0, 0.75, -0.75, 1.5, -1.5};

struct winograd {
	const struct conv_shape *s;
	const struct conv_args *a;
	const struct kernels *k;
	struct act_split act;
	uint32_t panels;
	size_t tiles;                /* of all images */
	size_t most;                 /* tiles of a block: its share of scratch */
	size_t blocks;
	const float *zeros;
};
/* A block in work: its tiles, and its values at the points, [n][c] at each v_step of v and [n][o]
 * at each m_step of m. */
struct block { const struct winograd *w; size_t first, n, parts, v_step, m_step; float *v, *m; };

bool conv__winograd_fits(const struct conv_shape *s)
{
	return s->kh == 3 && s->kw == 3 && s->stride_y == 1 && s->stride_x == 1 &&
	       s->dilate_y == 1 && s->dilate_x == 1 && s->group == 1 && !s->planar_in &&
	       !s->transposed;
}

/* Packed weights of one point. */
static size_t point_floats(const struct conv_shape *s)
{
	size_t nr = kernels_now()->brgemm_nr;

	return ceil_div(s->o, nr) * nr * s->c;
}

static size_t winograd_pack_bytes(const struct conv_shape *s)
{
	return round_up((POINTS * point_floats(s) + s->c) * sizeof(float), KERNEL_ALIGN);
}

/* Row p of the filter's transform: [1, x, x^2] / product of the differences to the other points;
 * infinity: [0, 0, 1]. */
static void filter_rows(double g[SIDE][3])
{
	for (int p = 0; p < SIDE - 1; p++) {
		double product = 1;

		for (int q = 0; q < SIDE - 1; q++)
			if (q != p)
				product *= points[p] - points[q];
		for (int i = 0; i < 3; i++)
			g[p][i] = (i == 0 ? 1
					  : i == 1 ? points[p]
						   : points[p] * points[p]) /
				  product;
	}
	g[SIDE - 1][0] = g[SIDE - 1][1] = 0;
	g[SIDE - 1][2] = 1;
}

/* [point][panel][c][nr], then c zeros for pixels outside the image. */
static void winograd_pack(const struct conv_shape *s, const float *weight, float *packed)
{
	size_t nr = kernels_now()->brgemm_nr, floats = point_floats(s);
	double g[SIDE][3];

	filter_rows(g);
	for (size_t i = 0; i < winograd_pack_bytes(s) / sizeof(float); i++)
		packed[i] = 0;
	for (size_t o = 0; o < s->o; o++)
	for (size_t c = 0; c < s->c; c++, weight += 9)
	for (size_t p = 0; p < POINTS; p++) {
		double sum = 0;

		for (int ky = 0; ky < 3; ky++)
			for (int kx = 0; kx < 3; kx++)
				sum += g[p / SIDE][ky] * g[p % SIDE][kx] *
				       (double)weight[ky * 3 + kx];
		packed[p * floats + (o / nr * s->c + c) * nr + o % nr] = (float)sum;
	}
}

/* Tiles of a block. Few, so that its values stay in the second-level cache; but all weights pass by
 * once per block, and where they are many, blocks are made larger rather than reading them more
 * often than the values. */
static size_t block_tiles(const struct conv_shape *s)
{
	size_t tile = (size_t)POINTS * ((size_t)s->c + s->o) * sizeof(float),
	       mr = kernels_now()->brgemm_mr;
	size_t weights = POINTS * point_floats(s) * sizeof(float), bytes = cpu_l2_bytes() / 4 * 3;

	if (weights / 2 > bytes)
		bytes = weights / 2 < BLOCK_BYTES ? weights / 2 : BLOCK_BYTES;
	return bytes / tile > mr ? bytes / tile : mr;
}

/* Scratch of a thread, in floats: a block's values at the points, of input and of output. */
static size_t block_floats(const struct conv_shape *s)
{
	return round_up(POINTS * (block_tiles(s) * ((size_t)s->c + s->o) + 2 * LINE), LINE);
}

static size_t winograd_scratch_bytes(const struct conv_shape *s, uint32_t threads)
{
	return block_floats(s) * threads * sizeof(float);
}

size_t conv__winograd_tiles(const struct conv_shape *s)
{
	return ceil_div(s->oh, TILE) * ceil_div(s->ow, TILE);
}

struct conv_pixel conv__winograd_tile(const struct conv_shape *s, size_t i)
{
	size_t tx = ceil_div(s->ow, TILE), per = conv__winograd_tiles(s), at = i % per;

	return (struct conv_pixel){
		(uint32_t)(i / per), (uint32_t)(at / tx * TILE), (uint32_t)(at % tx * TILE)};
}

void conv__winograd_in(const struct conv_shape *s, const float *in, const float *zeros,
	size_t first, size_t n, float *v, size_t v_step)
{
	const struct kernels *kernels = kernels_now();
	const float *p[POINTS];

	for (size_t i = 0; i < n; i++) {
		struct conv_pixel t = conv__winograd_tile(s, first + i);
		const float *image = in + (size_t)t.n * s->h * s->w * s->c;

		for (int64_t k = 0; k < POINTS; k++) {
			int64_t y = (int64_t)t.y - s->pad_y + k / SIDE,
				x = (int64_t)t.x - s->pad_x + k % SIDE;
			bool inside = y >= 0 && y < s->h && x >= 0 && x < s->w;

			p[k] = inside ? image + ((size_t)y * s->w + (size_t)x) * s->c : zeros;
		}
		kernels->winograd_in_f32(p, v + i * s->c, v_step, s->c);
	}
}

/* Stage 1 for tiles from..to-1 of the block. */
static void stage_in(const struct block *b, size_t from, size_t to)
{
	const struct winograd *w = b->w;

	conv__winograd_in(w->s, w->a->in, w->zeros, b->first + from, to - from,
		b->v + from * w->s->c, b->v_step);
}

/* Stage 2 for the products from..to-1 of POINTS x panels. */
static void stage_product(const struct block *b, size_t from, size_t to)
{
	const struct winograd *w = b->w;
	const struct conv_shape *s = w->s;
	size_t mr = w->k->brgemm_mr, nr = w->k->brgemm_nr, rows = ceil_div(b->n, mr);
	struct cut block_rows = cut_of(b->n, rows);
	const float *table[KERNEL_MR_MAX];

	for (size_t i = from; i < to; i++) {
		size_t point = i / w->panels, column = i % w->panels * nr;
		struct brgemm_f32 t = {.a = table,
			.b = (const float *)w->a->weights + i * s->c * nr,
			.c_stride = s->o,
			.cols = (uint32_t)(s->o - column < nr ? s->o - column : nr),
			.taps = 1,
			.k = s->c,
			.ahead_step = ceil_div(nr * sizeof(float), rows)};

		t.ahead = (const char *)(t.b + s->c * nr);
		for (size_t r = 0; r < rows; r++, t.ahead += t.k * t.ahead_step) {
			size_t row = cut_at(block_rows, r);

			t.rows = (uint32_t)(cut_at(block_rows, r + 1) - row);
			for (uint32_t j = 0; j < t.rows; j++)
				table[j] = b->v + point * b->v_step + (row + j) * s->c;
			t.c = b->m + point * b->m_step + row * s->o + column;
			w->k->brgemm_f32(&t);
		}
	}
}

/* Stage 3 for tiles from..to-1 of the block. */
static void stage_out(const struct block *b, size_t from, size_t to)
{
	const struct winograd *w = b->w;
	const struct conv_shape *s = w->s;
	const struct conv_args *a = w->a;
	struct winograd_out_f32 t = {.m_step = b->m_step,
		.bias = a->bias,
		.n = s->o,
		.res_stride = a->res_stride,
		.res_line = a->res_stride * s->ow,
		.c_stride = a->out_stride,
		.c_line = a->out_stride * s->ow,
		.act = w->act.act,
		.lo = w->act.lo,
		.hi = w->act.hi};

	for (size_t i = from; i < to; i++) {
		struct conv_pixel at = conv__winograd_tile(s, b->first + i);
		size_t pixel = ((size_t)at.n * s->oh + at.y) * s->ow + at.x;

		t.m = b->m + i * s->o;
		t.c = a->out + pixel * a->out_stride;
		t.res = a->res ? a->res + pixel * a->res_stride : 0;
		t.rows = s->oh - at.y < TILE ? (uint32_t)(s->oh - at.y) : TILE;
		t.cols = s->ow - at.x < TILE ? (uint32_t)(s->ow - at.x) : TILE;
		w->k->winograd_out_f32(&t);
		for (uint32_t y = 0; y < t.rows; y++)
			act_finish(w->act.rest, w->k, t.c + y * t.c_line, t.c_stride, t.cols, s->o);
	}
}

static struct block block_of(const struct winograd *w, size_t first, size_t n, float *scratch)
{
	size_t v_step = n * w->s->c + LINE, m_step = n * w->s->o + LINE;

	return (struct block){w, first, n, 0, v_step, m_step, scratch, scratch + POINTS * v_step};
}

/* A whole block on one thread. */
static void block_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct winograd *w = ctx;
	size_t first = part_begin(w->tiles, w->blocks, task),
	       n = part_begin(w->tiles, w->blocks, task + 1) - first;
	struct block b =
		block_of(w, first, n, (float *)w->a->scratch + thread * block_floats(w->s));

	stage_in(&b, 0, n);
	stage_product(&b, 0, (size_t)POINTS * w->panels);
	stage_out(&b, 0, n);
}

/* The three stages as tasks of a shared block; product_task has the points, the others tiles. */
static void in_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct block *b = ctx;

	stage_in(b, part_begin(b->n, b->parts, task), part_begin(b->n, b->parts, task + 1));
}

static void product_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct block *b = ctx;
	size_t all = (size_t)POINTS * b->w->panels;

	stage_product(b, part_begin(all, b->parts, task), part_begin(all, b->parts, task + 1));
}

static void out_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct block *b = ctx;

	stage_out(b, part_begin(b->n, b->parts, task), part_begin(b->n, b->parts, task + 1));
}

/* Blocks one after the other, each by all threads. */
static void run_shared(struct winograd *w)
{
	for (size_t i = 0; i < w->blocks; i++) {
		size_t first = part_begin(w->tiles, w->blocks, i),
		       n = part_begin(w->tiles, w->blocks, i + 1) - first;
		size_t threads = pool_threads(w->a->pool);
		struct block b = block_of(w, first, n, w->a->scratch);

		b.parts = n < threads * 2 ? n : threads * 2;
		split_run(w->a->pool, (uint32_t)b.parts, in_task, &b);
		b.parts = POINTS < threads * 4 ? POINTS : threads * 4;
		split_run(w->a->pool, (uint32_t)b.parts, product_task, &b);
		b.parts = n < threads * 2 ? n : threads * 2;
		split_run(w->a->pool, (uint32_t)b.parts, out_task, &b);
	}
}

static void winograd_run(const struct conv_shape *s, const struct conv_args *a)
{
	struct winograd w = {.s = s, .a = a, .k = kernels_now(), .act = act_split(a->act)};
	size_t threads = pool_threads(a->pool), most = block_tiles(s);

	w.panels = (uint32_t)ceil_div(s->o, w.k->brgemm_nr);
	w.tiles = a->n * conv__winograd_tiles(s);
	w.zeros = (const float *)a->weights + POINTS * point_floats(s);
	if (threads == 1 || w.tiles >= threads * w.k->brgemm_mr) {
		w.blocks = round_up(ceil_div(w.tiles, most), threads);
		if (w.blocks > w.tiles)
			w.blocks = w.tiles;
		split_run(a->pool, (uint32_t)w.blocks, block_task, &w);
	} else {
		w.blocks = ceil_div(w.tiles, most * threads);
		run_shared(&w);
	}
}

const struct conv_tactic_fns conv__winograd = {
	.fits = conv__winograd_fits,
	.pack_bytes = winograd_pack_bytes,
	.pack = winograd_pack,
	.scratch_bytes = winograd_scratch_bytes,
	.run = winograd_run,
};
