/* The multilayer perceptron of the tutorial: in -> hidden, ReLU, hidden -> out; trained with cross-entropy and Adam.
 *
 * Weights are stored as PyTorch's Linear stores them: w[out][in]. One struct owns the parameters, their gradients and Adam's
 * moments. One thread owns an mlp; a step may use a pool, and its result does not depend on the number of threads. */
#ifndef NEREID_TRAIN_MLP_H
#define NEREID_TRAIN_MLP_H

#include "base/pool.h"
#include "base/rand.h"
#include "base/status.h"

#include <stddef.h>

enum { MLP_BATCH_MAX = 1024, MLP_HIDDEN_MAX = 8192, MLP_OUT_MAX = 64 };

struct mlp {
	uint32_t in, hidden, out;
	size_t n_params;
	float *params, *grads, *moment1, *moment2; /* n_params each: w1 b1 w2 b2; one allocation, owned */
	float *w1, *b1, *w2, *b2; /* [hidden][in], [hidden], [out][hidden], [out]: into params */
	uint32_t batch_max;
	float *h, *dh, *logits;   /* [batch_max][hidden] twice, [batch_max][out] */
	uint64_t steps;           /* taken by Adam */
};

struct adam_options { float rate, beta1, beta2, epsilon; };
#define ADAM_DEFAULT ((struct adam_options){1e-3f, 0.9f, 0.999f, 1e-8f})

/* INVALID_ARG when a size is 0 or over its limit; NO_MEMORY. Parameters are zero. */
struct status mlp_init(struct mlp *n, uint32_t in, uint32_t hidden, uint32_t out,
                       uint32_t batch_max) MUST_CHECK;
void mlp_release(struct mlp *n);
/* Starts afresh: Adam's moments are zero, and weights and biases come from U(-1/sqrt(in), 1/sqrt(in)),
 * PyTorch's default for Linear (Kaiming uniform with a = sqrt 5). */
void mlp_randomize(struct mlp *n, struct rand *r);
/* logits[batch][out] for x[batch][in]; they stay in n->logits. 1 <= batch <= batch_max. */
const float *mlp_forward(struct mlp *n, const float *x, uint32_t batch, struct pool *p);
/* Forward and backward: fills n->grads with the gradient of the mean cross-entropy and returns
 * that mean. labels[i] < out. */
double mlp_gradient(struct mlp *n, const float *x, const uint8_t *labels, uint32_t batch,
                    struct pool *p);
/* mlp_gradient and one step of Adam. */
double mlp_step(struct mlp *n, const float *x, const uint8_t *labels, uint32_t batch,
                struct adam_options o, struct pool *p);

#endif
