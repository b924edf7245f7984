/* How a driver cuts its work into tasks for the pool: small integers, no state. */
#ifndef NEREID_BACKEND_CPU_SPLIT_H
#define NEREID_BACKEND_CPU_SPLIT_H

#include <stddef.h>

#include "base/pool.h"

static inline size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }
static inline size_t round_up(size_t a, size_t b) { return ceil_div(a, b) * b; }
/* 0..n in `parts` parts as even as can be, the larger first; part i begins at cut_at(c, i).
 * Division happens once. */
struct cut { size_t each, larger; };
static inline struct cut cut_of(size_t n, size_t parts)
{
	return (struct cut){n / parts, n % parts};
}
static inline size_t cut_at(struct cut c, size_t i)
{
	return c.each * i + (i < c.larger ? i : c.larger);
}
static inline size_t part_begin(size_t n, size_t parts, size_t i)
{
	return cut_at(cut_of(n, parts), i);
}
/* Tasks worth making of `work` units (multiply-adds, or bytes moved times four): 1 when handing
 * over costs more than it saves; else a few for each thread, so that a thread that is disturbed
 * does less. */
uint32_t split_tasks(const struct pool *p, double work);
/* pool_run, without the pool where there is one task. */
void split_run(struct pool *p, uint32_t n_tasks, pool_fn *fn, void *ctx);

#endif
