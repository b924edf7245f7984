/* Element types, from the table include/nereid/dtype.def. */
#ifndef NEREID_BASE_DTYPE_H
#define NEREID_BASE_DTYPE_H

#include "base/span.h"

enum dtype {
#define X(name, onnx, size, wire, config) DTYPE_##name,
#include "nereid/dtype.def"
#undef X
	DTYPE_COUNT
};
size_t dtype_bytes(enum dtype t);                  /* 0 for BYTES and INVALID */
const char *dtype_wire(enum dtype t);              /* "FP32" */
const char *dtype_config(enum dtype t);            /* "TYPE_FP32" */
int dtype_onnx(enum dtype t);
enum dtype dtype_from_wire(struct str s);          /* INVALID when unknown */
enum dtype dtype_from_config(struct str s);
enum dtype dtype_from_onnx(int64_t id);

#endif
