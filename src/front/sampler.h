/* Samples of what the machine and its GPUs do, taken by a thread of their own. */
#ifndef NEREID_FRONT_SAMPLER_H
#define NEREID_FRONT_SAMPLER_H

#include "serve/metrics.h"

struct sampler_options {
	bool machine, gpus;
	uint64_t interval_ms;                 /* figures are at most this old */
	const char *nvml;                     /* path of the driver's library; NULL: the usual one */
};
struct sampler_sample {
	struct machine_sample machine;
	uint32_t n_gpus;
	struct metrics_gpu gpus[NVML_GPUS_MAX];
};
struct sampler;
/* Starts the thread, which first tells in the log what there is to see. Copies o. */
struct status sampler_new(const struct sampler_options *o, struct sampler **out) MUST_CHECK;
/* The latest sample; before the first, nothing is known. Any thread; never waits for the driver. */
void sampler_look(struct sampler *s, struct sampler_sample *out);
/* Ends the thread. Where the driver holds it for seconds it is left behind. NULL is nothing. */
void sampler_free(struct sampler *s);

#endif
