/* Executions of a model for requests: inline or on instance threads.
 *
 * A model whose estimated time is under INLINE_NS runs on the caller's thread, each caller with an
 * execution of its own, so nothing is shared; where the caller says so, jobs that it has at once
 * wait for each other and share runs (merge.c), each counted as if it had run alone. Any other
 * gets instance threads, which take jobs from one bounded queue under a lock that is held for a
 * few instructions; each instance has an execution whose pool shares out the usable processors.
 * Caller i counts in shard i of the statistics, guests in the shard behind them, instance i in the
 * one i behind that. Locks are listed in docs/internals/threads.md.
 */
#include "serve/runner.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/pool.h"
#include "serve/merge.h"

#include <errno.h>
#include <pthread.h>

/* IDLE_NS: after which an instance gives memory back. */
enum { INLINE_NS = 50000, IDLE_NS = 1000000000, INSTANCES_MAX = 64, CALLERS_MAX = 256 };

struct instance { struct runner *runner; struct exec *exec; pthread_t thread; uint32_t shard;
	bool started, trimmed; };

struct runner {
	struct model *model;
	struct stats *stats;
	struct serve_clock clock;
	bool is_inline;
	uint32_t n_callers, n_instances, guest_shard;
	struct exec *callers[CALLERS_MAX];          /* inline */
	struct merge *merges[CALLERS_MAX];          /* of each caller; NULL: its jobs never wait */
	struct exec *guest;                         /* inline, with its shard: of who holds guests */
	pthread_mutex_t guests;
	struct instance instances[INSTANCES_MAX];
	pthread_mutex_t lock;                       /* of the fields below */
	pthread_cond_t ready;
	struct queue queue;
	bool stopping;
};

static void fail_job(struct runner_job *j, struct status st)
{
	/* the message lies in a ring of this thread; another will read it */
	const char *text = arena_text(j->arena, str_from(st.msg));
	st.msg = text ? text : "the run failed, and there is no memory to say why";
	j->status = st;
}

static struct status run_job(struct exec *e, struct runner_job *j)
{
	uint32_t n;
	const struct model_io *io = model_outputs(exec_model(e), &n);
	TRY(exec_shapes(e, j->in, j->out));
	for (uint32_t i = 0; i < n; i++) {
		j->out[i].data = 0;
		if (!j->want[i])
			continue;
		const void *same = j->lasting ? exec_repeats(e, i, j->in) : 0;
		j->out[i].data = same ? (void *)(uintptr_t)same
			: arena_bytes(j->arena, j->out[i].bytes + 1, 64);
		if (!j->out[i].data)
			return FAIL(NO_MEMORY, "no memory for output '%.*s'", STR_ARG(io[i].name));
	}
	return exec_run(e, j->in, j->out);
}

static bool is_gone(const struct runner_job *j)
{
	return j->cancelled && atomic_load_explicit(j->cancelled, memory_order_relaxed);
}

/* Enters the outcome of a run that began at `begun` into j and the statistics. */
static void settle(struct runner *r, struct runner_job *j, struct status st, uint32_t shard,
                   uint64_t begun, uint64_t end)
{
	j->times.queue = begun - j->queued_ns;
	j->times.infer = end - begun;
	j->times.total = end - j->started_ns;
	if (st.code) {
		fail_job(j, st);
		stats_failure(r->stats, shard, st.code == STATUS_CANCELLED ? FAILURE_CANCELED
		                                                           : FAILURE_BACKEND,
		              j->times.total);
	} else {
		j->status = STATUS_GOOD;
		stats_success(r->stats, shard, j->batch, &j->times, r->clock.unix_ns() / 1000000);
	}
}

static void execute(struct runner *r, struct exec *e, struct runner_job *j, uint32_t shard,
                    uint64_t now)
{
	struct status st = is_gone(j) ? FAIL(CANCELLED, "Request Cancelled") : run_job(e, j);
	settle(r, j, st, shard, now, r->clock.now_ns());
}

/* Of a job that waited for too long. */
static void refuse(struct runner *r, struct runner_job *j, uint32_t shard, uint64_t now)
{
	j->times.total = now - j->started_ns;
	fail_job(j, FAIL(UNAVAILABLE, "Request timeout expired"));
	stats_failure(r->stats, shard, FAILURE_REJECTED, j->times.total);
}

