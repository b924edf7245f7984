/* The tactics of conv.c, one file each. Same contracts as conv.h. */
#ifndef NEREID_BACKEND_CPU_CONV_PRIV_H
#define NEREID_BACKEND_CPU_CONV_PRIV_H

#include "backend/cpu/conv.h"

/* Output pixels in memory order: the rows of the tactics that reduce over taps. */
struct conv_pixel { uint32_t n, y, x; };
struct conv_pixel conv__pixel_of(const struct conv_shape *s, size_t row);
void conv__pixel_next(const struct conv_shape *s, struct conv_pixel *p);
/* For each tap of pixel p, the address of the input pixel that it reads, or `zeros`; in steps of mr
 * in table. `in` is that of the first channel wanted. */
void conv__row_pointers(const struct conv_shape *s, struct conv_pixel p, const float *in,
	uint32_t mr, const float *zeros, const float **table);

/* What the two tactics of Winograd share. Output tiles of CONV_TILE x CONV_TILE pixels, counted
 * through all images: how many an image has; the first pixel of tile i; and the input of tiles
 * first..first+n-1 at the 36 points, to v[point * v_step + tile * c]. zeros: c floats. */
enum { CONV_TILE = 4 };
bool conv__winograd_fits(const struct conv_shape *s);
size_t conv__winograd_tiles(const struct conv_shape *s);
struct conv_pixel conv__winograd_tile(const struct conv_shape *s, size_t i);
void conv__winograd_in(const struct conv_shape *s, const float *in, const float *zeros,
	size_t first, size_t n, float *v, size_t v_step);

struct conv_tactic_fns {
	bool (*fits)(const struct conv_shape *s);
	size_t (*pack_bytes)(const struct conv_shape *s);
	void (*pack)(const struct conv_shape *s, const float *weight, float *packed);
	size_t (*scratch_bytes)(const struct conv_shape *s, uint32_t threads);
	void (*run)(const struct conv_shape *s, const struct conv_args *a);
};
extern const struct conv_tactic_fns conv__direct, conv__depthwise, conv__winograd, conv__phases,
	conv__winograd_late;

#endif
