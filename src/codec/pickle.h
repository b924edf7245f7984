/* Python's pickle, protocols 2 to 4, read as plain data: None, bool, int, float, str, tuple,
 * list, dict, and what the names of pth.def make. The reader is a stack machine without
 * recursion; it calls no Python and constructs nothing else. */
#ifndef NEREID_CODEC_PICKLE_H
#define NEREID_CODEC_PICKLE_H

#include "base/arena.h"
#include "base/tensor.h"

enum pickle_kind {
	PICKLE_NONE, PICKLE_BOOL, PICKLE_INT, PICKLE_FLOAT, PICKLE_STR, PICKLE_TUPLE, PICKLE_LIST, PICKLE_DICT, PICKLE_NAME,
	PICKLE_STORAGE, PICKLE_TENSOR,
};
struct pickle_name { const char *module, *name; int makes; enum dtype dtype; };
/* Content of a tensor before its view of it. */
struct pickle_storage { enum dtype dtype; struct span bytes; };
/* wrong: why the tensor cannot be used, told when it is asked for; its bytes are then not set. */
struct pickle_tensor { struct tensor t; const char *wrong; bool corrupt; };
struct pickle_seq { struct pickle *at; uint32_t n, cap; };   /* a dict: key, value, key, value */
struct pickle {
	enum pickle_kind kind;
	union {
		int64_t i;            /* BOOL, INT */
		double f;
		struct str s;         /* in the pickle */
		struct pickle_seq *seq;
		const struct pickle_name *name;
		struct pickle_storage *storage;
		struct pickle_tensor *tensor;
	};
};

/* Finds the bytes of the storage that the pickle calls key; `bytes` is what they must be. */
typedef struct status pickle_storage_fn(void *ctx, struct str key, size_t bytes, struct span *out);
/* CORRUPT and LIMIT tell the offset; UNSUPPORTED names what is refused. */
struct status pickle_read(struct span bytes, struct arena *a, pickle_storage_fn *storage, void *ctx,
                          struct pickle *out) MUST_CHECK;

#endif
