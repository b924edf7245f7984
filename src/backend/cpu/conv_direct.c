/* Convolution by the batch-reduce kernel: no im2col, no padded copies. Each output pixel is a row;
 * for each tap of the kernel the row has a pointer to the input pixel's channels, or to zeros
 * outside the image. The pointers of a chunk of row blocks are written to a table in scratch, then
 * each panel of output channels goes over the chunk.
 *
 * The chunk decides what stays in the second-level cache: where the weights are small, one block
 * after the other passes through all panels; where they are large, many blocks share each panel, so
 * that it is read once.
 *
 * A planar (NCHW) input of few channels is read in place as well: along a row of the image the taps
 * of one kernel row are neighbours, so they take the part of the channels, and (channel, kernel
 * row) that of the tap. Only pixels at the left and right border are copied, with zeros, into
 * scratch.
 *
 * Tasks are independent: each writes its own rows and columns of the output. It is not for
 * depthwise convolution, where a panel would hold one useful column per group. */
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
	struct cut block_rows;       /* where blocks begin */
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
	border = s->planar_in ? (size_t)d.chunk * d.k->brgemm_mr * d.taps * d.depth * sizeof(float)
			      : 0;
	d.thread_bytes =
		round_up((size_t)d.chunk * d.taps * d.k->brgemm_mr * sizeof(void *), KERNEL_ALIGN) +
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

	return round_up(
		(s->group * d.panels * d.panel_floats + d.depth) * sizeof(float), KERNEL_ALIGN);
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

/* How many pixels from p on lie in its line, at most `most`, and read no column outside a planar
 * image; 0 where p does. */
static size_t run_inside(const struct conv_shape *s, struct conv_pixel p, size_t most)
{
	int64_t x = (int64_t)p.x * s->stride_x - s->pad_x, last = (int64_t)s->w - s->kw, n;

	if (x < 0 || x > last)
		return 0;
	n = (last - x) / s->stride_x + 1;
	n = n < (int64_t)(s->ow - p.x) ? n : (int64_t)(s->ow - p.x);
	return (size_t)n < most ? (size_t)n : most;
}

/* Pointers of `n` neighbouring rows of a planar input that lie inside it. */
static void run_planar(
	const struct direct *d, struct conv_pixel p, uint32_t g, size_t n, const float **table)
{
	const struct conv_shape *s = d->s;
	int64_t x = (int64_t)p.x * s->stride_x - s->pad_x;

	for (uint32_t c = 0; c < d->cg; c++) {
		const float *plane =
			d->a->in + ((size_t)p.n * s->c + (size_t)g * d->cg + c) * s->h * s->w;
		int64_t y = (int64_t)p.y * s->stride_y - s->pad_y;

		for (uint32_t ky = 0; ky < s->kh;
			ky++, y += s->dilate_y, table += d->k->brgemm_mr) {
			bool inside = y >= 0 && y < s->h;
			const float *at = inside ? plane + y * s->w + x : d->zeros;
			size_t step = inside ? s->stride_x : 0;

			for (size_t r = 0; r < n; r++, at += step)
				table[r] = at;
		}
	}
}

/* Pointers of one row that crosses the left or right border: `border` takes its taps x depth
 * floats. */
static void row_planar(
	const struct direct *d, struct conv_pixel p, uint32_t g, const float **table, float *border)
{
	const struct conv_shape *s = d->s;
	int64_t x = (int64_t)p.x * s->stride_x - s->pad_x;

	for (uint32_t c = 0; c < d->cg; c++) {
		const float *plane =
			d->a->in + ((size_t)p.n * s->c + (size_t)g * d->cg + c) * s->h * s->w;
		int64_t y = (int64_t)p.y * s->stride_y - s->pad_y;

		for (uint32_t ky = 0; ky < s->kh;
			ky++, y += s->dilate_y, table += d->k->brgemm_mr, border += s->kw) {
			bool inside = y >= 0 && y < s->h;

			for (uint32_t kx = 0; kx < s->kw; kx++)
				border[kx] = inside && x + kx >= 0 && x + kx < s->w
						     ? plane[y * s->w + x + kx]
						     : 0;
			*table = border;
		}
	}
}

/* Pointers of the n rows of one block of a planar input. */
static void block_planar(const struct direct *d, struct conv_pixel p, uint32_t g, size_t n,
	const float **table, float *border)
{
	for (size_t r = 0; r < n;) {
		size_t run = run_inside(d->s, p, n - r);

		if (run) {
			run_planar(d, p, g, run, table + r);
		} else {
			run = 1;
			row_planar(d, p, g, table + r, border + r * d->taps * d->depth);
		}
		for (size_t i = 0; i < run; i++)
			conv__pixel_next(d->s, &p);
		r += run;
	}
}

