/* Transposed convolution by phases. With stride s, an output pixel is reached only by the taps
 * whose position it agrees with modulo s: one in s * s of all. The direct tactic multiplies the
 * others by zeros; here the pixels of a line are taken s apart, so that neighbours agree, and each
 * group of them reduces over its own taps only.
 *
 * Weights are packed [group][panel][phase][tap of the phase][c/group][nr], so that the taps of a
 * phase lie together, then zeros for taps outside the input. Along a line, neighbours of one phase
 * read neighbouring input pixels. Tasks are ranges of output lines and share nothing. With stride 1
 * there is one phase, and the direct tactic, which goes over many lines at once, is better. */
#include "backend/cpu/conv_priv.h"
#include "backend/cpu/split.h"

/* One axis: tap k belongs to the phase k * dilate % stride. */
struct axis {
	uint32_t k, stride, dilate, size;
	int32_t pad;
};

struct phases {
	const struct conv_shape *s;
	const struct conv_args *a;
	const struct kernels *k;
	struct act_split act;
	struct axis y, x;
	uint32_t cg, og, panels;
	size_t lines, parts;         /* output lines of all images; tasks */
	size_t tap_floats, panel_floats;   /* packed weights of a tap, of a panel */
	const float *zeros;          /* c/group of them */
};

/* What follows from the shape alone. */
static struct phases phases_of(const struct conv_shape *s)
{
	struct phases p = {.s = s, .k = kernels_now()};

	p.y = (struct axis){s->kh, s->stride_y, s->dilate_y, s->h, s->pad_y};
	p.x = (struct axis){s->kw, s->stride_x, s->dilate_x, s->w, s->pad_x};
	p.cg = s->c / s->group;
	p.og = s->o / s->group;
	p.panels = (uint32_t)ceil_div(p.og, p.k->brgemm_nr);
	p.tap_floats = (size_t)p.cg * p.k->brgemm_nr;
	p.panel_floats = p.tap_floats * s->kh * s->kw;
	return p;
}

static bool phases_fits(const struct conv_shape *s)
{
	return s->transposed && !s->planar_in && (s->stride_y > 1 || s->stride_x > 1) &&
		s->pad_y >= 0 && s->pad_x >= 0;
}

static size_t phases_pack_bytes(const struct conv_shape *s)
{
	struct phases p = phases_of(s);

	return round_up(
		(s->group * p.panels * p.panel_floats + p.cg) * sizeof(float), KERNEL_ALIGN);
}

/* The phase that tap k belongs to. Output o belongs to (o + pad) % stride. */
static uint32_t phase_of(const struct axis *a, uint32_t k)
{
	return (uint32_t)((uint64_t)k * a->dilate % a->stride);
}

/* How many taps belong to phases before `phase`. */
static uint32_t taps_before(const struct axis *a, uint32_t phase)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < a->k; k++)
		n += phase_of(a, k) < phase;
	return n;
}

/* Which tap of its phase k is. */
static uint32_t tap_rank(const struct axis *a, uint32_t k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k; i++)
		n += phase_of(a, i) == phase_of(a, k);
	return n;
}

/* Taps before the first of phase (py, px), and, in n, how many it has. Phases go line by line. */
static uint32_t phase_taps(const struct phases *p, uint32_t py, uint32_t px, uint32_t *n)
{
	uint32_t before_y = taps_before(&p->y, py), ny = taps_before(&p->y, py + 1) - before_y;
	uint32_t before_x = taps_before(&p->x, px), nx = taps_before(&p->x, px + 1) - before_x;

	*n = ny * nx;
	return before_y * p->s->kw + ny * before_x;
}

/* Zeros first, as panels and phases are filled out of order. */
static void phases_pack(const struct conv_shape *s, const float *weight, float *packed)
{
	struct phases p = phases_of(s);
	size_t nr = p.k->brgemm_nr, area = (size_t)s->kh * s->kw;

	for (size_t i = 0; i < phases_pack_bytes(s) / sizeof(float); i++)
		packed[i] = 0;
	for (uint32_t ky = 0; ky < s->kh; ky++)
	for (uint32_t kx = 0; kx < s->kw; kx++) {
		uint32_t px = phase_of(&p.x, kx), n,
			 nx = taps_before(&p.x, px + 1) - taps_before(&p.x, px);
		size_t tap = phase_taps(&p, phase_of(&p.y, ky), px, &n);

		tap += (size_t)tap_rank(&p.y, ky) * nx + tap_rank(&p.x, kx);
		for (size_t c = 0; c < s->c; c++)
			for (size_t o = 0; o < p.og; o++)
				packed[(c / p.cg * p.panels + o / nr) * p.panel_floats +
					tap * p.tap_floats + c % p.cg * nr + o % nr] =
					weight[(c * p.og + o) * area + ky * s->kw + kx];
	}
}

/* Scratch of a thread: the pointers of one block, for as many taps as a phase can have. */
static size_t thread_bytes(const struct conv_shape *s)
{
	size_t pointers = (size_t)s->kh * s->kw * kernels_now()->brgemm_mr;

	return round_up(pointers * sizeof(void *), KERNEL_ALIGN);
}

static size_t phases_scratch_bytes(const struct conv_shape *s, uint32_t threads)
{
	return thread_bytes(s) * threads;
}

