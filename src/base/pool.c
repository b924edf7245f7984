/* A fork-join pool: the caller publishes one loop, everybody claims tasks from one counter, the
 * caller waits for the last.
 *
 * A loop is published by bumping `round`, a futex that idle workers sleep on after a short
 * spin; it is odd while a loop is open. A worker adds itself to `inside`, looks at `round` again,
 * and only then reads the loop's fields and claims tasks; the caller closes the round, then waits
 * until nobody is inside. So a worker that slept through a loop cannot claim from the next by
 * mistake, and the fields may be reused. Nothing here allocates after pool_new. There is no lock;
 * docs/internals/threads.md lists the design.
 */
#include "base/pool.h"

#include "base/cgroup.h"
#include "base/mem.h"
#include "base/panic.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 4000 };

struct worker { struct pool *pool; uint32_t index; pthread_t thread; };

struct pool {
	uint32_t threads, spins;
	_Alignas(64) _Atomic uint32_t round;   /* futex; odd while a loop is open */
	_Atomic uint32_t asleep;               /* workers in futex wait on round */
	_Atomic bool stop;
	_Alignas(64) _Atomic uint32_t next;    /* task to claim */
	_Alignas(64) _Atomic uint32_t inside;  /* workers between enter and leave */
	_Atomic uint32_t waiting;              /* the caller sleeps on inside */
	uint32_t n_tasks;
	pool_fn *fn;
	void *ctx;
	struct worker workers[];
};

static void futex_wait(_Atomic uint32_t *at, uint32_t value)
{
	syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

static void futex_wake(_Atomic uint32_t *at, int n)
{
	syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, n, 0, 0, 0);
}

static inline void relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

static void work(struct pool *p, uint32_t thread)
{
	uint32_t n = p->n_tasks;
	for (;;) {
		uint32_t task = atomic_fetch_add(&p->next, 1);
		if (task >= n)
			return;
		p->fn(p->ctx, task, thread);
	}
}

/* Waits until round differs from seen; spins first. */
static uint32_t await_round(struct pool *p, uint32_t seen)
{
	for (uint32_t i = 0; i < p->spins; i++) {
		uint32_t now = atomic_load(&p->round);
		if (now != seen)
			return now;
		relax();
	}
	atomic_fetch_add(&p->asleep, 1);
	while (atomic_load(&p->round) == seen)
		futex_wait(&p->round, seen);
	atomic_fetch_sub(&p->asleep, 1);
	return atomic_load(&p->round);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	uint32_t seen = 0;
	for (;;) {
		seen = await_round(p, seen);
		if (atomic_load(&p->stop))
			return 0;
		if (!(seen & 1))
			continue;
		/* inside is raised first, then the round is looked at again: the caller closes
		 * the round first, then looks at inside; so one of the two sees the other */
		atomic_fetch_add(&p->inside, 1);
		if (atomic_load(&p->round) == seen)
			work(p, w->index);
		if (atomic_fetch_sub(&p->inside, 1) == 1 && atomic_load(&p->waiting))
			futex_wake(&p->inside, 1);
	}
}

/* Starts workers up to the wanted number; fewer is a failure, and those started are stopped. */
static struct status start(struct pool *p, uint32_t threads)
{
	p->threads = 1;
	for (uint32_t i = 1; i < threads; i++) {
		struct worker *w = &p->workers[i];
		*w = (struct worker){p, i, 0};
		int e = pthread_create(&w->thread, 0, worker_main, w);
		if (e)
			return FAIL(UNAVAILABLE, "cannot start thread %u of %u: %s", i + 1, threads, strerror(e));
		p->threads++;
	}
	return STATUS_GOOD;
}

struct status pool_new(uint32_t threads, struct pool **out)
{
	if (threads < 1 || threads > POOL_THREADS_MAX)
		return FAIL(INVALID_ARG, "%u threads: give 1 to %d", threads, POOL_THREADS_MAX);
	size_t size = sizeof(struct pool) + threads * sizeof(struct worker);
	struct pool *p = mem_aligned(64, size);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for a pool of %u threads", threads);
	memset(p, 0, size);
	p->spins = pool_usable_cpus() >= threads ? SPINS : 0;
	struct status st = start(p, threads);
	if (st.code)
		pool_free(p);
	else
		*out = p;
	return st;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	atomic_fetch_add(&p->round, 2);
	futex_wake(&p->round, POOL_THREADS_MAX);
	for (uint32_t i = 1; i < p->threads; i++)
		pthread_join(p->workers[i].thread, 0);
	mem_free(p);
}

uint32_t pool_threads(const struct pool *p)
{
	return p->threads;
}

static void await_workers(struct pool *p)
{
	for (uint32_t i = 0; i < p->spins; i++) {
		if (!atomic_load(&p->inside))
			return;
		relax();
	}
	atomic_store(&p->waiting, 1);
	for (uint32_t n; (n = atomic_load(&p->inside)) != 0;)
		futex_wait(&p->inside, n);
	atomic_store(&p->waiting, 0);
}

void pool_run(struct pool *p, uint32_t n_tasks, pool_fn *fn, void *ctx)
{
	CHECK(fn && n_tasks < UINT32_MAX - POOL_THREADS_MAX);
	if (p->threads == 1 || n_tasks <= 1) {
		for (uint32_t i = 0; i < n_tasks; i++)
			fn(ctx, i, 0);
		return;
	}
	DCHECK(!(atomic_load(&p->round) & 1));
	p->fn = fn;
	p->ctx = ctx;
	p->n_tasks = n_tasks;
	atomic_store(&p->next, 0);
	atomic_fetch_add(&p->round, 1);
	if (atomic_load(&p->asleep))
		futex_wake(&p->round, (int)p->threads - 1);
	work(p, 0);
	atomic_fetch_add(&p->round, 1);
	await_workers(p);
}

uint32_t pool_usable_cpus(void)
{
	cpu_set_t set;
	long n = 1, limit = 0;
	double quota;
	if (cgroup_cpu("", &quota) && quota < POOL_THREADS_MAX)
		limit = (long)quota + ((double)(long)quota < quota);
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
	n = limit > 0 && limit < n ? limit : n;
	return (uint32_t)(n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : n);
}
