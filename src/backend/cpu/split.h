/* How a driver cuts its work into tasks for the pool: small integers, no state. */
#ifndef NEREID_BACKEND_CPU_SPLIT_H
#define NEREID_BACKEND_CPU_SPLIT_H

#include <stddef.h>

#include "base/pool.h"

static inline size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }
static inline size_t round_up(size_t a, size_t b) { return ceil_div(a, b) * b; }
/* Where part i of `parts` begins in 0..n, as even as can be. */
static inline size_t part_begin(size_t n, size_t parts, size_t i)
{
	return n / parts * i + (n % parts) * i / parts;
}
/* Tasks worth making of `work` units (multiply-adds, or bytes moved times four): 1 when handing over costs more than it
 * saves; else a few for each thread, so that a thread that is disturbed does less. */
uint32_t split_tasks(const struct pool *p, double work);
/* pool_run, without the pool where there is one task. */
void split_run(struct pool *p, uint32_t n_tasks, pool_fn *fn, void *ctx);

#endif
