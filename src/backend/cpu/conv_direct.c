/* Convolution by the batch-reduce kernel: no im2col, no padded copies. Each output pixel is a row; for each tap of the
 * kernel the row has a pointer to the input pixel's channels, or to zeros outside the image. The pointers of a chunk of row
 * blocks are written to a table in scratch, then each panel of output channels goes over the chunk.
 *
 * The chunk decides what stays in the second-level cache: where the weights are small, one block after the other passes
 * through all panels; where they are large, many blocks share each panel, so that it is read once.
 *
 * A planar (NCHW) input of few channels is read in place as well: along a row of the image the taps of one kernel row are
 * neighbours, so they take the part of the channels, and (channel, kernel row) that of the tap. Only pixels at the left
 * and right border are copied, with zeros, into scratch.
 *
 * Tasks are independent: each writes its own rows and columns of the output. It is not for depthwise convolution, where a
 * panel would hold one useful column per group. */
#include "backend/cpu/conv_priv.h"
#include "backend/cpu/split.h"
#include "base/cpu.h"

enum { TABLE_BYTES = 64 << 10 };

struct direct {
	const struct conv_shape *s;
	const struct conv_args *a;
	const struct kernels *k;
	uint32_t taps, depth;        /* of the kernel's reduction: taps x depth */
	uint32_t cg, og, panels;     /* of one group */
	uint32_t chunk;              /* row blocks whose pointers are in the table at once */
	size_t rows, blocks;
	size_t row_parts, col_parts; /* tasks = their product */
	size_t panel_floats;
	size_t thread_bytes;         /* scratch of one thread: table, then border copies */
	const float *zeros;          /* depth floats */
	struct act_split act;
};

static uint32_t chunk_blocks(const struct direct *d)
{
	size_t most = TABLE_BYTES / (d->taps * d->k->brgemm_mr * sizeof(void *));
	size_t weights = d->panels * d->panel_floats * sizeof(float);
	size_t row = (size_t)d->cg * d->s->stride_y * d->s->stride_x * sizeof(float);
	size_t fit;

	if (d->s->planar_in || weights <= cpu_l2_bytes() / 4)
		return 1;
	if (!row)
		row = 1;
	fit = cpu_l2_bytes() / 2 / (row * d->k->brgemm_mr);
	fit = fit < most ? fit : most;
	return fit ? (uint32_t)fit : 1;
}

/* What follows from the shape alone. */
static struct direct direct_of(const struct conv_shape *s)
{
	struct direct d = {.s = s, .k = kernels_now()};
	size_t border;

	d.cg = s->c / s->group;
	d.og = s->o / s->group;
	d.panels = (uint32_t)ceil_div(d.og, d.k->brgemm_nr);
	d.taps = s->planar_in ? d.cg * s->kh : s->kh * s->kw;
	d.depth = s->planar_in ? s->kw : d.cg;
	d.panel_floats = (size_t)d.taps * d.depth * d.k->brgemm_nr;
	d.chunk = chunk_blocks(&d);
	border = s->planar_in ? (size_t)d.chunk * d.k->brgemm_mr * d.taps * d.depth * sizeof(float) : 0;
	d.thread_bytes = round_up((size_t)d.chunk * d.taps * d.k->brgemm_mr * sizeof(void *), KERNEL_ALIGN) +
		round_up(border, KERNEL_ALIGN);
	return d;
}

static bool direct_fits(const struct conv_shape *s)
{
	return !s->planar_in || (s->dilate_x == 1 && !s->transposed);
}

static size_t direct_pack_bytes(const struct conv_shape *s)
{
	struct direct d = direct_of(s);

	return round_up((s->group * d.panels * d.panel_floats + d.depth) * sizeof(float), KERNEL_ALIGN);
}

static size_t direct_scratch_bytes(const struct conv_shape *s, uint32_t threads)
{
	return direct_of(s).thread_bytes * threads;
}

