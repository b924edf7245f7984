/* Winograd's F(4x4, 3x3) as in conv_winograd.c, with filters that are transformed when needed.
 *
 * Filters at the points are four times the size of the filters, and a network reads its weights
 * from far away: with many channels, reading them takes longer than the arithmetic. Here the plan
 * holds the filters as the direct tactic packs them, and each panel of output channels is
 * transformed into the second-level cache just before its products. That costs as much as the
 * products of seven tiles, so all tiles that fit go over a panel together, while their own values
 * at the points stream by; and with fewer than FEW tiles, the direct tactic runs.
 *
 * Two stages, each cut into tasks: the tiles' input to the points; then for each panel filters,
 * products and output. So a filter is read and transformed by one thread only. It is not for few
 * channels, where transformed filters stay in the cache. */
#include "backend/cpu/conv_priv.h"
#include "backend/cpu/split.h"
#include "base/cpu.h"

/* CHUNK: most channels whose filters are transformed at once; MOST: tiles that go over a panel
 * together; LINE: floats of a cache line, between the points, as in conv_winograd.c. */
enum { TILE = CONV_TILE, POINTS = (TILE + 2) * (TILE + 2), TAPS = 9, CHUNK = 256, MOST = 128,
       FEW = 8 };
enum { LINE = KERNEL_ALIGN / sizeof(float) };

/* The shape's part, then that of one block of tiles: their number and first, their values at the
 * points ([n][c] at each v_step of v), and how many parts they are cut into beside the panels. */
struct late {
	const struct conv_shape *s;
	const struct conv_args *a;
	const struct kernels *k;
	struct act_split act;
	size_t panels, panel_floats; /* filters of one panel of output channels */
	size_t chunks, u_step;       /* of channels; from point to point of a chunk's filters */
	size_t input_floats, own_floats; /* scratch: of a block; of each thread, behind it */
	const float *zeros;
	size_t first, n, parts, v_step;
	float *v;
};

static struct late late_of(const struct conv_shape *s)
{
	struct late l = {.s = s, .k = kernels_now()};
	size_t nr = l.k->brgemm_nr;

	l.panels = ceil_div(s->o, nr);
	l.panel_floats = (size_t)s->c * TAPS * nr;
	l.chunks = ceil_div(s->c, CHUNK);
	l.u_step = ceil_div(s->c, l.chunks) * nr + LINE;
	l.input_floats = round_up(POINTS * ((size_t)MOST * s->c + LINE), LINE);
	l.own_floats = POINTS * (l.u_step + MOST * nr + LINE);
	return l;
}

/* [panel][tap][c][nr], then c zeros for pixels outside the image: what either tactic needs. */
static size_t late_pack_bytes(const struct conv_shape *s)
{
	return conv__direct.pack_bytes(s);
}

static void late_pack(const struct conv_shape *s, const float *weight, float *packed)
{
	conv__direct.pack(s, weight, packed);
}

static size_t late_scratch_bytes(const struct conv_shape *s, uint32_t threads)
{
	struct late l = late_of(s);
	size_t late = (l.input_floats + l.own_floats * threads) * sizeof(float),
	       direct = conv__direct.scratch_bytes(s, threads);

	return late > direct ? late : direct;
}

/* Products of one panel with the tiles from..to-1 of the block, over channels c0..c1-1, whose
 * filters at the points are u; added to those of the channels before. A tile that goes over all
 * channels asks for the next tiles' values meanwhile. */
static void products(const struct late *l, size_t from, size_t to, size_t c0, size_t c1,
	const float *u, float *m)
{
	size_t c = l->s->c, nr = l->k->brgemm_nr, n = to - from,
	       rows = ceil_div(n, l->k->brgemm_mr);
	struct cut block_rows = cut_of(n, rows);
	const float *table[KERNEL_MR_MAX];
	struct brgemm_f32 t = {.a = table, .res_stride = nr, .c_stride = nr, .cols = (uint32_t)nr,
		.taps = 1, .k = (uint32_t)(c1 - c0)};

	for (size_t point = 0; point < POINTS; point++)
		for (size_t r = 0; r < rows; r++) {
			size_t row = cut_at(block_rows, r);
			const float *v = l->v + point * l->v_step + (from + row) * c + c0;

			t.rows = (uint32_t)(cut_at(block_rows, r + 1) - row);
			for (uint32_t j = 0; j < t.rows; j++)
				table[j] = v + j * c;
			t.ahead = (const char *)(v + t.rows * c);
			t.ahead_step = l->chunks == 1 ? t.rows * sizeof(float) : 0;
			t.b = u + point * l->u_step;
			t.c = m + point * (n * nr + LINE) + row * nr;
			t.res = c0 ? t.c : 0;
			l->k->brgemm_f32(&t);
		}
}

