/* Depthwise convolution: as many groups as channels, one filter each. A panel of the direct tactic
 * would hold one useful column; here vectors run along the channels and four output pixels share
 * each weight.
 *
 * Weights are packed [tap][c], then c zeros for taps outside the image. Tasks are ranges of output
 * pixels and share nothing; each builds the pointers of four pixels at a time in its thread's
 * scratch. It is not for a channel multiplier other than 1: that goes through the direct tactic as
 * a grouped convolution. */
#include "backend/cpu/conv_priv.h"
#include "backend/cpu/split.h"

enum { ROWS = 4 };

struct depthwise {
	const struct conv_shape *s;
	const struct conv_args *a;
	const struct kernels *k;
	struct act_split act;
	size_t rows, parts, thread_bytes;   /* output pixels of all images; tasks; scratch */
	const float *zeros;
};

static bool depthwise_fits(const struct conv_shape *s)
{
	return s->group == s->c && s->group == s->o && s->c > 1 && !s->planar_in;
}

static size_t depthwise_pack_bytes(const struct conv_shape *s)
{
	return ((size_t)s->kh * s->kw + 1) * s->c * sizeof(float);
}

/* ONNX has a filter after the other; the kernel wants the channels of a tap together. */
static void depthwise_pack(const struct conv_shape *s, const float *weight, float *packed)
{
	size_t taps = (size_t)s->kh * s->kw;

	for (size_t tap = 0; tap < taps; tap++)
		for (size_t c = 0; c < s->c; c++)
			*packed++ = weight[c * taps + tap];
	for (size_t c = 0; c < s->c; c++)
		*packed++ = 0;
}

/* Scratch of a thread: the pointers of ROWS pixels. */
static size_t thread_bytes(const struct conv_shape *s)
{
	return round_up((size_t)s->kh * s->kw * ROWS * sizeof(void *), KERNEL_ALIGN);
}

static size_t depthwise_scratch_bytes(const struct conv_shape *s, uint32_t threads)
{
	return thread_bytes(s) * threads;
}

/* A range of output pixels. */
static void depthwise_task(void *ctx, uint32_t task, uint32_t thread)
{
	const struct depthwise *d = ctx;
	const struct conv_args *a = d->a;
	size_t row = part_begin(d->rows, d->parts, task),
	       end = part_begin(d->rows, d->parts, task + 1);
	struct conv_pixel p = conv__pixel_of(d->s, row);
	const float **table = (const float **)((char *)a->scratch + thread * d->thread_bytes);
	struct depthwise_f32 t = {
		.a = table,
		.w = a->weights,
		.bias = a->bias,
		.res_stride = a->res_stride,
		.c_stride = a->out_stride,
		.n = d->s->c,
		.taps = d->s->kh * d->s->kw,
		.act = d->act.act,
		.lo = d->act.lo,
		.hi = d->act.hi,
	};

	for (; row < end; row += t.rows) {
		t.rows = end - row < ROWS ? (uint32_t)(end - row) : ROWS;
		for (uint32_t r = 0; r < t.rows; r++, conv__pixel_next(d->s, &p))
			conv__row_pointers(d->s, p, a->in, ROWS, d->zeros, table + r);
		t.c = a->out + row * a->out_stride;
		t.res = a->res ? a->res + row * a->res_stride : 0;
		d->k->depthwise_f32(&t);
		act_finish(d->act.rest, d->k, t.c, t.c_stride, t.rows, d->s->c);
	}
}

static void depthwise_run(const struct conv_shape *s, const struct conv_args *a)
{
	size_t taps = (size_t)s->kh * s->kw;
	struct depthwise d = {.s = s,
		.a = a,
		.k = kernels_now(),
		.act = act_split(a->act),
		.thread_bytes = thread_bytes(s)};

	d.rows = (size_t)a->n * s->oh * s->ow;
	d.zeros = (const float *)a->weights + taps * s->c;
	/* A tap of a channel costs two loads, about eight times a multiply-add of the direct
	 * tactic. */
	d.parts = split_tasks(a->pool, 8.0 * (double)d.rows * (double)taps * s->c);
	if (d.parts > d.rows)
		d.parts = d.rows;
	split_run(a->pool, (uint32_t)d.parts, depthwise_task, &d);
}

const struct conv_tactic_fns conv__depthwise = {
	.fits = depthwise_fits,
	.pack_bytes = depthwise_pack_bytes,
	.pack = depthwise_pack,
	.scratch_bytes = depthwise_scratch_bytes,
	.run = depthwise_run,
};
