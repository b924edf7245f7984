/* What a configuration says about scheduling: checked, completed, and tied to the engine's
 * tensors. */
#ifndef NEREID_SERVE_SCHEDULING_H
#define NEREID_SERVE_SCHEDULING_H

#include "serve/model.h"

/* A tensor that tells the model where in a sequence a request stands. */
struct sequence_control {
	int32_t kind;                        /* of enum mc_control_kind */
	uint32_t input, rank;                /* in the engine's model */
	enum dtype dtype;
	uint8_t off[4], on[4];               /* its value for false and true; unused for CORRID */
};
/* A tensor that a model gives out and gets back with the next request of the sequence. */
struct sequence_state {
	uint32_t input, output;              /* in the engine's model */
	struct tensor initial;               /* data in the arena of the model */
};
struct sequence_plan {
	struct sequence_control *controls;
	struct sequence_state *states;
	uint32_t n_controls, n_states;
	uint32_t slots;                      /* sequences that run at once */
	uint64_t idle_ns;                    /* after which a sequence ends by itself */
};

/* Dynamic and sequence batching, in Triton's words, before anything is opened. */
struct status scheduling_check(struct served *m) MUST_CHECK;
/* Fills in what Triton's core fills in, once the batch size is known. */
struct status scheduling_defaults(struct served *m) MUST_CHECK;
/* Of m's configuration: how requests wait. */
struct status scheduling_queue(const struct served *m, struct queue_options *out) MUST_CHECK;
/* Makes m->sequence where the configuration asks for sequences. */
struct status scheduling_sequence(struct served *m, const struct model *engine) MUST_CHECK;

#endif