/* The output of one panel for the tiles from..to-1 of the block, from their products. */
static void output(const struct late *l, size_t from, size_t to, size_t panel, const float *m)
{
	const struct conv_shape *s = l->s;
	const struct conv_args *a = l->a;
	size_t nr = l->k->brgemm_nr, column = panel * nr;
	struct winograd_out_f32 t = {.m_step = (to - from) * nr + LINE,
		.bias = a->bias ? a->bias + column : 0,
		.n = s->o - column < nr ? s->o - column : nr,
		.res_stride = a->res_stride,
		.res_line = a->res_stride * s->ow,
		.c_stride = a->out_stride,
		.c_line = a->out_stride * s->ow,
		.act = l->act.act,
		.lo = l->act.lo,
		.hi = l->act.hi};

	for (size_t i = from; i < to; i++) {
		struct conv_pixel at = conv__winograd_tile(s, l->first + i);
		size_t pixel = ((size_t)at.n * s->oh + at.y) * s->ow + at.x;

		t.m = m + (i - from) * nr;
		t.c = a->out + pixel * a->out_stride + column;
		t.res = a->res ? a->res + pixel * a->res_stride + column : 0;
		t.rows = s->oh - at.y < TILE ? s->oh - at.y : TILE;
		t.cols = s->ow - at.x < TILE ? s->ow - at.x : TILE;
		l->k->winograd_out_f32(&t);
		for (uint32_t y = 0; y < t.rows; y++)
			act_finish(l->act.rest, l->k, t.c + y * t.c_line, t.c_stride, t.cols, t.n);
	}
}

static void in_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct late *l = ctx;
	size_t from = part_begin(l->n, l->parts, task), to = part_begin(l->n, l->parts, task + 1);

	(void)thread;
	conv__winograd_in(l->s, l->a->in, l->zeros, l->first + from, to - from,
		l->v + from * l->s->c, l->v_step);
}

static void panel_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct late *l = ctx;
	size_t panel = task / l->parts, part = task % l->parts, nr = l->k->brgemm_nr;
	size_t from = part_begin(l->n, l->parts, part), to = part_begin(l->n, l->parts, part + 1);
	const float *filters = (const float *)l->a->weights + panel * l->panel_floats;
	float *u = (float *)l->a->scratch + l->input_floats + thread * l->own_floats;
	float *m = u + POINTS * l->u_step;

	for (size_t i = 0; i < l->chunks; i++) {
		size_t c0 = part_begin(l->s->c, l->chunks, i),
		       c1 = part_begin(l->s->c, l->chunks, i + 1);

		l->k->winograd_filter_f32(
			filters + c0 * nr, l->s->c * nr, u, l->u_step, (c1 - c0) * nr);
		products(l, from, to, c0, c1, u, m);
	}
	output(l, from, to, panel, m);
}

static void late_run(const struct conv_shape *s, const struct conv_args *a)
{
	struct late l = late_of(s);
	size_t tiles = a->n * conv__winograd_tiles(s), blocks = ceil_div(tiles, MOST);
	size_t threads = pool_threads(a->pool);

	if (tiles < FEW) {
		conv__direct.run(s, a);
		return;
	}
	l.a = a;
	l.act = act_split(a->act);
	l.zeros = (const float *)a->weights + l.panels * l.panel_floats;
	l.v = a->scratch;
	for (size_t i = 0; i < blocks; i++) {
		l.first = part_begin(tiles, blocks, i);
		l.n = part_begin(tiles, blocks, i + 1) - l.first;
		l.v_step = l.n * s->c + LINE;
		l.parts = l.n < threads * 2 ? l.n : threads * 2;
		split_run(a->pool, (uint32_t)l.parts, in_task, &l);
		l.parts = ceil_div(threads, l.panels);
		l.parts = l.parts < l.n ? l.parts : l.n;
		split_run(a->pool, (uint32_t)(l.panels * l.parts), panel_task, &l);
	}
}

const struct conv_tactic_fns conv__winograd_late = {
	.fits = conv__winograd_fits,
	.pack_bytes = late_pack_bytes,
	.pack = late_pack,
	.scratch_bytes = late_scratch_bytes,
	.run = late_run,
};
