/* Levels of the processor: a mask only takes away, and implies what is below it. */
#include "unit/test.h"

#include "base/cpu.h"

#include <stdlib.h>

TEST(masks)
{
	static const char *const levels[] = {"c", "avx2", "avx512", "avx512bf16", "vnni", "amx"};
	uint32_t all = cpu_flags(), last = 0;
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		assert_true(cpu_mask_set(str_from(levels[i])));
		uint32_t f = cpu_flags();
		assert_int_equal(f & ~all, 0);
		assert_int_equal(f & last, last);
		assert_int_equal(f >> i, 0);
		last = f;
	}
	assert_int_equal(last, all);
	assert_true(cpu_mask_set(STR("c")));
	assert_false(cpu_mask_set(STR("AVX2")));
	assert_false(cpu_mask_set(STR_NONE));
	assert_int_equal(cpu_flags(), 0);
}

TEST(environment)
{
	setenv("NEREID_CPU_MASK", "c", 1);
	assert_int_equal(cpu_flags(), 0);
}

TEST(unknown_environment_is_no_mask)
{
	setenv("NEREID_CPU_MASK", "nonsense", 1);
	uint32_t f = cpu_flags();
	assert_true(cpu_mask_set(STR("amx")));
	assert_int_equal(f, cpu_flags());
}

TEST(texts_and_sizes)
{
	char text[64], small[4];
	assert_string_equal(cpu_level_text(0), "c");
	assert_string_equal(cpu_level_text(CPU_AVX2), "avx2");
	assert_string_equal(cpu_level_text(CPU_AVX2 | CPU_AVX512 | CPU_VNNI), "vnni");
	cpu_name(text, sizeof text);
	assert_true(strlen(text) > 0);
	cpu_name(small, sizeof small);
	assert_int_equal(strlen(small), 3);
	assert_true(cpu_l2_bytes() >= 64 << 10);
}