/* The input position that tap k of output o reads, o being of its phase; outside: -1. */
static int64_t source(const struct axis *a, uint32_t o, uint32_t k)
{
	int64_t i = ((int64_t)o + a->pad - (int64_t)k * a->dilate) / (int64_t)a->stride;
	bool before = (int64_t)o + a->pad < (int64_t)k * a->dilate;

	return !before && i < a->size ? i : -1;
}

/* n pixels of line oy, from ox on, stride_x apart: pointers of the taps of their phase (py, px). */
static void table_fill(const struct phases *p, size_t image, uint32_t oy, uint32_t ox, uint32_t n,
	uint32_t py, uint32_t px, const float **table)
{
	const struct conv_shape *s = p->s;

	for (uint32_t ky = 0; ky < s->kh; ky++) {
		int64_t y = source(&p->y, oy, ky);

		for (uint32_t kx = 0; phase_of(&p->y, ky) == py && kx < s->kw; kx++) {
			if (phase_of(&p->x, kx) != px)
				continue;
			for (uint32_t r = 0; r < n; r++) {
				int64_t x = source(&p->x, ox + r * s->stride_x, kx);
				size_t at = ((image * s->h + (size_t)y) * s->w + (size_t)x) * s->c;

				table[r] = y >= 0 && x >= 0 ? p->a->in + at : p->zeros;
			}
			table += p->k->brgemm_mr;
		}
	}
}

/* All groups and panels for the pixels whose pointers, those of group 0, are in the table. */
static void columns_run(const struct phases *p, struct brgemm_f32 *t, size_t pixel,
	uint32_t first_tap, const float **table)
{
	const struct conv_args *a = p->a;
	uint32_t nr = p->k->brgemm_nr, mr = p->k->brgemm_mr;

	for (uint32_t g = 0; g < p->s->group; g++) {
		/* From one group to the next, real pointers move by its channels. */
		for (uint32_t i = 0; g > 0 && i < t->taps * mr; i++)
			if (i % mr < t->rows && table[i] != p->zeros)
				table[i] += p->cg;
		for (uint32_t panel = 0; panel < p->panels; panel++) {
			size_t column = (size_t)g * p->og + (size_t)panel * nr;
			uint32_t left = p->og - panel * nr;

			t->b = (const float *)a->weights + first_tap * p->tap_floats +
				((size_t)g * p->panels + panel) * p->panel_floats;
			t->bias = a->bias ? a->bias + column : 0;
			t->res = a->res ? a->res + pixel * a->res_stride + column : 0;
			t->c = a->out + pixel * a->out_stride + column;
			t->cols = left < nr ? left : nr;
			p->k->brgemm_f32(t);
			act_finish(p->act.rest, p->k, t->c, t->c_stride, t->rows, t->cols);
		}
	}
}

/* One output line: for each phase along it, blocks of pixels stride_x apart. */
static void line_run(const struct phases *p, size_t line, const float **table)
{
	const struct conv_shape *s = p->s;
	uint32_t oy = (uint32_t)(line % s->oh), sx = s->stride_x, mr = p->k->brgemm_mr;
	uint32_t py = (uint32_t)(((int64_t)oy + s->pad_y) % s->stride_y);
	struct brgemm_f32 t = {.a = table,
		.res_stride = p->a->res_stride * sx,
		.k = p->cg,
		.c_stride = p->a->out_stride * sx,
		.act = p->act.act,
		.lo = p->act.lo,
		.hi = p->act.hi};

	for (uint32_t first = 0; first < sx && first < s->ow; first++) {
		uint32_t px = (uint32_t)(((int64_t)first + s->pad_x) % sx);
		uint32_t tap = phase_taps(p, py, px, &t.taps), all = (s->ow - first - 1) / sx + 1;

		for (uint32_t i = 0; i < all; i += t.rows) {
			uint32_t ox = first + i * sx;

			t.rows = all - i < mr ? all - i : mr;
			table_fill(p, line / s->oh, oy, ox, t.rows, py, px, table);
			columns_run(p, &t, line * s->ow + ox, tap, table);
		}
	}
}

static void phases_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct phases *p = ctx;
	size_t end = part_begin(p->lines, p->parts, task + 1);
	char *table = (char *)p->a->scratch + thread * thread_bytes(p->s);

	for (size_t line = part_begin(p->lines, p->parts, task); line < end; line++)
		line_run(p, line, (const float **)table);
}

static void phases_run(const struct conv_shape *s, const struct conv_args *a)
{
	struct phases p = phases_of(s);

	p.a = a;
	p.act = act_split(a->act);
	p.lines = (size_t)a->n * s->oh;
	p.zeros = (const float *)a->weights + s->group * p.panels * p.panel_floats;
	/* Multiply-adds: every input pixel meets every tap once, but for the borders. */
	p.parts = split_tasks(a->pool, (double)a->n * s->h * s->w * s->c * p.og * s->kh * s->kw);
	if (p.parts > p.lines)
		p.parts = p.lines;
	split_run(a->pool, (uint32_t)p.parts, phases_task, &p);
}

const struct conv_tactic_fns conv__phases = {
	.fits = phases_fits,
	.pack_bytes = phases_pack_bytes,
	.pack = phases_pack,
	.scratch_bytes = phases_scratch_bytes,
	.run = phases_run,
};
