/* One inference request: checked against its model in Triton's words, then run. */
#ifndef NEREID_SERVE_INFER_H
#define NEREID_SERVE_INFER_H

#include "serve/model.h"
#include "serve/runner.h"

struct infer_input { struct str name; enum dtype dtype; uint32_t rank; int64_t dims[TENSOR_RANK_MAX]; void *data; size_t bytes; };
struct infer_request {
	struct served_version *version;
	struct str id;
	struct infer_input inputs[LIMIT_INFER_INPUTS];
	uint32_t n_inputs;
	bool want_all;
	bool want[MODEL_IO_MAX];             /* by output of the configuration */
	struct runner_job job;
	void *user;
};
/* Checks r and fills its job. INVALID_ARG in Triton's words; UNAVAILABLE. Reads data only of BYTES tensors. */
struct status infer_check(struct infer_request *r) MUST_CHECK;
/* Hands the job over; job.done is called unless this fails. */
struct status infer_start(struct infer_request *r, uint64_t now_ns) MUST_CHECK;
/* Shape of output i of the configuration as clients see it, after the job: dims and rank. */
void infer_output_shape(const struct infer_request *r, uint32_t i, struct tensor *out);

#endif
