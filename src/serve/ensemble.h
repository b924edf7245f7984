/* Ensembles: models that are a graph of other models' requests. */
#ifndef NEREID_SERVE_ENSEMBLE_H
#define NEREID_SERVE_ENSEMBLE_H

#include "serve/infer.h"

#include <pthread.h>

/* An input or output of a step's model, and the tensor of the ensemble that it is. */
struct ensemble_map { struct str name; uint32_t tensor; };
struct ensemble_step {
	struct str model_name;
	int64_t version;                     /* or VERSION_LATEST */
	struct served *model;                /* once linked */
	struct ensemble_map *in, *out;
	uint32_t n_in, n_out;
};
/* What is known of a tensor: from whom, and how it looks there. */
struct ensemble_tensor {
	struct str name, from;
	bool batched, ready, used;
	const struct served_io *io;          /* NULL: not known yet */
};
/* In the arena of its model. Does not change once linked, but for what `lock` guards. */
struct ensemble {
	struct ensemble_step *steps;         /* each after those whose tensors it reads */
	uint32_t n_steps;
	struct ensemble_tensor *tensors;     /* first the inputs of the model, in its order */
	uint32_t n_tensors, cap_tensors;
	uint32_t *outputs;                   /* the tensor of each output of the model */
	struct serve_clock clock;
	uint32_t callers;                    /* shard of the counters of all other threads */
	pthread_mutex_t lock;                /* of that shard */
	uint32_t depth;                      /* 1, or over that of the ensembles in it */
	bool linked;
	uint32_t mark;                       /* of the search for circles */
};

/* Reads the graph of m's configuration into m->ensemble; m's inputs and outputs are known. */
struct status ensemble_build(struct served *m, const struct served_options *o) MUST_CHECK;
void ensemble_release(struct ensemble *e);          /* NULL is fine */
/* Links all ensembles among the models to those that they name. What is wrong with one is told in
 * its failure; the good ones become READY. */
void ensemble_link_all(struct served *const *models, uint32_t n,
                       struct served *(*find)(const void *ctx, struct str name), const void *ctx);
/* Runs the steps that the wanted outputs need, one after the other. r->job.done is called once, on
 * whichever thread ran the last of them. */
void ensemble_start(struct infer_request *r);

#endif
