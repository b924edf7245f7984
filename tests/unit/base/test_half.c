/* fp16 and bf16: every one of the 65536 values, and every midpoint between neighbours. */
#include "unit/test.h"

#include "base/half.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The value of an fp16 by its definition. */
static float meaning(uint32_t h)
{
	int exponent = h >> 10 & 31;
	float mantissa = (float)(h & 1023), f;
	if (exponent == 31)
		f = mantissa != 0 ? NAN : INFINITY;
	else
		f = exponent ? ldexpf(1024 + mantissa, exponent - 25) : ldexpf(mantissa, -24);
	return h & 0x8000 ? -f : f;
}

static bool same(float a, float b)
{
	return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

TEST(every_half)
{
	for (uint32_t h = 0; h < 65536; h++) {
		float f = half_to_f32((uint16_t)h);
		assert_true(same(f, meaning(h)));
		uint16_t back = half_from_f32(f);
		if (isnan(f))
			assert_true((back & 0x7c00) == 0x7c00 && (back & 0x3ff) &&
			            (back & 0x8000) == (h & 0x8000));
		else
			assert_int_equal(back, h);
	}
}

TEST(every_midpoint_of_half)
{
	for (uint32_t h = 0; h < 0x7bff; h++) {
		float low = meaning(h), high = meaning(h + 1), middle = (low + high) / 2;
		uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);
		assert_int_equal(half_from_f32(middle), even);
		assert_int_equal(half_from_f32(-middle), even | 0x8000);
		assert_int_equal(half_from_f32(nextafterf(middle, 0)), h);
		assert_int_equal(half_from_f32(nextafterf(middle, INFINITY)), h + 1);
	}
}

TEST(ends_of_half)
{
	assert_int_equal(half_from_f32(65504), 0x7bff);
	assert_int_equal(half_from_f32(nextafterf(65520, 0)), 0x7bff);
	assert_int_equal(half_from_f32(65520), 0x7c00);
	assert_int_equal(half_from_f32(1e30f), 0x7c00);
	assert_int_equal(half_from_f32(-INFINITY), 0xfc00);
	assert_int_equal(half_from_f32(0x1p-25f), 0);
	assert_int_equal(half_from_f32(nextafterf(0x1p-25f, 1)), 1);
	assert_int_equal(half_from_f32(-1e-30f), 0x8000);
	assert_int_equal(half_from_f32(1e-45f), 0);
}

TEST(every_bf16)
{
	for (uint32_t b = 0; b < 65536; b++) {
		float f = bf16_to_f32((uint16_t)b);
		uint32_t bits;
		memcpy(&bits, &f, sizeof bits);
		uint16_t back = bf16_from_f32(f);
		if (isnan(f)) {
			assert_true((back & 0x7f80) == 0x7f80 && (back & 0x7f));
			continue;
		}
		assert_int_equal(bits, b << 16);
		assert_int_equal(back, b);
		if (!isfinite(f))
			continue;
		for (uint32_t low = 0x7fff; low <= 0x8001; low++) {
			uint32_t more = b << 16 | low;
			float g;
			memcpy(&g, &more, sizeof g);
			assert_int_equal(bf16_from_f32(g), b + (low > 0x8000 || (low == 0x8000 && b & 1)));
		}
	}
}
