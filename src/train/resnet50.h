/* ResNet50 as torchvision defines it (He et al. 2015; stride in the 3x3 convolution, "v1.5"): graph and start values. */
#ifndef NEREID_TRAIN_RESNET50_H
#define NEREID_TRAIN_RESNET50_H

#include "base/rand.h"
#include "ir/ir.h"
#include "train/weights.h"

/* Fills w with random values that keep activations near one in size: good for speed and for comparing engines, with no meaning. */
struct status resnet50_random(struct weights *w, uint64_t seed) MUST_CHECK;
/* Builds the graph: `input` FP32 [batch,3,224,224], `output` FP32 [batch,1000]. Constants point into w, which must outlive g.
 * NOT_FOUND or INVALID_ARG naming the tensor of the checkpoint that is missing or has another shape. */
struct status resnet50_graph(struct ir_graph *g, struct weights *w) MUST_CHECK;

#endif
