/* Which input pixels an output pixel reads: the index arithmetic that convolution tactics share.
 *
 * A row of the reduction is an output pixel, in memory order over all images. Going from one to the
 * next is counting, not division; division happens once at the start of a piece of work. A
 * transposed convolution asks the question backwards: a tap reads an input pixel only where the
 * stride divides its position. No state, any thread. */
#include "backend/cpu/conv_priv.h"

struct conv_pixel conv__pixel_of(const struct conv_shape *s, size_t row)
{
	size_t line = row / s->ow;

	return (struct conv_pixel){
		(uint32_t)(line / s->oh), (uint32_t)(line % s->oh), (uint32_t)(row % s->ow)};
}

void conv__pixel_next(const struct conv_shape *s, struct conv_pixel *p)
{
	if (++p->x < s->ow)
		return;
	p->x = 0;
	if (++p->y < s->oh)
		return;
	p->y = 0;
	p->n++;
}

/* The position on one axis that tap k of output o reads; -1: none. */
static int64_t source(bool transposed, uint32_t o, uint32_t k, uint32_t stride, uint32_t dilate,
	int32_t pad, uint32_t size)
{
	int64_t i;

	if (!transposed) {
		i = (int64_t)o * stride - pad + (int64_t)k * dilate;
	} else {
		i = (int64_t)o + pad - (int64_t)k * dilate;
		if (i % stride)
			return -1;
		i /= stride;
	}
	return i >= 0 && i < size ? i : -1;
}

/* Whether all taps of a pixel lie in the image, as most do. */
static bool inside(const struct conv_shape *s, struct conv_pixel p)
{
	int64_t y = (int64_t)p.y * s->stride_y - s->pad_y;
	int64_t x = (int64_t)p.x * s->stride_x - s->pad_x;

	return y >= 0 && y + (int64_t)(s->kh - 1) * s->dilate_y < s->h && x >= 0 &&
		x + (int64_t)(s->kw - 1) * s->dilate_x < s->w;
}

void conv__row_pointers(const struct conv_shape *s, struct conv_pixel p, const float *in,
	uint32_t mr, const float *zeros, const float **table)
{
	const float *image = in + (size_t)p.n * s->h * s->w * s->c;

	if (!s->transposed && inside(s, p)) {
		size_t y = (size_t)((int64_t)p.y * s->stride_y - s->pad_y);
		size_t x = (size_t)((int64_t)p.x * s->stride_x - s->pad_x);
		const float *line = image + (y * s->w + x) * s->c;
		size_t step = (size_t)s->dilate_x * s->c;

		for (uint32_t ky = 0; ky < s->kh; ky++, line += (size_t)s->dilate_y * s->w * s->c)
			for (uint32_t kx = 0; kx < s->kw; kx++, table += mr)
				*table = line + kx * step;
		return;
	}
	for (uint32_t ky = 0; ky < s->kh; ky++) {
		int64_t y =
			source(s->transposed, p.y, ky, s->stride_y, s->dilate_y, s->pad_y, s->h);

		for (uint32_t kx = 0; kx < s->kw; kx++, table += mr) {
			int64_t x = source(
				s->transposed, p.x, kx, s->stride_x, s->dilate_x, s->pad_x, s->w);

			*table = y >= 0 && x >= 0 ? image + ((size_t)y * s->w + (size_t)x) * s->c
						  : zeros;
		}
	}
}
