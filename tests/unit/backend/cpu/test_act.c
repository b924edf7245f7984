/* Which part of an activation a tile's epilogue takes, and the pass that does the rest. */
#include "unit/backend/cpu/cpu_test.h"

#include "backend/cpu/act.h"

TEST(act_split_kinds)
{
	struct act_split s = act_split((struct act){ACT_RELU, 5, 6});

	assert_true(s.act == KERNEL_ACT_CLIP && s.lo == 0 && isinf(s.hi) && s.rest == ACT_NONE);
	s = act_split((struct act){ACT_CLIP, -1, 6});
	assert_true(s.act == KERNEL_ACT_CLIP && s.lo == -1 && s.hi == 6 && s.rest == ACT_NONE);
	s = act_split((struct act){ACT_LEAKY_RELU, 0.5f, 0});
	assert_true(s.act == KERNEL_ACT_LEAKY && s.lo == 0.5f && s.rest == ACT_NONE);
	s = act_split((struct act){ACT_GELU, 0, 0});
	assert_true(s.act == KERNEL_ACT_NONE && s.rest == ACT_GELU);
	assert_true(act_split((struct act){ACT_NONE, 0, 0}).rest == ACT_NONE);
}

TEST(act_finish_keeps_to_its_columns)
{
	float c[3 * 8];

	for (int i = 0; i < 24; i++)
		c[i] = 1;
	act_finish(ACT_TANH, kernels_now(), c, 8, 2, 5);
	for (int i = 0; i < 24; i++)
		cpu_test_close(c[i], i / 8 < 2 && i % 8 < 5 ? tanh(1) : 1, 1e-6, "tanh", (size_t)i);
}
