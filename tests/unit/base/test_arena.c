/* Arenas: zeroed, aligned, bounded, and free of the heap once warm. */
#include "unit/test.h"

#include "base/arena.h"
#include "base/mem.h"
#include "unit/base/dies.h"

TEST(zeroed_and_aligned)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t align = 1; align <= 4096; align *= 2) {
			uint8_t *p = arena_alloc(&a, 100, align);
			assert_non_null(p);
			assert_int_equal((uintptr_t)p % align, 0);
			for (int i = 0; i < 100; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, 100);
		}
		arena_reset(&a);
	}
	arena_release(&a);
	assert_non_null(arena_alloc(&a, 1, 1));
	arena_release(&a);
}

TEST(limit_is_exact)
{
	struct arena a;
	arena_init(&a, 10000);
	assert_non_null(arena_alloc(&a, 9999, 1));
	assert_null(arena_alloc(&a, 2, 1));
	assert_non_null(arena_alloc(&a, 1, 1));
	assert_null(arena_alloc(&a, 1, 1));
	assert_null(arena_alloc(&a, SIZE_MAX, 16));
	assert_null(arena_array(&a, SIZE_MAX / 2, 4, 4));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 10000, 1));
	arena_release(&a);
}

static void use(struct arena *a)
{
	for (int i = 1; i < 200; i++)
		assert_non_null(arena_alloc(a, (size_t)i * 37, 8));
	assert_non_null(arena_alloc(a, 3 << 20, 64));
}

TEST(warm_arena_leaves_the_heap_alone)
{
	struct arena a;
	arena_init(&a, 16 << 20);
	use(&a);
	arena_reset(&a);
	uint64_t before = mem_count();
	for (int i = 0; i < 5; i++) {
		use(&a);
		arena_reset(&a);
	}
	assert_int_equal(mem_count(), before);
	arena_release(&a);
}

TEST(rewinding)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct arena_mark start = arena_mark(&a);
	char *kept = arena_text(&a, STR("kept"));
	struct arena_mark m = arena_mark(&a);
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&a, 1000, 8));
	size_t used = a.used_bytes;
	arena_rewind(&a, m);
	assert_true(a.used_bytes < used && a.used_bytes == m.used_bytes);
	assert_string_equal(kept, "kept");
	uint64_t before = mem_count();
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&a, 1000, 8));
	assert_int_equal(mem_count(), before);
	assert_string_equal(kept, "kept");
	arena_rewind(&a, start);
	assert_int_equal(a.used_bytes, 0);
	arena_release(&a);
}

TEST(text)
{
	struct arena a;
	arena_init(&a, 1000);
	assert_string_equal(arena_text(&a, (struct str){"abcd", 2}), "ab");
	assert_string_equal(arena_text(&a, STR_NONE), "");
	struct str s = arena_str(&a, STR("xyz"));
	assert_true(str_is(s, "xyz"));
	assert_string_equal(arena_printf(&a, "%d-%s", 12, "q"), "12-q");
	assert_null(arena_printf(&a, "%2000d", 1));
	s = arena_str(&a, (struct str){"x", 5000});
	assert_true(!s.p && !s.n);
	arena_release(&a);
}

TEST(growing)
{
	struct arena a;
	uint32_t *xs = 0, n = 0, cap = 0;
	arena_init(&a, 1 << 20);
	while (ARENA_GROW(&a, xs, n, cap, 100)) {
		xs[n] = n;
		n++;
	}
	assert_int_equal(n, 100);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(xs[i], i);
	arena_release(&a);
}

TEST(every_allocation_fails_once)
{
	for (int i = 0;; i++) {
		struct arena a;
		bool good = true;
		arena_init(&a, 1 << 20);
		mem_fail_after(i);
		for (int k = 0; k < 50 && good; k++)
			good = arena_alloc(&a, 3000, 8) != 0;
		bool failed = mem_failed();
		mem_fail_after(-1);
		assert_int_equal(good, !failed);
		assert_non_null(arena_alloc(&a, 3000, 8));
		arena_release(&a);
		if (!failed)
			break;
		assert_true(i < 50);
	}
}

static void allocate_sealed(void)
{
	struct arena a;
	arena_init(&a, 100);
	arena_seal(&a);
	if (arena_alloc(&a, 1, 1))
		arena_release(&a);
}

TEST(sealed_arena_ends_the_program)
{
	assert_true(dies(allocate_sealed, "sealed"));
	struct arena a;
	arena_init(&a, 100);
	arena_seal(&a);
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1, 1));
	arena_release(&a);
}
