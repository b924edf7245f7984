/* The tactics of conv.c, one file each. Same contracts as conv.h. */
#ifndef NEREID_BACKEND_CPU_CONV_PRIV_H
#define NEREID_BACKEND_CPU_CONV_PRIV_H

#include "backend/cpu/conv.h"

struct conv_tactic_fns {
	bool (*fits)(const struct conv_shape *s);
	size_t (*pack_bytes)(const struct conv_shape *s);
	void (*pack)(const struct conv_shape *s, const float *weight, float *packed);
	size_t (*scratch_bytes)(const struct conv_shape *s, uint32_t threads);
	void (*run)(const struct conv_shape *s, const struct conv_args *a);
};
extern const struct conv_tactic_fns conv__direct;

#endif
