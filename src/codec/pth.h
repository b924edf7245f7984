/* PyTorch's .pth and .pt files: a zip file with a pickled state dict and raw storages. Reading
 * is zero-copy, as torch.save stores without packing. Nothing in the pickle is executed. */
#ifndef NEREID_CODEC_PTH_H
#define NEREID_CODEC_PTH_H

#include "codec/safetensors.h"

/* A zip file, or a bare pickle as torch.save wrote before version 1.6, which pth_read then
 * refuses with what to do. */
bool pth_is(struct span bytes);
/* The tensors of the state dict, or of the one under 'state_dict' or 'model', in its order;
 * other members of it are passed over. Names and data lie in bytes or in the arena. CORRUPT,
 * LIMIT, or UNSUPPORTED with what to do. */
struct status pth_read(struct span bytes, struct arena *a, struct named_tensor **out, uint32_t *n) MUST_CHECK;

#endif
