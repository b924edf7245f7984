/* The queue of a model: order, priorities, what happens when time is over, limits. */
#include "../test.h"

#include "serve/queue.h"
#include "serve/runner.h"

static struct runner_job job(uint64_t priority, uint64_t timeout_us, uint64_t at)
{
	return (struct runner_job){.priority = priority, .timeout_us = timeout_us, .started_ns = at,
	                           .queued_ns = at};
}

TEST(serve_queue_is_first_in_first_out)
{
	struct queue q;
	struct queue_options o = {.levels = 0};
	struct runner_job a = job(2, 1, 0), b = job(1, 1, 0), *late;
	queue_init(&q, &o);
	assert_null(queue_take(&q, 9, &late));
	ASSERT_GOOD(queue_put(&q, &a));
	ASSERT_GOOD(queue_put(&q, &b));
	assert_ptr_equal(queue_take(&q, 1000000, &late), &a);
	assert_ptr_equal(queue_take(&q, 1000000, &late), &b);
	assert_null(late);
	assert_null(queue_take(&q, 9, &late));
	assert_int_equal(q.n, 0);
}

TEST(serve_queue_takes_the_highest_priority)
{
	struct queue q;
	struct queue_options o = {.levels = 3, .default_level = 2};
	struct runner_job low = job(3, 0, 0), none = job(0, 0, 0), wrong = job(9, 0, 0),
		high = job(1, 0, 0), *late;
	queue_init(&q, &o);
	ASSERT_GOOD(queue_put(&q, &low));
	ASSERT_GOOD(queue_put(&q, &none));
	ASSERT_GOOD(queue_put(&q, &wrong));
	ASSERT_GOOD(queue_put(&q, &high));
	assert_ptr_equal(queue_take(&q, 1, &late), &high);
	assert_ptr_equal(queue_take(&q, 1, &late), &none);
	assert_ptr_equal(queue_take(&q, 1, &late), &wrong);
	assert_ptr_equal(queue_take(&q, 1, &late), &low);
}

TEST(serve_queue_refuses_who_waited_too_long)
{
	struct queue q;
	struct queue_options o = {.policy = {{.timeout_us = 10, .may_override = true}}};
	/* deadlines at 10, 3 (its own), 10 (its own is longer), 15 microseconds */
	struct runner_job a = job(0, 0, 0), b = job(0, 3, 0), c = job(0, 50, 0), d = job(0, 0, 5000),
		*late;
	queue_init(&q, &o);
	ASSERT_GOOD(queue_put(&q, &a));
	ASSERT_GOOD(queue_put(&q, &b));
	ASSERT_GOOD(queue_put(&q, &c));
	ASSERT_GOOD(queue_put(&q, &d));
	assert_ptr_equal(queue_take(&q, 9999, &late), &a);
	assert_null(late);
	assert_ptr_equal(queue_take(&q, 10000, &late), &d);
	assert_ptr_equal(late, &c);
	assert_ptr_equal(late->next, &b);
	assert_null(late->next->next);
	assert_int_equal(q.n, 0);
}

TEST(serve_queue_delays_who_waited_too_long)
{
	struct queue q;
	struct queue_options o = {.policy = {{.timeout_us = 10, .delays = true}}};
	struct runner_job a = job(0, 1, 0), b = job(0, 0, 5000), *late;
	queue_init(&q, &o);
	ASSERT_GOOD(queue_put(&q, &a));
	ASSERT_GOOD(queue_put(&q, &b));
	assert_int_equal(a.deadline_ns, 10000);
	assert_true(queue_delays(&o, &a));
	assert_ptr_equal(queue_take(&q, 12000, &late), &b);
	assert_null(late);
	assert_ptr_equal(queue_take(&q, 12000, &late), &a);
	assert_int_equal(q.n, 0);
}

TEST(serve_queue_is_full_at_its_limit)
{
	struct queue q;
	struct queue_options o = {.levels = 2, .default_level = 1, .policy = {{.jobs_max = 2}}};
	struct runner_job a = job(1, 0, 0), b = a, c = a, other = job(2, 0, 0);
	static struct runner_job many[LIMIT_INFER_QUEUE];
	queue_init(&q, &o);
	ASSERT_GOOD(queue_put(&q, &a));
	ASSERT_GOOD(queue_put(&q, &b));
	ASSERT_FAILS(queue_put(&q, &c), UNAVAILABLE, "Exceeds maximum queue size");
	ASSERT_GOOD(queue_put(&q, &other));
	c.admitted = true;
	ASSERT_GOOD(queue_put(&q, &c));
	o = (struct queue_options){.levels = 0};
	queue_init(&q, &o);
	for (uint32_t i = 0; i < LIMIT_INFER_QUEUE; i++)
		ASSERT_GOOD(queue_put(&q, &many[i]));
	a.admitted = false;
	ASSERT_FAILS(queue_put(&q, &a), UNAVAILABLE, "Exceeds maximum queue size");
}
