/* Depthwise convolution: as many groups as channels, one filter each. A panel of the direct tactic
 * would hold one useful column; here vectors run along the channels and four output pixels share
 * each weight.
 *
 * Weights are packed [tap][c], then c zeros for taps outside the image. A chunk of pixels is done a
 * strip of channels at a time, so that the strip's weights and the pixels that neighbouring windows
 * share stay in the first-level cache. Tasks are ranges of output pixels and share nothing. It is
 * not for a channel multiplier other than 1: that goes through the direct tactic as a grouped
 * convolution. */
#include "backend/cpu/conv_priv.h"
#include "backend/cpu/split.h"

/* Pixels of a block; blocks of a chunk; channels of a strip. */
enum { ROWS = 4, CHUNK = 16, STRIP = 128 };

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

/* Scratch of a thread: the pointers of a chunk. */
static size_t thread_bytes(const struct conv_shape *s)
{
	return round_up((size_t)s->kh * s->kw * ROWS * CHUNK * sizeof(void *), KERNEL_ALIGN);
}

static size_t depthwise_scratch_bytes(const struct conv_shape *s, uint32_t threads)
{
	return thread_bytes(s) * threads;
}

/* Channels first..last-1 of up to CHUNK blocks of pixels, from output pixel `row` to end-1. */
static void strip_run(const struct depthwise *d, struct depthwise_f32 *t, size_t row, size_t end)
{
	const struct conv_args *a = d->a;
	const float *const *table = t->a;

	for (; row < end; row += t->rows, t->a += (size_t)t->taps * ROWS) {
		t->rows = end - row < ROWS ? (uint32_t)(end - row) : ROWS;
		t->c = a->out + row * a->out_stride;
		t->res = a->res ? a->res + row * a->res_stride : 0;
		d->k->depthwise_f32(t);
		act_finish(d->act.rest, d->k, t->c + t->first, t->c_stride, t->rows,
			(uint32_t)(t->last - t->first));
	}
	t->a = table;
}

/* A range of output pixels, chunk by chunk: first the pointers, then strip after strip. */
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

	while (row < end) {
		size_t n = end - row < CHUNK * ROWS ? end - row : CHUNK * ROWS;

		for (size_t r = 0; r < n; r++, conv__pixel_next(d->s, &p))
			conv__row_pointers(d->s, p, a->in, ROWS, d->zeros,
				table + r / ROWS * t.taps * ROWS + r % ROWS);
		for (t.first = 0; t.first < t.n; t.first = t.last) {
			t.last = t.n - t.first > STRIP ? t.first + STRIP : t.n;
			strip_run(d, &t, row, row + n);
		}
		row += n;
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
