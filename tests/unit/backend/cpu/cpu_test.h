/* What the tests of the CPU backend share: each level of instruction sets in turn, reproducible
 * numbers, comparison with a value computed in double. */
#ifndef NEREID_TESTS_CPU_TEST_H
#define NEREID_TESTS_CPU_TEST_H

#include <math.h>
#include <stdio.h>

#include "unit/test.h"

#include "backend/cpu/kernels/kernels.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rand.h"

static const char *const cpu_test_levels[] = {"c", "avx2", "avx512"};
enum { CPU_TEST_LEVELS = 3 };

/* Masks to level i; false where this processor does not have it. */
static inline int cpu_test_level(int i)
{
	assert_true(cpu_mask_set(str_from(cpu_test_levels[i])));
	return strcmp(kernels_now()->isa, cpu_test_levels[i]) == 0;
}

/* n floats in -1..1, at an address that is 4 bytes off any vector's alignment when `odd`; free with
 * cpu_test_free. */
static inline float *cpu_test_floats(size_t n, uint64_t seed)
{
	float *p = mem_aligned(64, (n + 16) * sizeof *p);
	struct rand r;

	assert_non_null(p);
	rand_seed(&r, seed);
	for (size_t i = 0; i < n + 16; i++)
		p[i] = rand_f32(&r, -1, 1);
	return p;
}

static inline void cpu_test_close(
	float got, double want, double tolerance, const char *what, size_t at)
{
	if (isnan(want) ? !isnan(got)
			: !(fabs(got - want) <= tolerance * (1 + fabs(want))) && got != want)
		fail_msg("%s (%s): element %zu is %.9g, want %.9g", what, kernels_now()->isa, at,
			got, want);
}

#endif