/* Outside the lock: first those that come too late, then the one that runs (NULL: none). */
static void serve(struct instance *in, struct runner_job *late, struct runner_job *j)
{
	struct runner *r = in->runner;
	while (late) {
		struct runner_job *next = late->next;
		atomic_fetch_sub_explicit(&r->stats->pending, 1, memory_order_relaxed);
		refuse(r, late, in->shard, r->clock.now_ns());
		late->done(late);
		late = next;
	}
	if (!j)
		return;
	atomic_fetch_sub_explicit(&r->stats->pending, 1, memory_order_relaxed);
	execute(r, in->exec, j, in->shard, r->clock.now_ns());
	in->trimmed = false;
	j->done(j);
}

/* Waits for work, under the lock; the first wait in a row only so long. */
static void wait_for_work(struct instance *in)
{
	struct runner *r = in->runner;
	uint64_t until = r->clock.unix_ns() + IDLE_NS;
	struct timespec at = {(time_t)(until / 1000000000), (long)(until % 1000000000)};

	if (in->trimmed) {
		pthread_cond_wait(&r->ready, &r->lock);
	} else if (pthread_cond_timedwait(&r->ready, &r->lock, &at) == ETIMEDOUT) {
		in->trimmed = true;
		pthread_mutex_unlock(&r->lock);
		exec_trim(in->exec);
		pthread_mutex_lock(&r->lock);
	}
}

