/* The tactic of transposed convolutions: strides that divide filters or not, filters smaller than
 * the stride, dilation, padding, groups, channels around vector widths, images and threads. */
#include "unit/backend/cpu/conv_test.h"

TEST(conv_phases_shapes)
{
	static const struct conv_shape shapes[] = {
		{5, 4, 6, 10, 8, 9, 2, 2, 2, 2, 1, 1, 0, 0, 1, false, true},
		{7, 5, 8, 13, 9, 4, 3, 3, 2, 2, 1, 1, 1, 1, 2, false, true},
		{4, 6, 3, 12, 10, 33, 4, 3, 3, 2, 1, 1, 1, 2, 1, false, true},
		{4, 6, 17, 11, 17, 32, 3, 3, 2, 3, 2, 1, 1, 0, 1, false, true},
		{3, 3, 5, 10, 10, 7, 2, 2, 4, 4, 1, 1, 0, 0, 1, false, true},
		{1, 9, 4, 1, 20, 70, 1, 5, 1, 2, 1, 2, 0, 3, 1, false, true},
		{6, 40, 12, 6, 80, 15, 1, 2, 1, 2, 1, 1, 0, 0, 3, false, true},
	};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
			struct act act = {(enum ir_act)(i % ACT_COUNT), 0.125f, 1.5f};

			conv_test_check(
				&shapes[i], CONV_PHASES, 1 + i % 2, 1 + i % 3, i & 1, act, 2e-5);
			conv_test_check(&shapes[i], CONV_DIRECT, 1, 1, i & 1, act, 2e-5);
		}
	}
}

TEST(conv_phases_fits)
{
	struct conv_shape s = {5, 4, 6, 10, 8, 9, 2, 2, 2, 2, 1, 1, 0, 0, 1, false, true};

	assert_true(conv_fits(&s, CONV_PHASES));
	assert_int_equal(conv_guess(&s), CONV_PHASES);
	s.transposed = false;
	assert_false(conv_fits(&s, CONV_PHASES));
	s.transposed = true;
	s.stride_x = s.stride_y = 1;
	assert_false(conv_fits(&s, CONV_PHASES));
}
