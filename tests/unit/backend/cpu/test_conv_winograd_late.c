/* The Winograd tactic: images that do not divide into tiles, padding, channels around vector
 * widths, blocks and threads in both ways of sharing work, and the size of its rounding error. */
#include "unit/backend/cpu/conv_test.h"

TEST(conv_winograd_late_shapes)
{
	static const uint32_t sizes[][2] = {{1, 1}, {4, 4}, {5, 3}, {7, 7}, {8, 9}, {14, 14}};
	static const uint32_t channels[][2] = {{1, 1}, {3, 5}, {16, 32}, {17, 33}, {40, 7}};

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (uint32_t i = 0; i < 6 * 5; i++) {
			uint32_t h = sizes[i % 6][0], w = sizes[i % 6][1], c = channels[i / 6][0],
				 o = channels[i / 6][1], pad = i % 3;
			struct conv_shape s = {h + 2, w + 2, c, h + 2 * pad, w + 2 * pad, o, 3, 3,
				1, 1, 1, 1, (int32_t)pad, (int32_t)pad, 1, false, false};

			conv_test_check(&s, CONV_WINOGRAD_LATE, 1 + i % 2, 1 + i % 3, i & 1,
				(struct act){(enum ir_act)(i % ACT_COUNT), 0.125f, 1.5f}, 3e-5);
		}
	}
}

/* Several blocks on one thread, blocks as tasks, and few tiles of many channels shared by the
 * threads. */
TEST_SLOW(conv_winograd_late_blocks, 60)
{
	struct conv_shape many = {60, 44, 8, 60, 44, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, false, false};
	struct conv_shape deep = {7, 7, 300, 7, 7, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1, false, false};

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		if (cpu_test_level(level))
			for (uint32_t threads = 1; threads <= 3; threads++) {
				conv_test_check(&many, CONV_WINOGRAD_LATE, 2, threads, 1,
					(struct act){ACT_RELU, 0, 0}, 5e-5);
				conv_test_check(&deep, CONV_WINOGRAD_LATE, threads, threads, 0,
					(struct act){ACT_NONE, 0, 0}, 2e-4);
			}
}

TEST(conv_winograd_late_refuses)
{
	struct conv_shape good = {9, 9, 8, 9, 9, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, false, false},
			  s = good;

	assert_true(conv_fits(&s, CONV_WINOGRAD_LATE));
	s.stride_x = 2;
	assert_false(conv_fits(&s, CONV_WINOGRAD_LATE));
	s = good;
	s.group = 2;
	assert_false(conv_fits(&s, CONV_WINOGRAD_LATE));
	s = good;
	s.dilate_y = 2;
	assert_false(conv_fits(&s, CONV_WINOGRAD_LATE));
	s = good;
	s.kw = 5;
	assert_false(conv_fits(&s, CONV_WINOGRAD_LATE));
}
