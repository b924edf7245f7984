/* Summaries: quantiles of known durations, the minute that slides, and the largest and smallest. */
#include "../test.h"

#include "base/mem.h"
#include "serve/summary.h"

#include <math.h>
#include <string.h>

static struct summary *fresh(void)
{
	struct summary *s = mem_zero(sizeof *s);
	assert_non_null(s);
	return s;
}

static void add(struct summary *s, uint64_t us, uint64_t unix_ms)
{
	const uint64_t all[SUMMARY_KINDS] = {us, us / 2, 0, us, 7};
	summary_add(s, all, unix_ms);
}

static double quantile(const struct summary *s, enum summary_kind kind, uint64_t unix_ms, double q,
                       uint64_t *n)
{
	static struct summary_view v;
	memset(&v, 0, sizeof v);
	summary_collect(s, kind, unix_ms, &v);
	*n = v.n;
	return summary_quantile(&v, q);
}

TEST(serve_summary_finds_quantiles)
{
	const uint64_t now = 1700000000000u;
	struct summary *s = fresh();
	uint64_t n;
	assert_true(isnan(quantile(s, SUMMARY_REQUEST, now, 0.5, &n)) && n == 0);
	for (uint64_t us = 1; us <= 10000; us++)
		add(s, us, now);
	static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		double want = shares[i] * 10000, got = quantile(s, SUMMARY_REQUEST, now, shares[i], &n);
		assert_int_equal(n, 10000);
		assert_true(fabs(got - want) <= want / 64);
		got = quantile(s, SUMMARY_QUEUE, now, shares[i], &n);
		assert_true(fabs(got - floor(want / 2)) <= want / 128 + 0.5);
		assert_true(quantile(s, SUMMARY_INPUT, now, shares[i], &n) == 0);
		assert_true(quantile(s, SUMMARY_OUTPUT, now, shares[i], &n) == 7);
	}
	assert_true(quantile(s, SUMMARY_REQUEST, now, 0, &n) == 1);
	mem_free(s);
}

TEST(serve_summary_bins_hold_every_duration)
{
	struct summary *s = fresh();
	uint64_t n, now = 1;
	/* each alone, in a minute of its own, on both sides of each bin's edge */
	for (int bit = 0; bit < 36; bit++)
		for (int64_t off = -1; off <= 1; off++) {
			uint64_t us = ((uint64_t)1 << bit) + (uint64_t)off;
			now += 60000;
			add(s, us, now);
			double got = quantile(s, SUMMARY_REQUEST, now, 0.5, &n);
			assert_int_equal(n, 1);
			assert_true(fabs(got - (double)us) <= (double)us / 64);
		}
	now += 60000;
	add(s, UINT64_MAX, now);   /* past the last bin: in it */
	assert_true(quantile(s, SUMMARY_REQUEST, now, 1, &n) > 6.7e10);
	mem_free(s);
}

TEST(serve_summary_forgets_after_a_minute)
{
	const uint64_t start = (uint64_t)SUMMARY_SLOT_MS * 1000;
	struct summary *s = fresh();
	uint64_t n;
	add(s, 10, start);
	add(s, 50, start + 30000);
	assert_true(quantile(s, SUMMARY_REQUEST, start + 47999, 0.5, &n) == 10 && n == 2);
	quantile(s, SUMMARY_REQUEST, start + 59999, 0.5, &n);
	assert_int_equal(n, 2);
	assert_true(quantile(s, SUMMARY_REQUEST, start + 60000, 0.5, &n) == 50 && n == 1);
	assert_true(isnan(quantile(s, SUMMARY_REQUEST, start + 90000, 0.5, &n)) && n == 0);
	add(s, 20, start + 60000);   /* takes the place of the first */
	assert_true(quantile(s, SUMMARY_REQUEST, start + 60000, 0.5, &n) == 20 && n == 2);
	quantile(s, SUMMARY_REQUEST, start, 0.5, &n);   /* a clock that went back sees none of it */
	assert_int_equal(n, 0);
	mem_free(s);
}

TEST(serve_summary_of_threads_is_their_sum)
{
	static struct summary_view v;
	struct summary *a = fresh(), *b = fresh();
	add(a, 10, 5);
	add(b, 30, 5);
	add(b, 30, 5);
	summary_collect(a, SUMMARY_INFER, 5, &v);
	summary_collect(b, SUMMARY_INFER, 5, &v);
	assert_int_equal(v.n, 3);
	assert_true(summary_quantile(&v, 0.33) == 10);
	assert_true(summary_quantile(&v, 0.34) == 30);
	mem_free(a);
	mem_free(b);
}
