/* One inference request: checked against its model in Triton's words, then run. */
#ifndef NEREID_SERVE_INFER_H
#define NEREID_SERVE_INFER_H

#include "serve/model.h"
#include "serve/runner.h"

/* An input as the client sent it. */
struct infer_input {
	struct str name;
	enum dtype dtype;
	uint32_t rank;
	int64_t dims[TENSOR_RANK_MAX];
	void *data;                          /* bytes of it; aligned to an element */
	size_t bytes;
};

enum { SEQUENCE_TEXT_MAX = 128 };
/* The sequence that a request belongs to; id 0, or an empty text: none. */
struct infer_sequence {
	bool is_text;                        /* which of id and text counts */
	uint64_t id;
	struct str text;
	bool start, end;
};

/* A parameter that a client made up. */
enum infer_parameter_kind { PARAMETER_STRING, PARAMETER_INT, PARAMETER_BOOL, PARAMETER_DOUBLE };
struct infer_parameter {
	struct str name;
	enum infer_parameter_kind kind;
	struct str text;
	int64_t number;
	bool flag;
	double real;
};

struct sequence;
/* All of it lies in the request's arena. */
struct infer_request {
	struct served_version *version;
	struct str id;
	uint64_t priority;                   /* 0: the model's default; 1 is the highest */
	uint64_t timeout_us;                 /* 0: none */
	struct infer_sequence sequence;
	struct infer_parameter *parameters;  /* in the order in which they came */
	uint32_t n_parameters, cap_parameters;
	struct infer_input *inputs;          /* in the order in which they came */
	uint32_t n_inputs, cap_inputs;
	bool want_all;
	bool *want;                          /* by output of the configuration */
	uint32_t *classes;                   /* likewise: how many are asked for; 0: the tensor */
	struct infer_store *stores;          /* likewise: those in shared memory; NULL: none is */
	struct runner_job job;
	void *user;
	struct sequence *slot;               /* of a request whose model has sequences */
	void (*after)(struct runner_job *j); /* its job.done, which then is the sequencer's */
};
/* Empties r and gives it room. */
struct status infer_init(struct infer_request *r, struct served_version *v,
                         struct arena *a) MUST_CHECK;
/* The next input to fill in, counted; NULL at LIMIT_INFER_INPUTS or out of memory. */
struct infer_input *infer_add_input(struct infer_request *r);
/* The next parameter to fill in, counted; NULL at LIMIT_INFER_PARAMETERS or out of memory. */
struct infer_parameter *infer_add_parameter(struct infer_request *r);
/* Checks r and fills its job. INVALID_ARG in Triton's words; UNAVAILABLE. Reads data only of
 * BYTES tensors. */
struct status infer_check(struct infer_request *r) MUST_CHECK;
/* Names of outputs that the model does not have: the least is complained about, after all outputs
 * were read. */
struct infer_unknown { bool any; struct str least; };
void infer_add_unknown(struct infer_unknown *u, struct str name);
struct status infer_unknown(const struct infer_request *r,
                            const struct infer_unknown *u) MUST_CHECK;
/* Hands the job over; job.done is called unless this fails. */
struct status infer_start(struct infer_request *r, uint64_t now_ns) MUST_CHECK;
/* Output i of the configuration as clients see it, after the job: reshaped, or classified. */
struct status infer_output(const struct infer_request *r, uint32_t i,
                           struct tensor *out) MUST_CHECK;
/* Whether the reply names the request's sequence among its parameters, as those of ensembles
 * do. */
bool infer_tells_sequence(const struct infer_request *r);
/* The id, or what Triton writes where there is none. */
struct str infer_id_text(const struct infer_request *r);
/* "[request id: 42] " in front of a message: printf(INFER_ID_FORMAT "...",
 * STR_ARG(infer_id_text(r)), ...). */
#define INFER_ID_FORMAT "[request id: %.*s] "

#endif
