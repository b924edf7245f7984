/* NumPy's .npy files, versions 1 to 3, little-endian and in C order. */
#ifndef NEREID_CODEC_NPY_H
#define NEREID_CODEC_NPY_H

#include "base/buf.h"
#include "base/span.h"
#include "base/tensor.h"

/* out points into bytes. CORRUPT, or UNSUPPORTED with what to do. */
struct status npy_read(struct span bytes, struct tensor *out) MUST_CHECK;
/* The header for a tensor, to be followed by its bytes. UNSUPPORTED for BYTES and BF16, which NumPy lacks. */
struct status npy_header(const struct tensor *t, struct buf *out) MUST_CHECK;

#endif
