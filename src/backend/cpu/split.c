/* How work is cut into tasks for the pool.
 *
 * One rule for all drivers, so that the cost of a hand-over is one number: work under SPLIT_MIN
 * stays on the calling thread, and no task is made smaller than SPLIT_TASK. Tasks are claimed one
 * by one, so four for each thread let a thread that the system disturbs do fewer of them. It does
 * not choose along which dimension to cut: drivers know. */
#include "backend/cpu/split.h"

enum { TASKS_PER_THREAD = 4 };
/* About 8 and 4 microseconds of one core's multiply-adds. */
static const double split_min = 600e3, split_task = 300e3;

uint32_t split_tasks(const struct pool *p, double work)
{
	double most = work / split_task;
	uint32_t tasks = pool_threads(p) * TASKS_PER_THREAD;

	if (pool_threads(p) == 1 || work < split_min)
		return 1;
	return most < tasks ? (uint32_t)most : tasks;
}

void split_run(struct pool *p, uint32_t n_tasks, pool_fn *fn, void *ctx)
{
	if (n_tasks == 1)
		fn(ctx, 0, 0);
	else if (n_tasks)
		pool_run(p, n_tasks, fn, ctx);
}
