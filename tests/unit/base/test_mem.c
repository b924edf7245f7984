/* The heap's door: sizes of zero, alignment, counting, failing on purpose, and sealing. */
#include "unit/test.h"

#include "base/mem.h"
#include "unit/base/dies.h"

TEST(every_kind)
{
	char *p = mem_alloc(0), *z = mem_zero(100), *s = mem_strdup("text");
	assert_non_null(p);
	for (int i = 0; i < 100; i++)
		assert_int_equal(z[i], 0);
	assert_string_equal(s, "text");
	p = mem_resize(p, 50);
	memset(p, 7, 50);
	p = mem_resize(p, 5000);
	assert_int_equal(p[49], 7);
	for (size_t align = 16; align <= 4096; align *= 2) {
		void *a = mem_aligned(align, 3);
		assert_int_equal((uintptr_t)a % align, 0);
		mem_free(a);
	}
	mem_free(p);
	mem_free(z);
	mem_free(s);
	mem_free(0);
}

TEST(sizes_do_not_wrap)
{
	size_t n = 5;
	assert_true(mem_mul(SIZE_MAX / 8, 8, &n));
	assert_int_equal(n, SIZE_MAX / 8 * 8);
	assert_false(mem_mul(SIZE_MAX / 8 + 1, 8, &n));
	assert_true(mem_mul(0, SIZE_MAX, &n));
	assert_int_equal(n, 0);
	assert_true(mem_add(SIZE_MAX - 1, 1, &n));
	assert_int_equal(n, SIZE_MAX);
	assert_false(mem_add(SIZE_MAX, 1, &n));
}

TEST(fails_on_purpose)
{
	uint64_t before = mem_count();
	mem_fail_after(2);
	void *a = mem_alloc(1), *b = mem_zero(1);
	assert_non_null(a);
	assert_non_null(b);
	assert_false(mem_failed());
	assert_null(mem_alloc(1));
	assert_true(mem_failed());
	assert_null(mem_resize(a, 9));
	assert_null(mem_aligned(64, 1));
	assert_null(mem_strdup("x"));
	mem_fail_after(-1);
	assert_false(mem_failed());
	assert_int_equal(mem_count() - before, 6);
	a = mem_resize(a, 9);
	assert_non_null(a);
	mem_free(a);
	mem_free(b);
}

static void allocate_sealed(void)
{
	mem_seal();
	mem_seal();
	mem_unseal();
	mem_free(mem_alloc(1));
}

static void unseal_too_often(void)
{
	mem_seal();
	mem_unseal();
	mem_unseal();
}

static void odd_alignment(void)
{
	mem_free(mem_aligned(48, 1));
}

TEST(rules_end_the_program)
{
	assert_true(dies(allocate_sealed, "seals == 0"));
	assert_true(dies(unseal_too_often, "seals > 0"));
	assert_true(dies(odd_alignment, "align"));
	mem_seal();
	mem_free(0);
	mem_unseal();
	mem_free(mem_alloc(1));
}

/* Only whole pages inside the range go; what lies around them stays. */
TEST(discarded_pages_read_as_zero)
{
	enum { PAGE = 4096 };
	uint8_t *p = mem_aligned(4096, 4 * PAGE);
	assert_non_null(p);
	memset(p, 7, 4 * PAGE);
	mem_discard(p + 1, 3 * PAGE);
	assert_int_equal(p[PAGE - 1], 7);
	assert_int_equal(p[PAGE], 0);
	assert_int_equal(p[3 * PAGE - 1], 0);
	assert_int_equal(p[3 * PAGE], 7);
	mem_discard(p, 100);
	assert_int_equal(p[0], 7);
	mem_free(p);
	mem_return_large();
}
