/* Statistics: durations land in the bucket of their bound, and shards are summed. */
#include "../test.h"

#include "serve/stats.h"

#include <string.h>

enum { MS = 1000000 };

static void success_of(struct stats *s, uint32_t shard, int64_t batch, uint64_t total_ns)
{
	stats_success(s, shard, batch, &(struct stats_times){.total = total_ns}, 1);
}

TEST(serve_stats_put_a_duration_at_its_bound_and_one_past_it)
{
	static const uint64_t bounds[STATS_BOUNDS] = {
#define X(ns, text) ns,
#include "tables/buckets.def"
#undef X
	};
	struct stats s;
	struct stats_sum sum;
	ASSERT_GOOD(stats_init(&s, 1));
	for (int i = 0; i < STATS_BOUNDS; i++) {
		assert_true(!i || bounds[i] > bounds[i - 1]);
		success_of(&s, 0, 1, bounds[i]);
		success_of(&s, 0, 1, bounds[i] + 1);
	}
	stats_read(&s, &sum);
	assert_int_equal(sum.buckets[HISTOGRAM_REQUEST][0], 1);
	for (int i = 1; i < STATS_BOUNDS; i++)
		assert_int_equal(sum.buckets[HISTOGRAM_REQUEST][i], 2);
	assert_int_equal(sum.buckets[HISTOGRAM_REQUEST][STATS_BOUNDS], 1);
	assert_int_equal(sum.buckets[HISTOGRAM_QUEUE][0], 2 * STATS_BOUNDS);
	stats_release(&s);
}

TEST(serve_stats_sum_their_shards)
{
	struct stats s;
	struct stats_sum sum;
	ASSERT_GOOD(stats_init(&s, 2));
	success_of(&s, 0, 4, 3 * MS);
	success_of(&s, 1, 8, 300 * MS);
	stats_failure(&s, 1, FAILURE_REJECTED, 5 * MS);
	stats_read(&s, &sum);
	assert_int_equal(sum.success.count, 2);
	assert_int_equal(sum.success.ns, 303 * MS);
	assert_int_equal(sum.inferences, 12);
	assert_int_equal(sum.failures[FAILURE_REJECTED], 1);
	assert_int_equal(sum.fail.count, 1);
	assert_int_equal(sum.batch[4].infer.count, 1);
	assert_int_equal(sum.batch[8].infer.count, 1);
	uint64_t requests = 0;
	for (int i = 0; i <= STATS_BOUNDS; i++)
		requests += sum.buckets[HISTOGRAM_REQUEST][i];
	assert_int_equal(requests, 2);
	stats_release(&s);
}

TEST(serve_stats_count_batches_past_the_largest_only_in_the_whole)
{
	struct stats s;
	struct stats_sum sum;
	ASSERT_GOOD(stats_init(&s, 1));
	success_of(&s, 0, STATS_BATCH_MAX, MS);
	success_of(&s, 0, STATS_BATCH_MAX + 1, MS);
	stats_read(&s, &sum);
	assert_int_equal(sum.batch[STATS_BATCH_MAX].infer.count, 1);
	assert_int_equal(sum.executions, 2);
	assert_int_equal(sum.inferences, 2 * STATS_BATCH_MAX + 1);
	stats_release(&s);
}

TEST(serve_stats_of_first_responses)
{
	struct stats s;
	struct stats_sum sum;
	ASSERT_GOOD(stats_init(&s, 1));
	success_of(&s, 0, 1, (uint64_t)100 * MS + 999999);   /* counted in whole ms */
	success_of(&s, 0, 1, (uint64_t)101 * MS);
	success_of(&s, 0, 1, (uint64_t)5001 * MS);
	stats_read(&s, &sum);
	assert_int_equal(sum.first[0], 1);
	assert_int_equal(sum.first[1], 1);
	assert_int_equal(sum.first[4], 1);
	assert_int_equal(sum.first_ms, 5202);
	static double many[STATS_FIRST_MAX + 1];
	for (int i = 0; i <= STATS_FIRST_MAX; i++)
		many[i] = i;
	ASSERT_GOOD(stats_first_bounds(&s, many, STATS_FIRST_MAX));
	assert_int_equal(s.n_first, STATS_FIRST_MAX);
	ASSERT_FAILS(stats_first_bounds(&s, many, STATS_FIRST_MAX + 1), LIMIT, "1 to 32 bounds");
	ASSERT_FAILS(stats_first_bounds(&s, many, 0), LIMIT, "not 0");
	ASSERT_FAILS(stats_first_bounds(&s, (const double[]){2, 1}, 2), INVALID_ARG, "number 2 is 1");
	stats_release(&s);
}

TEST(serve_stats_keep_summaries_where_they_are_asked_for)
{
	struct stats s;
	static struct summary_view v;
	ASSERT_GOOD(stats_init(&s, 2));
	success_of(&s, 0, 1, 5 * MS);
	stats_summary(&s, SUMMARY_REQUEST, 1, &v);
	assert_int_equal(v.n, 0);
	stats_release(&s);
	stats_keep_summaries(true);
	ASSERT_GOOD(stats_init(&s, 2));
	success_of(&s, 0, 1, 5 * MS);
	success_of(&s, 1, 1, 5 * MS);
	stats_summary(&s, SUMMARY_REQUEST, 1, &v);
	assert_int_equal(v.n, 2);
	stats_release(&s);
	stats_keep_summaries(false);
}