/* Pointers of the rows of blocks first..last-1, for group g. */
static void table_fill(const struct direct *d, size_t first, size_t last, uint32_t g,
	const float **table, float *border)
{
	size_t row = cut_at(d->block_rows, first);
	struct conv_pixel p = conv__pixel_of(d->s, row);

	for (size_t b = first; b < last; b++, table += (size_t)d->taps * d->k->brgemm_mr) {
		size_t n = cut_at(d->block_rows, b + 1) - row;

		if (d->s->planar_in) {
			block_planar(d, conv__pixel_of(d->s, row), g, n, table, border);
			border += n * d->taps * d->depth;
		} else {
			for (size_t r = 0; r < n; r++, conv__pixel_next(d->s, &p))
				conv__row_pointers(d->s, p, d->a->in + (size_t)g * d->cg,
					d->k->brgemm_mr, d->zeros, table + r);
		}
		row += n;
	}
}

/* What a tile prefetches: from where on, and how many bytes for each step of its reduction. */
struct ahead { const char *at; size_t step; };

/* Weights are read once a pass through the network and come from far away: while many blocks go
 * over panel p of p0..p1-1, they fetch the next one; at the end of a task that of the task which
 * this thread will likely get next. A single block that goes over all panels fetches the input of
 * the next block instead, for the 1x1 filters, whose rows lie one after the other. */
static struct ahead ahead_of(const struct direct *d, size_t first, size_t last, size_t p, size_t p0,
	size_t p1, const float *const *table)
{
	size_t row = (size_t)d->s->stride_x * d->s->c * sizeof(float), mr = d->k->brgemm_mr;
	size_t next = p + 1 < p1 ? p + 1 : p + 1 + (pool_threads(d->a->pool) - 1) * (p1 - p0);
	struct ahead a = {0, 0};

	if (last - first > 1 && next < (size_t)d->s->group * d->panels) {
		a.at = (const char *)((const float *)d->a->weights + next * d->panel_floats);
		a.step = ceil_div(d->k->brgemm_nr * sizeof(float), last - first);
	} else if (last - first == 1 && d->taps == 1 && !d->s->planar_in) {
		a.step = ceil_div(mr * row, d->depth * (p1 - p0));
		a.at = (const char *)table[0] + mr * row + (p - p0) * d->depth * a.step;
	}
	return a;
}

/* Panel `panel` of group g over the blocks first..last-1, whose pointers are in the table. */
static void panel_run(const struct direct *d, size_t first, size_t last, uint32_t g, uint32_t panel,
                      struct ahead ahead, const float *const *table)
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
		.ahead_step = ahead.step,
	};

	for (size_t b = first; b < last; b++, table += (size_t)d->taps * mr) {
		size_t row = cut_at(d->block_rows, b);

		t.a = table;
		t.ahead = ahead.at + (b - first) * d->taps * d->depth * ahead.step;
		t.rows = (uint32_t)(cut_at(d->block_rows, b + 1) - row);
		t.res = a->res ? a->res + row * a->res_stride + column : 0;
		t.c = a->out + row * a->out_stride + column;
		d->k->brgemm_f32(&t);
		act_finish(d->act.rest, d->k, t.c, t.c_stride, t.rows, t.cols);
	}
}

static void direct_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct direct *d = ctx;
	size_t rp = task / d->col_parts, cp = task % d->col_parts,
	       panels = (size_t)d->s->group * d->panels;
	size_t end = part_begin(d->blocks, d->row_parts, rp + 1);
	size_t p0 = part_begin(panels, d->col_parts, cp),
	       p1 = part_begin(panels, d->col_parts, cp + 1);
	const float **table = (const float **)((char *)d->a->scratch + thread * d->thread_bytes);
	float *border = (float *)((char *)table + round_up((size_t)d->chunk * d->taps *
								   d->k->brgemm_mr * sizeof(void *),
							  KERNEL_ALIGN));

	for (size_t b = part_begin(d->blocks, d->row_parts, rp); b < end; b += d->chunk) {
		size_t last = b + d->chunk < end ? b + d->chunk : end;

		for (size_t p = p0; p < p1; p++) {
			if (p == p0 || p % d->panels == 0)
				table_fill(d, b, last, (uint32_t)(p / d->panels), table, border);
			panel_run(d, b, last, (uint32_t)(p / d->panels), (uint32_t)(p % d->panels),
				ahead_of(d, b, last, p, p0, p1, table), table);
		}
	}
}

/* Cuts along the larger of rows and weights, so that threads share the smaller; along both where
 * one is not enough. */
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
	d.block_rows = cut_of(d.rows, d.blocks);
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
