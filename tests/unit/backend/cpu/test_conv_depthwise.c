/* The depthwise tactic: channels around vector widths, strides, dilation, borders, transposed,
 * images and threads. */
#include "unit/backend/cpu/conv_test.h"

TEST(conv_depthwise_shapes)
{
	static const uint32_t channels[] = {2, 3, 4, 5, 8, 15, 16, 17, 31, 33, 70};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
			uint32_t c = channels[i];
			struct conv_shape s = {
				9, 7, c, 9, 7, c, 3, 3, 1, 1, 1, 1, 1, 1, c, false, false};
			struct act act = {(enum ir_act)(i % ACT_COUNT), 0.125f, 1.5f};

			conv_test_check(&s, CONV_DEPTHWISE, 2, 2, i & 1, act, 1e-5);
			s = (struct conv_shape){
				10, 11, c, 4, 5, c, 5, 3, 2, 2, 1, 2, 1, 1, c, false, false};
			conv_test_check(&s, CONV_DEPTHWISE, 1, 1, i & 1, act, 1e-5);
			s = (struct conv_shape){
				5, 4, c, 10, 8, c, 2, 2, 2, 2, 1, 1, 0, 0, c, false, true};
			conv_test_check(&s, CONV_DEPTHWISE, 1, 1, 0, act, 1e-5);
		}
	}
}

/* More channels than a strip, more pixels than a chunk. */
TEST(conv_depthwise_strips)
{
	struct conv_shape s = {13, 12, 301, 13, 12, 301, 3, 3, 1, 1, 1, 1, 1, 1, 301, false, false};

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		if (cpu_test_level(level))
			for (int kind = 0; kind < 4; kind++)
				conv_test_check(&s, CONV_DEPTHWISE, 1, 1 + kind % 2, kind & 1,
					(struct act){kind & 2 ? ACT_GELU : ACT_RELU, 0, 0}, 1e-5);
}

TEST(conv_depthwise_is_the_guess)
{
	struct conv_shape s = {9, 7, 8, 9, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 8, false, false};

	assert_int_equal(conv_guess(&s), CONV_DEPTHWISE);
	s.group = 4;
	assert_false(conv_fits(&s, CONV_DEPTHWISE));
	assert_int_equal(conv_guess(&s), CONV_DIRECT);
}
