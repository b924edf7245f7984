/* Maps: thousands of keys, replacement, keys with zeros, and a full arena. */
#include "unit/test.h"

#include "base/map.h"

TEST(many_keys)
{
	enum { N = 5000 };
	struct arena a;
	struct map m;
	static int values[N];
	arena_init(&a, 8 << 20);
	map_init(&m, &a);
	assert_null(map_get(&m, STR("absent")));
	for (int i = 0; i < N; i++)
		assert_true(map_put(&m, str_from(arena_printf(&a, "key%d", i)), &values[i]));
	assert_int_equal(m.n, N);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(map_get(&m, str_from(arena_printf(&a, "key%d", i))), &values[i]);
	assert_null(map_get(&m, STR("key5000")));
	assert_null(map_get(&m, STR("key")));
	arena_release(&a);
}

TEST(keys_are_bytes)
{
	struct arena a;
	struct map m;
	int x, y, z;
	arena_init(&a, 1 << 16);
	map_init(&m, &a);
	assert_true(map_put(&m, STR("a\0b"), &x));
	assert_true(map_put(&m, STR("a\0c"), &y));
	assert_true(map_put(&m, STR_NONE, &z));
	assert_ptr_equal(map_get(&m, STR("a\0b")), &x);
	assert_ptr_equal(map_get(&m, STR("a\0c")), &y);
	assert_ptr_equal(map_get(&m, STR("")), &z);
	assert_true(map_put(&m, STR("a\0b"), &z));
	assert_ptr_equal(map_get(&m, STR("a\0b")), &z);
	assert_int_equal(m.n, 3);
	arena_release(&a);
}

TEST(full_arena)
{
	struct arena a;
	struct map m;
	int x;
	static const char keys[] = "abcdefghijklmnopqrstuvwxyz";
	arena_init(&a, 16 * sizeof(struct map_slot));
	map_init(&m, &a);
	uint32_t n = 0;
	while (n < 26 && map_put(&m, (struct str){keys + n, 1}, &x))
		n++;
	assert_int_equal(n, 12);
	for (uint32_t i = 0; i < 26; i++)
		assert_ptr_equal(map_get(&m, (struct str){keys + i, 1}), i < n ? &x : 0);
	arena_release(&a);
}
