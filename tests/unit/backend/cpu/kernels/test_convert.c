/* Conversions between fp32, fp16 and bf16 against base/half.h: every half value both ways, and
 * floats that round. */
#include "unit/backend/cpu/cpu_test.h"

#include "base/half.h"

enum { ALL = 65536 };

static int same(uint16_t got, uint16_t want, uint16_t exponent)
{
	int nan_got = (got & 0x7fff) > exponent, nan_want = (want & 0x7fff) > exponent;

	return nan_got || nan_want ? nan_got == nan_want : got == want;
}

TEST(convert_every_half)
{
	static uint16_t h[ALL], back[ALL];
	static float f[ALL];

	for (int i = 0; i < ALL; i++)
		h[i] = (uint16_t)i;
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		const struct kernels *k;

		if (!cpu_test_level(level))
			continue;
		k = kernels_now();
		k->f32_from_f16(h, f, ALL);
		k->f16_from_f32(f, back, ALL);
		for (int i = 0; i < ALL; i++) {
			float want = half_to_f32(h[i]);

			assert_true(isnan(want) ? isnan(f[i]) : memcmp(&f[i], &want, 4) == 0);
			assert_true(same(back[i], h[i], 0x7c00));
		}
		k->f32_from_bf16(h, f, ALL);
		k->bf16_from_f32(f, back, ALL);
		for (int i = 0; i < ALL; i++) {
			float want = bf16_to_f32(h[i]);

			assert_true(isnan(want) ? isnan(f[i]) : memcmp(&f[i], &want, 4) == 0);
			assert_true(same(back[i], h[i], 0x7f80));
		}
	}
}

TEST(convert_rounds)
{
	enum { N = 4099 };
	static float f[N];
	static uint16_t h[N], b[N];
	struct rand r;

	rand_seed(&r, 1);
	for (int i = 0; i < N; i++) {
		uint32_t bits = (uint32_t)rand_u64(&r);

		if (i % 3 == 0)   /* a tie of bf16, or near one */
			bits = (bits & 0xffff0000u) | 0x8000u | (bits & 1);
		if (i % 3 == 1)   /* within the range of fp16 */
			bits = (bits & 0x8fffffffu) | 0x30000000u;
		memcpy(&f[i], &bits, 4);
	}
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		kernels_now()->f16_from_f32(f, h, N);
		kernels_now()->bf16_from_f32(f, b, N);
		for (int i = 0; i < N; i++) {
			assert_true(same(h[i], half_from_f32(f[i]), 0x7c00));
			assert_true(same(b[i], bf16_from_f32(f[i]), 0x7f80));
		}
	}
}