static void *instance_main(void *arg)
{
	struct instance *in = arg;
	struct runner *r = in->runner;
	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct runner_job *late, *j = queue_take(&r->queue, r->clock.now_ns(), &late);
		if (!j && !late && r->stopping)
			break;
		if (!j && !late) {
			wait_for_work(in);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		serve(in, late, j);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return 0;
}

static struct status start_instances(struct runner *r, const struct runner_options *o)
{
	uint32_t n = o->instances, threads = o->threads ? o->threads : pool_usable_cpus() / n;
	CHECK(n > 0 && n <= INSTANCES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct instance *in = &r->instances[i];
		in->runner = r;
		in->shard = o->callers + 1 + i;
		r->n_instances = i + 1;
		TRY(exec_new(r->model, threads ? threads : 1, &in->exec));
		if (pthread_create(&in->thread, 0, instance_main, in))
			return FAIL(UNAVAILABLE, "cannot start instance thread %u", i);
		in->started = true;
	}
	return STATUS_GOOD;
}

static struct status start_inline(struct runner *r, const struct runner_options *o)
{
	bool merges = model_merges(r->model);
	CHECK(o->callers <= CALLERS_MAX);
	r->n_callers = o->callers;
	for (uint32_t i = 0; i < o->callers; i++) {
		TRY(exec_new(r->model, 1, &r->callers[i]));
		if (merges)
			TRY(merge_new(r->callers[i], o->batch_max, &r->merges[i]));
	}
	return exec_new(r->model, 1, &r->guest);
}

struct status runner_new(const struct runner_options *o, struct runner **out)
{
	struct status st = STATUS_GOOD;
	struct runner *r = mem_zero(sizeof *r);

	if (!r)
		return FAIL(NO_MEMORY, "no memory for a runner");
	r->model = o->model;
	r->stats = o->stats;
	r->clock = o->clock;
	queue_init(&r->queue, &o->queue);
	pthread_mutex_init(&r->lock, 0);
	pthread_mutex_init(&r->guests, 0);
	pthread_cond_init(&r->ready, 0);
	r->is_inline = !o->queued && model_cost_ns(o->model) < INLINE_NS;
	r->guest_shard = o->callers;
	GO(stats_init(r->stats, o->callers + 1 + (r->is_inline ? 0 : o->instances)));
	GO(r->is_inline ? start_inline(r, o) : start_instances(r, o));
	*out = r;
	r = 0;
out:
	runner_free(r);
	return st;
}

static bool is_late(const struct runner *r, const struct runner_job *j, uint64_t now)
{
	return j->deadline_ns && j->deadline_ns <= now && !queue_delays(&r->queue.options, j);
}

/* On the thread of the caller, with an execution that nobody else uses meanwhile. */
static void run_here(struct runner *r, struct runner_job *j, uint64_t now)
{
	bool guest = j->thread == RUNNER_GUEST;
	CHECK(guest || j->thread < r->n_callers);
	uint32_t shard = guest ? r->guest_shard : j->thread;
	queue_set_deadline(&r->queue.options, j);
	if (guest)
		pthread_mutex_lock(&r->guests);
	if (is_late(r, j, now))
		refuse(r, j, shard, now);
	else
		execute(r, guest ? r->guest : r->callers[shard], j, shard, now);
	if (guest)
		pthread_mutex_unlock(&r->guests);
	j->done(j);
}

void runner_count_refusal(struct runner *r, const struct runner_job *j)
{
	bool guest = j->thread == RUNNER_GUEST;
	if (guest)
		pthread_mutex_lock(&r->guests);
	stats_failure(r->stats, guest ? r->guest_shard : j->thread, FAILURE_REJECTED, 0);
	if (guest)
		pthread_mutex_unlock(&r->guests);
}

bool runner_holds(const struct runner *r)
{
	return r && r->is_inline && r->merges[0];
}

/* The jobs from *list on that can share a run with the first, taken off it. */
static uint32_t group_of(struct runner *r, const struct merge *m, struct runner_job **list,
                         uint64_t now, struct runner_job **group)
{
	uint32_t n = 0;
	for (struct runner_job *j = *list; j && n < MERGE_JOBS_MAX; j = j->next) {
		queue_set_deadline(&r->queue.options, j);
		if (n && (is_gone(j) || is_late(r, j, now)))
			break;
		group[n++] = j;
		if (is_gone(j) || is_late(r, j, now))
			break; /* alone: it is refused, not run */
	}
	n = merge_count(m, group, n);
	*list = group[n - 1]->next;
	return n;
}

/* One run at a time, so that its answers are on their way while the next one is computed. */
void runner_flush(struct runner *r, uint32_t thread)
{
	struct runner_job *list, *group[MERGE_JOBS_MAX];
	CHECK(thread < r->n_callers && r->merges[thread]);
	struct merge *m = r->merges[thread];
	uint64_t now = r->clock.now_ns();
	list = merge_take(m);
	if (!list)
		return;
	uint32_t n = group_of(r, m, &list, now, group);
	if (n == 1) {
		run_here(r, group[0], now);
	} else {
		merge_run(m, group, n);
		uint64_t end = r->clock.now_ns();
		for (uint32_t i = 0; i < n; i++) {
			settle(r, group[i], group[i]->status, thread, now, end);
			group[i]->done(group[i]);
		}
	}
	if (list && merge_return(m, list))
		list->soon(list);
}

struct status runner_submit(struct runner *r, struct runner_job *j, uint64_t now)
{
	j->queued_ns = now;
	if (j->soon && runner_holds(r) && j->thread != RUNNER_GUEST) {
		CHECK(j->thread < r->n_callers);
		if (merge_hold(r->merges[j->thread], j))
			j->soon(j);
		return STATUS_GOOD;
	}
	if (r->is_inline) {
		run_here(r, j, now);
		return STATUS_GOOD;
	}
	atomic_fetch_add_explicit(&r->stats->pending, 1, memory_order_relaxed);
	pthread_mutex_lock(&r->lock);
	struct status st = r->stopping && !j->admitted ? FAIL(UNAVAILABLE, "the server is stopping")
		: queue_put(&r->queue, j);
	if (!st.code)
		pthread_cond_signal(&r->ready);
	pthread_mutex_unlock(&r->lock);
	if (!st.code)
		return STATUS_GOOD;
	atomic_fetch_sub_explicit(&r->stats->pending, 1, memory_order_relaxed);
	runner_count_refusal(r, j);
	return st;
}

void runner_free(struct runner *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_broadcast(&r->ready);
	pthread_mutex_unlock(&r->lock);
	for (uint32_t i = 0; i < r->n_instances; i++) {
		if (r->instances[i].started)
			pthread_join(r->instances[i].thread, 0);
		exec_free(r->instances[i].exec);
	}
	for (uint32_t i = 0; i < r->n_callers; i++) {
		merge_free(r->merges[i]);
		exec_free(r->callers[i]);
	}
	exec_free(r->guest);
	pthread_mutex_destroy(&r->guests);
	pthread_cond_destroy(&r->ready);
	pthread_mutex_destroy(&r->lock);
	mem_free(r);
}

bool runner_inline(const struct runner *r)
{
	return r && r->is_inline;
}
