/* A pool of threads for one parallel loop at a time: the caller takes part, so pool_new(1) has no thread of its own.
 * Workers spin a short while (where there is more than one processor) and then sleep on a futex. No allocation after pool_new.
 * One caller at a time owns the pool. */
#ifndef NEREID_BASE_POOL_H
#define NEREID_BASE_POOL_H

#include "base/status.h"
#include <stdint.h>

struct pool;
/* Called for each task 0..n_tasks-1, once each, on any thread; thread: 0..pool_threads-1, of use for scratch. */
typedef void pool_fn(void *ctx, uint32_t task, uint32_t thread);

struct status pool_new(uint32_t threads, struct pool **out) MUST_CHECK;   /* threads 1..POOL_THREADS_MAX */
void pool_free(struct pool *p);                                          /* NULL is fine */
uint32_t pool_threads(const struct pool *p);
/* Tasks are claimed in order from one atomic counter. Returns when all are done; memory effects are then visible. */
void pool_run(struct pool *p, uint32_t n_tasks, pool_fn *fn, void *ctx);
/* Processors that this process may use: affinity and the cgroup's cpu quota (v1 and v2), rounded up, at least 1. */
uint32_t pool_usable_cpus(void);

enum { POOL_THREADS_MAX = 256 };

#endif
