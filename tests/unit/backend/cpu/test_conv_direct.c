/* The direct tactic on shapes that straddle tiles: sizes of images, channels and filters around
 * vector widths, strides, dilation, uneven padding, groups, planar input, several images and
 * threads, all activations. */
#include "unit/backend/cpu/conv_test.h"

/* h w c, oh ow o, kh kw, strides, dilations, pads at the beginning, groups, planar, transposed */
static const struct conv_shape shapes[] = {
	{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, false, false},
	{7, 7, 17, 7, 7, 33, 1, 1, 1, 1, 1, 1, 0, 0, 1, false, false},
	{7, 7, 64, 7, 7, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, false, false},
	{14, 13, 5, 7, 7, 31, 3, 3, 2, 2, 1, 1, 1, 1, 1, false, false},
	{9, 11, 8, 5, 6, 16, 1, 1, 2, 2, 1, 1, 0, 0, 1, false, false},
	{10, 9, 3, 10, 9, 9, 3, 5, 1, 1, 2, 1, 2, 2, 1, false, false},
	{6, 8, 12, 6, 8, 15, 3, 3, 1, 1, 1, 1, 0, 2, 3, false, false},
	{1, 29, 6, 1, 29, 40, 1, 4, 1, 1, 1, 1, 0, 1, 2, false, false},
	{5, 5, 4, 9, 9, 4, 3, 3, 1, 1, 1, 1, 3, 3, 1, false, false},
	{20, 20, 3, 10, 10, 64, 7, 7, 2, 2, 1, 1, 3, 3, 1, true, false},
	{28, 28, 1, 28, 28, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, true, false},
	{5, 3, 3, 6, 4, 5, 4, 6, 1, 1, 2, 1, 3, 3, 1, true, false},
	{8, 8, 4, 4, 4, 6, 2, 2, 2, 2, 1, 1, 0, 0, 2, true, false},
	{5, 4, 6, 10, 8, 9, 2, 2, 2, 2, 1, 1, 0, 0, 1, false, true},
	{7, 5, 8, 13, 9, 4, 3, 3, 2, 2, 1, 1, 1, 1, 2, false, true},
	{4, 6, 3, 6, 10, 33, 3, 3, 1, 1, 1, 2, 0, 0, 1, false, true},
};

TEST(conv_direct_shapes)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
			for (uint32_t n = 1; n <= 3; n += 2)
				conv_test_check(&shapes[i], CONV_DIRECT, n, n, (i + n) & 1,
					(struct act){i & 1 ? ACT_RELU : ACT_NONE, 0, 0}, 2e-5);
	}
}

TEST(conv_direct_activations)
{
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (int kind = 0; kind < ACT_COUNT; kind++)
			conv_test_check(&shapes[3], CONV_DIRECT, 2, 2, 1,
				(struct act){(enum ir_act)kind, 0.125f, 1.5f}, 2e-5);
	}
}

/* Weights that outweigh the activations take the other loop order, and cut along columns. */
TEST(conv_direct_large_weights)
{
	struct conv_shape s = {5, 4, 300, 5, 4, 130, 3, 3, 1, 1, 1, 1, 1, 1, 1, false, false};

	for (int level = 0; level < CPU_TEST_LEVELS; level++)
		if (cpu_test_level(level))
			for (uint32_t threads = 1; threads <= 4; threads++)
				conv_test_check(&s, CONV_DIRECT, 1, threads, 0,
					(struct act){ACT_RELU, 0, 0}, 1e-4);
}

TEST(conv_direct_no_images)
{
	struct conv_args a = {.n = 0};

	conv_run(&shapes[1], CONV_DIRECT, &a);
}

TEST(conv_planar_refuses_dilation)
{
	struct conv_shape s = shapes[10];

	s.dilate_x = 2;
	assert_false(conv_fits(&s, CONV_DIRECT));
	assert_false(conv_fits(&shapes[0], CONV_TACTIC_COUNT));
}
