/* One execution of a model with made-up inputs and room for its outputs, for words that measure. */
#ifndef NEREID_CLI_WORKLOAD_H
#define NEREID_CLI_WORKLOAD_H

#include "engine/engine.h"

struct workload {
	struct exec *exec;                              /* owned; one thread at a time */
	struct tensor in[MODEL_IO_MAX], out[MODEL_IO_MAX]; /* data owned */
	uint32_t n_in, n_out;
};
/* Inputs have the opt shapes of the profile where it names them (NULL or n 0: none), and else the
 * model's, with `batch` for what is dynamic. Numbers are random, from a fixed seed. On failure
 * release it too: it is set to empty first. The model must outlive it. */
struct status workload_init(struct workload *w, struct model *m, uint32_t threads,
                            const struct profile *shapes, int64_t batch) MUST_CHECK;
struct status workload_run(struct workload *w) MUST_CHECK;
void workload_release(struct workload *w);
/* The value below which `part` (0 to 1) of n sorted numbers lie; n > 0. */
uint64_t workload_part(const uint64_t *sorted, uint64_t n, double part);
void workload_sort(uint64_t *ns, uint64_t n);

#endif
