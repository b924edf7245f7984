/* Adding one request to a version's counters, and reading them.
 *
 * A shard has one writer, so adding is a relaxed load and store: no locked instruction, and no
 * thread waits for another's cache line. A reader that catches a request half-counted sees it
 * whole a moment later. The sum walks the shards as arrays of 64-bit numbers, which all counters
 * are; only last_ms is not added but compared. Microsecond counters add truncated microseconds,
 * as Triton's do. Nothing is ever reset while the version lives.
 */
#include "serve/stats.h"

#include "base/mem.h"
#include "base/panic.h"

#include <string.h>

enum { SHARD_ALIGN = 64, WORDS = sizeof(struct stats_sum) / sizeof(uint64_t) };
_Static_assert(sizeof(struct stats_sum) % sizeof(uint64_t) == 0, "all counters are 64-bit numbers");
#define LAST_WORD (offsetof(struct stats_sum, last_ms) / sizeof(uint64_t))

/* The same numbers as in a sum, each atomic. */
struct stats_shard { _Alignas(SHARD_ALIGN) _Atomic uint64_t word[WORDS]; };

/* Set while there is one thread. */
static bool keep_summaries;

void stats_keep_summaries(bool keep)
{
	keep_summaries = keep;
}

struct status stats_init(struct stats *s, uint32_t shards)
{
	CHECK(shards > 0);
	*s = (struct stats){.n_shards = shards, .n_first = 4, .first_bounds = {100, 500, 2000, 5000}};
	s->shards = mem_aligned(SHARD_ALIGN, shards * sizeof *s->shards);
	if (s->shards && keep_summaries)
		s->summaries = mem_zero(shards * sizeof *s->summaries);
	if (!s->shards || (keep_summaries && !s->summaries)) {
		stats_release(s);
		return FAIL(NO_MEMORY, "no memory for the counters of %u threads", shards);
	}
	memset(s->shards, 0, shards * sizeof *s->shards);
	return STATUS_GOOD;
}

struct status stats_first_bounds(struct stats *s, const double *ms, uint32_t n)
{
	if (!n || n > STATS_FIRST_MAX)
		return FAIL(LIMIT, "a histogram has 1 to %d bounds, not %u", STATS_FIRST_MAX, n);
	for (uint32_t i = 0; i < n; i++)
		if (!(i ? ms[i] > ms[i - 1] : ms[i] == ms[i]))
			return FAIL(INVALID_ARG, "the bounds of a histogram must rise: number %u is %g", i + 1,
			            ms[i]);
	memcpy(s->first_bounds, ms, n * sizeof *ms);
	s->n_first = n;
	return STATUS_GOOD;
}

void stats_release(struct stats *s)
{
	mem_free(s->shards);
	mem_free(s->summaries);
	*s = (struct stats){0};
}

#define WORD(field) (offsetof(struct stats_sum, field) / sizeof(uint64_t))

static void set(struct stats_shard *s, size_t word, uint64_t v)
{
	atomic_store_explicit(&s->word[word], v, memory_order_relaxed);
}

static void add(struct stats_shard *s, size_t word, uint64_t n)
{
	set(s, word, atomic_load_explicit(&s->word[word], memory_order_relaxed) + n);
}

/* A struct duration that begins at `word`. */
static void took(struct stats_shard *s, size_t word, uint64_t ns)
{
	add(s, word, 1);
	add(s, word + 1, ns);
}

/* Counts a duration in the bucket of the first bound that is not below it. */
static void observe(struct stats_shard *s, enum stats_histogram h, uint64_t ns)
{
	static const uint64_t bounds[STATS_BOUNDS] = {
#define X(ns, text) ns,
#include "tables/buckets.def"
#undef X
	};
	size_t i = 0;
	while (i < STATS_BOUNDS && ns > bounds[i])
		i++;
	add(s, WORD(buckets) + (size_t)h * (STATS_BOUNDS + 1) + i, 1);
}

/* Whole milliseconds, as Triton observes them. */
static void observe_first(struct stats_shard *s, const struct stats *stats, uint64_t ms)
{
	size_t i = 0;
	while (i < stats->n_first && (double)ms > stats->first_bounds[i])
		i++;
	add(s, WORD(first) + i, 1);
	add(s, WORD(first_ms), ms);
}

static void summarize(struct summary *s, const struct stats_times *t, uint64_t unix_ms)
{
	const uint64_t us[SUMMARY_KINDS] = {t->total / 1000, t->queue / 1000, t->input / 1000,
	                                    t->infer / 1000, t->output / 1000};
	summary_add(s, us, unix_ms);
}

void stats_success(struct stats *stats, uint32_t shard, int64_t batch, const struct stats_times *t,
                   uint64_t unix_ms)
{
	CHECK(batch >= 0 && shard < stats->n_shards);
	struct stats_shard *s = &stats->shards[shard];
	size_t b = batch < 1 ? 1 : (size_t)batch;
	took(s, WORD(success), t->total);
	took(s, WORD(queue), t->queue);
	took(s, WORD(compute_input), t->input);
	took(s, WORD(compute_infer), t->infer);
	took(s, WORD(compute_output), t->output);
	add(s, WORD(inferences), b);
	add(s, WORD(executions), 1);
	add(s, WORD(request_us), t->total / 1000);
	add(s, WORD(queue_us), t->queue / 1000);
	add(s, WORD(input_us), t->input / 1000);
	add(s, WORD(infer_us), t->infer / 1000);
	add(s, WORD(output_us), t->output / 1000);
	observe(s, HISTOGRAM_REQUEST, t->total);
	observe(s, HISTOGRAM_QUEUE, t->queue);
	observe(s, HISTOGRAM_COMPUTE, t->input + t->infer + t->output);
	observe_first(s, stats, t->total / 1000000);
	if (stats->summaries)
		summarize(&stats->summaries[shard], t, unix_ms);
	set(s, LAST_WORD, unix_ms);
	if (b > STATS_BATCH_MAX)
		return;
	size_t word = WORD(batch) + b * (sizeof(struct stats_batch) / sizeof(uint64_t));
	took(s, word, t->input);
	took(s, word + 2, t->infer);
	took(s, word + 4, t->output);
}

void stats_failure(struct stats *stats, uint32_t shard, enum stats_failure why, uint64_t total_ns)
{
	CHECK(why < FAILURE_COUNT && shard < stats->n_shards);
	took(&stats->shards[shard], WORD(fail), total_ns);
	add(&stats->shards[shard], WORD(failures) + why, 1);
}

void stats_read(const struct stats *stats, struct stats_sum *out)
{
	uint64_t *sum = (uint64_t *)(void *)out;
	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < stats->n_shards; i++)
		for (size_t k = 0; k < WORDS; k++) {
			uint64_t v = atomic_load_explicit(&stats->shards[i].word[k], memory_order_relaxed);
			if (k != LAST_WORD)
				sum[k] += v;
			else if (v > sum[k])
				sum[k] = v;
		}
}

void stats_summary(const struct stats *stats, enum summary_kind kind, uint64_t unix_ms,
                   struct summary_view *out)
{
	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; stats->summaries && i < stats->n_shards; i++)
		summary_collect(&stats->summaries[i], kind, unix_ms, out);
}
