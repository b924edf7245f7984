/* The MNIST perceptron as a graph, and as a checkpoint. */
#ifndef NEREID_TRAIN_MNIST_H
#define NEREID_TRAIN_MNIST_H

#include "ir/ir.h"
#include "train/mlp.h"
#include "train/weights.h"

/* Builds `input` FP32 [batch,1,28,28] -> Flatten, Gemm, Relu, Gemm -> `output` FP32 [batch,10] from fc1 and fc2 of the set, which must
 * outlive g. NOT_FOUND or INVALID_ARG naming the tensor. */
struct status mnist_graph(struct ir_graph *g, struct weights *w) MUST_CHECK;
/* Writes the net's parameters as safetensors: fc1.weight, fc1.bias, fc2.weight, fc2.bias. */
struct status mnist_save(const struct mlp *net, const char *path) MUST_CHECK;

#endif
