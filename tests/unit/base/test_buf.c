/* Growing buffers: contents, the exact limit, and failures that stick. */
#include "unit/test.h"

#include "base/buf.h"
#include "base/mem.h"
#include "unit/base/dies.h"

TEST(contents)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	buf_z(&b, "ab");
	buf_str(&b, STR("cd"));
	buf_byte(&b, 'e');
	buf_printf(&b, "%d", 42);
	buf_add(&b, 0, 0);
	assert_true(str_is(buf_text(&b), "abcde42"));
	buf_pad(&b, 8);
	buf_pad(&b, 8);
	assert_int_equal(b.n, 8);
	buf_u16(&b, 0x0102);
	buf_u32(&b, 0x03040506);
	buf_u64(&b, 0x0708090a0b0c0d0e);
	static const uint8_t want[] = {'a', 'b', 'c', 'd', 'e', '4', '2', 0, 2, 1, 6, 5, 4, 3,
	                               14, 13, 12, 11, 10, 9, 8, 7};
	assert_int_equal(b.n, sizeof want);
	assert_memory_equal(b.p, want, sizeof want);
	ASSERT_GOOD(buf_status(&b));
	buf_reset(&b);
	assert_int_equal(buf_span(&b).n, 0);
	for (int i = 0; i < 5000; i++)
		buf_byte(&b, (uint8_t)i);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(b.p[i], i & 255);
	buf_release(&b);
	assert_null(b.p);
}

TEST(limit_is_exact_and_sticks)
{
	struct buf b;
	buf_init(&b, 1000);
	assert_non_null(buf_space(&b, 999));
	buf_byte(&b, 1);
	ASSERT_GOOD(buf_status(&b));
	assert_int_equal(b.n, 1000);
	buf_byte(&b, 2);
	ASSERT_FAILS(buf_status(&b), LIMIT, "1000 bytes");
	assert_int_equal(b.n, 1000);
	b.n = 10;
	buf_z(&b, "x");
	assert_int_equal(b.n, 10);
	assert_null(buf_space(&b, 1));
	buf_reset(&b);
	ASSERT_GOOD(buf_status(&b));
	buf_add(&b, "y", 1);
	assert_int_equal(b.n, 1);
	assert_null(buf_space(&b, SIZE_MAX));
	buf_release(&b);
}

TEST(no_memory_sticks)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_z(&b, "start");
	mem_fail_after(0);
	assert_null(buf_space(&b, 1000));
	mem_fail_after(-1);
	buf_z(&b, "more");
	ASSERT_FAILS(buf_status(&b), NO_MEMORY, "no memory");
	assert_true(str_is(buf_text(&b), "start"));
	buf_release(&b);
}

static void pad_oddly(void)
{
	struct buf b;
	buf_init(&b, 10);
	buf_pad(&b, 3);
}

TEST(odd_padding_ends_the_program)
{
	assert_true(dies(pad_oddly, "align"));
}
