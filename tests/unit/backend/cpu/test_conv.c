/* The choice among tactics; the tactics' own tests look at values. */
#include "unit/backend/cpu/conv_test.h"

TEST(conv_tactics_have_names)
{
	for (int t = 0; t < CONV_TACTIC_COUNT; t++)
		assert_true(strlen(conv_tactic_text((enum conv_tactic)t)) > 2);
}

/* Whatever the shape, the guess fits and computes. */
TEST(conv_guess_fits)
{
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t c = i & 1 ? 8 : 3, k = i & 2 ? 3 : 1, stride = i & 4 ? 2 : 1;
		struct conv_shape s = {12, 12, c, (12 - 1) / stride + 1, (12 - 1) / stride + 1, c,
			k, k, stride, stride, 1, 1, (int32_t)k / 2, (int32_t)k / 2, i & 8 ? c : 1,
			i & 16, false};

		assert_true(conv_fits(&s, conv_guess(&s)));
		conv_test_check(
			&s, conv_guess(&s), 1 + (i >> 5), 1, 1, (struct act){ACT_RELU, 0, 0}, 1e-4);
	}
}
