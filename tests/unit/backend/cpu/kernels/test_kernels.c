/* The table: each level's record is complete and is the one that the mask asks for. */
#include "unit/backend/cpu/cpu_test.h"

TEST(kernels_follow_the_mask)
{
	const char *last = "";

	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		const struct kernels *k;

		if (!cpu_test_level(level))
			continue;
		k = kernels_now();
#define X(field, c, avx2, avx512) assert_true(k->field != 0);
#include "backend/cpu/kernels/kernels.def"
#undef X
		assert_true(k->brgemm_mr <= KERNEL_MR_MAX && k->brgemm_nr <= KERNEL_NR_MAX);
		assert_string_not_equal(k->isa, last);
		last = k->isa;
	}
	assert_string_not_equal(last, "");
}
