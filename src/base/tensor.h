/* A concrete tensor: shape and a pointer. It owns nothing. Row-major unless the user of it says channels-last. */
#ifndef NEREID_BASE_TENSOR_H
#define NEREID_BASE_TENSOR_H

#include "base/dtype.h"
#include "base/status.h"

enum { TENSOR_RANK_MAX = 8 };

struct tensor {
	enum dtype dtype;
	uint32_t rank;
	int64_t dims[TENSOR_RANK_MAX];   /* >= 0 */
	void *data;                      /* tensor_bytes() bytes. BYTES on the wire: 4-byte little-endian length and bytes, each */
	size_t bytes;                    /* length of data */
};

/* Product of the dims; false when negative or over INT64_MAX. Rank 0 has one element. */
bool tensor_elements(const struct tensor *t, int64_t *out);
/* "[1,3,224,224]" into text; always ends in NUL. */
char *tensor_shape_text(const int64_t *dims, uint32_t rank, char *text, size_t n);

#endif
