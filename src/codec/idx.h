/* IDX files, as MNIST comes in: unsigned bytes of 1 to 4 dimensions. Zero-copy. */
#ifndef NEREID_CODEC_IDX_H
#define NEREID_CODEC_IDX_H

#include "base/span.h"
#include "base/status.h"

struct idx { uint32_t rank, dims[4]; const uint8_t *data; };
/* data points into bytes. CORRUPT when the header or the length is wrong. */
struct status idx_read(struct span bytes, struct idx *out) MUST_CHECK;

#endif
