/* Between the machine of the pickle reader and what it constructs. */
#ifndef NEREID_CODEC_PICKLE_PRIV_H
#define NEREID_CODEC_PICKLE_PRIV_H

#include "codec/pickle.h"

enum pickle_makes { PICKLE_MAKES_DICT, PICKLE_MAKES_TENSOR, PICKLE_MAKES_PARAMETER, PICKLE_MAKES_STORAGE };

/* UNSUPPORTED naming the global when it is not in pth.def. */
struct status pickle__name(struct str module, struct str name, struct pickle *out) MUST_CHECK;
/* A call of a name with its arguments, a tuple. */
struct status pickle__call(struct pickle callee, struct pickle args, struct arena *a, struct pickle *out) MUST_CHECK;
/* A persistent id ('storage', type, key, place, elements). */
struct status pickle__persistent(struct pickle id, struct arena *a, pickle_storage_fn *storage, void *ctx,
                                 struct pickle *out) MUST_CHECK;
/* The i-th item of a tuple, list or dict, when there is one and it is of this kind; else NULL. */
const struct pickle *pickle__item(struct pickle seq, uint32_t i, enum pickle_kind kind);
/* A sequence with room for n items and none in it; false: out of memory. */
bool pickle__seq(struct arena *a, enum pickle_kind kind, uint32_t n, struct pickle *out) MUST_CHECK;

#endif
