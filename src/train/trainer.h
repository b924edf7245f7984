/* The tutorial's training loop: shuffled epochs of mini-batches, then the accuracy on a test set. */
#ifndef NEREID_TRAIN_TRAINER_H
#define NEREID_TRAIN_TRAINER_H

#include "train/data.h"
#include "train/mlp.h"

struct train_options {
	uint32_t epochs, batch; /* the last batch of an epoch may be smaller */
	uint64_t seed;          /* decides start values and order; the same seed gives the same weights */
	struct adam_options adam;
};
#define TRAIN_DEFAULT ((struct train_options){1, 64, 0, ADAM_DEFAULT})

struct train_progress {
	uint32_t epoch, step, steps; /* epoch from 0; step 1..steps within it */
	double loss;                 /* mean over the epoch so far */
};
typedef void train_progress_fn(void *ctx, const struct train_progress *p);

/* Starts net from the seed and trains it. Memory for one epoch's order and one batch is taken once and
 * given back. progress may be NULL; it is called after each step. INVALID_ARG for options out of
 * range, INTERNAL when the loss stops being a number (the rate is then too high). */
struct status train_run(struct mlp *net, const struct dataset *d, struct train_options o,
                        struct pool *p, train_progress_fn *progress, void *ctx) MUST_CHECK;
/* Images whose largest logit is their label. */
struct status train_evaluate(struct mlp *net, const struct dataset *d, struct pool *p,
                             uint32_t *correct) MUST_CHECK;

#endif
