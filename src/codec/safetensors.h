/* Safetensors files: a JSON header and raw tensors. Reading is zero-copy. */
#ifndef NEREID_CODEC_SAFETENSORS_H
#define NEREID_CODEC_SAFETENSORS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/tensor.h"

struct named_tensor { struct str name; struct tensor tensor; };
/* Tensors in the order of the header; names in the arena or in bytes, data in bytes. CORRUPT names the tensor. */
struct status safetensors_read(struct span bytes, struct arena *a, struct named_tensor **out, uint32_t *n) MUST_CHECK;
/* The head for these tensors, whose bytes follow in this order without gaps. */
struct status safetensors_head(const struct named_tensor *t, uint32_t n, struct buf *out) MUST_CHECK;

#endif
