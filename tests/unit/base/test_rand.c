/* Random numbers: the generator's published outputs, ranges,
 * and rough statistics from fixed seeds. */
#include "unit/test.h"

#include "base/rand.h"
#include "unit/base/dies.h"

#include <math.h>

TEST(published_outputs)
{
	/* of xoshiro256** from the state 1, 2, 3, 4 */
	static const uint64_t want[] = {11520u, 0u, 1509978240u, 1215971899390074240u,
	                                1216172134540287360u};
	struct rand r = {{1, 2, 3, 4}};
	for (int i = 0; i < 5; i++)
		assert_true(rand_u64(&r) == want[i]);
	/* of splitmix64 from 0 */
	static const uint64_t seeded[] = {0xe220a8397b1dcdafu, 0x6e789e6aa1b965f4u, 0x06c45d188009454fu,
	                                  0xf88bb8a8724c81ecu};
	rand_seed(&r, 0);
	assert_memory_equal(r.s, seeded, sizeof seeded);
}

TEST(ranges)
{
	struct rand r;
	uint32_t seen[7] = {0};
	rand_seed(&r, 1);
	for (int i = 0; i < 70000; i++)
		seen[rand_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 9500, 10500);
	assert_int_equal(rand_below(&r, 1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(rand_below(&r, UINT64_MAX) < UINT64_MAX);
	double sum = 0;
	for (int i = 0; i < 10000; i++) {
		double x = rand_f64(&r);
		assert_true(x >= 0 && x < 1);
		sum += x;
		float f = rand_f32(&r, -2, 3);
		assert_true(f >= -2 && f <= 3);
	}
	assert_true(fabs(sum / 10000 - 0.5) < 0.02);
}

TEST(normal)
{
	struct rand r;
	double sum = 0, squares = 0;
	rand_seed(&r, 2);
	for (int i = 0; i < 100000; i++) {
		double x = rand_normal(&r);
		sum += x;
		squares += x * x;
	}
	assert_true(fabs(sum / 100000) < 0.02);
	assert_true(fabs(squares / 100000 - 1) < 0.03);
}

TEST(same_seed_same_stream)
{
	struct rand a, b, c;
	rand_seed(&a, 5);
	rand_seed(&b, 5);
	rand_seed(&c, 6);
	bool differs = false;
	for (int i = 0; i < 100; i++) {
		uint64_t x = rand_u64(&a);
		assert_true(x == rand_u64(&b));
		differs |= x != rand_u64(&c);
	}
	assert_true(differs);
}

static void below_none(void)
{
	struct rand r;
	rand_seed(&r, 1);
	rand_below(&r, 0);
}

TEST(system_and_misuse)
{
	uint8_t a[300] = {0}, b[300] = {0};
	rand_system(a, sizeof a);
	rand_system(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_true(dies(below_none, "n > 0"));
}
