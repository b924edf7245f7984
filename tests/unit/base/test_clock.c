/* Time goes forward, and sleeping takes at least what was asked. */
#include "unit/test.h"

#include "base/clock.h"

TEST(forward)
{
	uint64_t last = clock_ns();
	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_ns();
		assert_true(now >= last);
		last = now;
	}
	assert_true(clock_unix_ns() > 1700000000ull * 1000000000u);
}

TEST(sleeping)
{
	uint64_t start = clock_ns();
	clock_sleep_ns(20 * 1000000u);
	uint64_t took = clock_ns() - start;
	assert_true(took >= 20 * 1000000u);
	clock_sleep_ns(0);
}