/* [group][panel][tap][depth][nr], then the zeros that taps outside the image point to. */
static void direct_pack(const struct conv_shape *s, const float *weight, float *packed)
{
	struct direct d = direct_of(s);
	size_t nr = d.k->brgemm_nr, area = (size_t)s->kh * s->kw, filter = d.cg * area;
	float *end = packed + direct_pack_bytes(s) / sizeof(float);

	for (size_t g = 0; g < s->group; g++)
	for (size_t p = 0; p < d.panels; p++)
	for (size_t tap = 0; tap < d.taps; tap++)
	for (size_t i = 0; i < d.depth; i++) {
		size_t at = s->planar_in ? tap * d.depth + i : i * area + tap;
		const float *w = weight + (g * d.og + p * nr) * filter + at;
		size_t step = filter;

		if (s->transposed) {
			w = weight + ((g * d.cg + i) * d.og + p * nr) * area + tap;
			step = area;
		}
		for (size_t j = 0; j < nr; j++)
			*packed++ = p * nr + j < d.og ? w[j * step] : 0;
	}
	while (packed < end)
		*packed++ = 0;
}

/* Pointers of one row of a planar input, one per tap; `border` takes taps x depth floats of a row that crosses the left or right border. */
static void row_planar(const struct direct *d, struct conv_pixel p, uint32_t g, const float **table, float *border)
{
	const struct conv_shape *s = d->s;
	uint32_t mr = d->k->brgemm_mr;
	int64_t y0 = (int64_t)p.y * s->stride_y - s->pad_y, x = (int64_t)p.x * s->stride_x - s->pad_x;
	bool crosses = x < 0 || x + s->kw > s->w;

	for (uint32_t c = 0; c < d->cg; c++) {
		const float *plane = d->a->in + ((size_t)p.n * s->c + (size_t)g * d->cg + c) * s->h * s->w;
		int64_t y = y0;

		for (uint32_t ky = 0; ky < s->kh; ky++, y += s->dilate_y, table += mr) {
			if (y < 0 || y >= s->h) {
				*table = d->zeros;
				continue;
			}
			if (!crosses) {
				*table = plane + y * s->w + x;
				continue;
			}
			for (uint32_t kx = 0; kx < s->kw; kx++)
				border[kx] = x + kx >= 0 && x + kx < s->w ? plane[y * s->w + x + kx] : 0;
			*table = border;
			border += s->kw;
		}
	}
}

/* Pointers of the rows of blocks first..last-1, for group g. */
static void table_fill(const struct direct *d, size_t first, size_t last, uint32_t g, const float **table, float *border)
{
	size_t row = part_begin(d->rows, d->blocks, first);
	struct conv_pixel p = conv__pixel_of(d->s, row);

	for (size_t b = first; b < last; b++, table += (size_t)d->taps * d->k->brgemm_mr) {
		size_t end = part_begin(d->rows, d->blocks, b + 1);

		for (size_t r = 0; row < end; row++, r++, conv__pixel_next(d->s, &p)) {
			if (d->s->planar_in) {
				row_planar(d, p, g, table + r, border);
				border += (size_t)d->taps * d->depth;
			} else {
				conv__row_pointers(d->s, p, d->a->in + (size_t)g * d->cg, d->k->brgemm_mr, d->zeros, table + r);
			}
		}
	}
}

/* Panel `panel` of group g over the blocks first..last-1, whose pointers are in the table. Weights are read once a pass
 * through the network and come from far away: while many blocks go over one panel, they prefetch the next one. */
