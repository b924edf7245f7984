/* Counters of one version of a model, in shards: each thread adds to a shard of its own, so
 * threads share no cache line on the way of a request; the statistics and metrics pages read
 * sums. */
#ifndef NEREID_SERVE_STATS_H
#define NEREID_SERVE_STATS_H

#include "base/status.h"
#include "serve/summary.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { STATS_BATCH_MAX = 256, STATS_FIRST_MAX = 32 };
/* Histograms of durations: numbers of requests up to each bound of tables/buckets.def (but over the
 * bound before it), and then those over the last. */
enum {
#define X(ns, text) + 1
	STATS_BOUNDS = 0
#include "tables/buckets.def"
#undef X
};
enum stats_histogram { HISTOGRAM_REQUEST, HISTOGRAM_QUEUE, HISTOGRAM_COMPUTE, HISTOGRAM_COUNT };
enum stats_failure { FAILURE_REJECTED, FAILURE_CANCELED, FAILURE_BACKEND, FAILURE_OTHER,
	FAILURE_COUNT };

/* Requests and their time. In a shard both are atomic 64-bit numbers with one writer. */
struct duration { uint64_t count, ns; };
struct stats_batch { struct duration input, infer, output; };
struct stats_sum {
	struct duration success, fail, queue, compute_input, compute_infer, compute_output;
	uint64_t failures[FAILURE_COUNT];
	uint64_t inferences, executions;
	uint64_t request_us, queue_us, input_us, infer_us, output_us;
	uint64_t last_ms;                          /* of a shard or, in a sum, the latest; Unix time */
	uint64_t buckets[HISTOGRAM_COUNT][STATS_BOUNDS + 1];
	/* Triton's histogram of first responses, in whole ms, with the bounds of struct stats */
	uint64_t first[STATS_FIRST_MAX + 1], first_ms;
	struct stats_batch batch[STATS_BATCH_MAX + 1];
};
struct stats_shard;
struct stats {
	struct stats_shard *shards;
	struct summary *summaries;                 /* one a shard; NULL: none are kept */
	uint32_t n_shards, n_first;
	double first_bounds[STATS_FIRST_MAX];      /* ms, rising; fixed before the first request */
	_Atomic int64_t pending;
};

/* Times of one request in ns. */
struct stats_times { uint64_t total, queue, input, infer, output; };

/* Whether statistics made from now on keep summaries; no at first. Before models are loaded. */
void stats_keep_summaries(bool keep);
struct status stats_init(struct stats *s, uint32_t shards) MUST_CHECK;
/* Other bounds for first responses than Triton's usual ones. Before the first request. */
struct status stats_first_bounds(struct stats *s, const double *ms, uint32_t n) MUST_CHECK;
void stats_release(struct stats *s);
/* By the thread that owns the shard. */
void stats_success(struct stats *s, uint32_t shard, int64_t batch, const struct stats_times *t,
                   uint64_t unix_ms);
void stats_failure(struct stats *s, uint32_t shard, enum stats_failure why, uint64_t total_ns);
/* Sums of all shards, from any thread. Counters are read one by one while requests go on: each is
 * right by itself. */
void stats_read(const struct stats *s, struct stats_sum *out);
/* The last minute of all shards; empty where no summaries are kept. */
void stats_summary(const struct stats *s, enum summary_kind kind, uint64_t unix_ms,
                   struct summary_view *out);

#endif
