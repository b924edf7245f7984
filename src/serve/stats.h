/* Counters of one version of a model: lock-free, added to by any thread, read by the statistics and metrics pages. */
#ifndef NEREID_SERVE_STATS_H
#define NEREID_SERVE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum { STATS_BATCH_MAX = 256 };
enum stats_failure { FAILURE_REJECTED, FAILURE_CANCELED, FAILURE_BACKEND, FAILURE_OTHER, FAILURE_COUNT };

struct duration { _Atomic uint64_t count, ns; };
struct stats {
	struct duration success, fail, queue, compute_input, compute_infer, compute_output;
	_Atomic uint64_t failures[FAILURE_COUNT];
	_Atomic uint64_t inferences, executions, last_ms, pending;
	_Atomic uint64_t request_us, queue_us, input_us, infer_us, output_us;
	struct { struct duration input, infer, output; } batch[STATS_BATCH_MAX + 1];
};
/* Times of one request in ns. */
struct stats_times { uint64_t total, queue, input, infer, output; };
void stats_success(struct stats *s, int64_t batch, const struct stats_times *t, uint64_t unix_ms);
void stats_failure(struct stats *s, enum stats_failure why, uint64_t total_ns);

#endif
