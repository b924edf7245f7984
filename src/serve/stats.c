/* Adding one request to a version's counters.
 *
 * Relaxed atomic additions: each counter is right by itself, and a reader that catches a request half-counted sees it whole a moment later. Microsecond counters add truncated microseconds,
 * as Triton's do. Nothing is ever reset while the version lives.
 */
#include "serve/stats.h"

#include "base/panic.h"

static void add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static void took(struct duration *d, uint64_t ns)
{
	add(&d->count, 1);
	add(&d->ns, ns);
}

void stats_success(struct stats *s, int64_t batch, const struct stats_times *t, uint64_t unix_ms)
{
	CHECK(batch >= 0);
	took(&s->success, t->total);
	took(&s->queue, t->queue);
	took(&s->compute_input, t->input);
	took(&s->compute_infer, t->infer);
	took(&s->compute_output, t->output);
	add(&s->inferences, batch > 0 ? (uint64_t)batch : 1);
	add(&s->executions, 1);
	atomic_store_explicit(&s->last_ms, unix_ms, memory_order_relaxed);
	add(&s->request_us, t->total / 1000);
	add(&s->queue_us, t->queue / 1000);
	add(&s->input_us, t->input / 1000);
	add(&s->infer_us, t->infer / 1000);
	add(&s->output_us, t->output / 1000);
	int64_t b = batch < 1 ? 1 : batch;
	if (b > STATS_BATCH_MAX)
		return;
	took(&s->batch[b].input, t->input);
	took(&s->batch[b].infer, t->infer);
	took(&s->batch[b].output, t->output);
}

void stats_failure(struct stats *s, enum stats_failure why, uint64_t total_ns)
{
	CHECK(why < FAILURE_COUNT);
	took(&s->fail, total_ns);
	add(&s->failures[why], 1);
}
