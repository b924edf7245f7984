/* A set of named tensors: a checkpoint read from a file, or random start values. Names and
 * contents lie in the arena or in the mapped file; the set is dead after weights_release. */
#ifndef NEREID_TRAIN_WEIGHTS_H
#define NEREID_TRAIN_WEIGHTS_H

#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"
#include "base/tensor.h"

struct weights {
	struct arena arena;
	struct map by_name;   /* to struct tensor */
	struct file_map file;
	const char *path;     /* for errors; in the arena */
};

void weights_init(struct weights *w, const char *name);
/* A .safetensors file or a PyTorch .pth (zip) state dict, by content. */
struct status weights_open(struct weights *w, const char *path) MUST_CHECK;
void weights_release(struct weights *w);
/* Adds a tensor; data is kept, not copied. */
struct status weights_add(struct weights *w, struct str name, struct tensor t) MUST_CHECK;
/* The FP32 tensor of that name and shape (FP16 and BF16 are widened into the arena); the error
 * names file, tensor, and both shapes. */
struct status weights_get(struct weights *w, const char *name, uint32_t rank, const int64_t *dims,
                          const float **data) MUST_CHECK;
/* Any tensor of the set, or NULL. */
const struct tensor *weights_find(const struct weights *w, struct str name);

#endif