static void panel_run(const struct direct *d, size_t first, size_t last, uint32_t g, uint32_t panel,
                      bool next, const float *const *table)
{
	const struct conv_args *a = d->a;
	uint32_t mr = d->k->brgemm_mr, nr = d->k->brgemm_nr, column = g * d->og + panel * nr;
	uint32_t left = d->og - panel * nr;
	struct brgemm_f32 t = {
		.b = (const float *)a->weights + (g * d->panels + panel) * d->panel_floats,
		.bias = a->bias ? a->bias + column : 0,
		.res_stride = a->res_stride, .c_stride = a->out_stride,
		.cols = left < nr ? left : nr, .taps = d->taps, .k = d->depth,
		.act = d->act.act, .lo = d->act.lo, .hi = d->act.hi,
		.ahead_step = next ? ceil_div(nr * sizeof(float), last - first) : 0,
	};

	for (size_t b = first; b < last; b++, table += (size_t)d->taps * mr) {
		size_t row = part_begin(d->rows, d->blocks, b);

		t.a = table;
		t.ahead = (const char *)(t.b + d->panel_floats) + (b - first) * d->taps * d->depth * t.ahead_step;
		t.rows = (uint32_t)(part_begin(d->rows, d->blocks, b + 1) - row);
		t.res = a->res ? a->res + row * a->res_stride + column : 0;
		t.c = a->out + row * a->out_stride + column;
		d->k->brgemm_f32(&t);
		act_finish(d->act.rest, d->k, t.c, t.c_stride, t.rows, t.cols);
	}
}

static void direct_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct direct *d = ctx;
	size_t rp = task / d->col_parts, cp = task % d->col_parts, panels = (size_t)d->s->group * d->panels;
	size_t end = part_begin(d->blocks, d->row_parts, rp + 1);
	size_t p0 = part_begin(panels, d->col_parts, cp), p1 = part_begin(panels, d->col_parts, cp + 1);
	const float **table = (const float **)((char *)d->a->scratch + thread * d->thread_bytes);
	float *border = (float *)((char *)table +
		round_up((size_t)d->chunk * d->taps * d->k->brgemm_mr * sizeof(void *), KERNEL_ALIGN));

	for (size_t b = part_begin(d->blocks, d->row_parts, rp); b < end; b += d->chunk) {
		size_t last = b + d->chunk < end ? b + d->chunk : end;

		for (size_t p = p0; p < p1; p++) {
			if (p == p0 || p % d->panels == 0)
				table_fill(d, b, last, (uint32_t)(p / d->panels), table, border);
			panel_run(d, b, last, (uint32_t)(p / d->panels), (uint32_t)(p % d->panels),
				last - b > 1 && p + 1 < p1, table);
		}
	}
}

/* Cuts along the larger of rows and weights, so that threads share the smaller; along both where one is not enough. */
static void direct_cut(struct direct *d)
{
	size_t panels = (size_t)d->s->group * d->panels;
	double work = (double)d->rows * d->taps * d->depth * d->s->o;
	size_t tasks = split_tasks(d->a->pool, work);
	bool by_cols = panels * d->panel_floats > (size_t)d->a->n * d->s->h * d->s->w * d->s->c;
	size_t most = by_cols ? panels : d->blocks, other = by_cols ? d->blocks : panels;
	size_t first = tasks < most ? tasks : most, second = tasks / first;

	if (second > other)
		second = other;
	d->row_parts = by_cols ? second : first;
	d->col_parts = by_cols ? first : second;
}

static void direct_run(const struct conv_shape *s, const struct conv_args *a)
{
	struct direct d = direct_of(s);

	d.a = a;
	d.rows = (size_t)a->n * s->oh * s->ow;
	d.blocks = ceil_div(d.rows, d.k->brgemm_mr);
	d.zeros = (const float *)a->weights + s->group * d.panels * d.panel_floats;
	d.act = act_split(a->act);
	direct_cut(&d);
	split_run(a->pool, (uint32_t)(d.row_parts * d.col_parts), direct_task, &d);
}

const struct conv_tactic_fns conv__direct = {
	.fits = direct_fits,
	.pack_bytes = direct_pack_bytes,
	.pack = direct_pack,
	.scratch_bytes = direct_scratch_bytes,
	.run = direct_run,
};
