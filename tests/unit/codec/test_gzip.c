/* gzip: content just at the buffer's limit and one over it, bombs, damage. */
#include "codec/gzip.h"
#include "unit/test.h"

#include <stdlib.h>
#include <zlib.h>

/* n bytes, all of them c, packed. */
static struct buf pack(size_t n, int c)
{
	struct buf b;
	uint8_t *p = malloc(n + 1);
	z_stream z = {0};
	buf_init(&b, 1 << 20);
	memset(p, c, n);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = p;
	z.avail_in = (uInt)n;
	z.next_out = buf_space(&b, 1 << 19);
	z.avail_out = 1 << 19;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.n -= z.avail_out;
	deflateEnd(&z);
	free(p);
	return b;
}

static struct status unpack(struct span s, size_t limit, size_t want)
{
	struct buf out;
	buf_init(&out, limit);
	struct status st = gzip_unpack(s, &out);
	if (!st.code)
		assert_int_equal(out.n, want);
	assert_true(out.n <= limit);
	buf_release(&out);
	return st;
}

TEST(gzip_at_the_limit)
{
	static const size_t sizes[] = {0, 1, 1000, 65535, 65536, 65537, 200000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t n = sizes[i];
		struct buf b = pack(n, 'x');
		assert_true(gzip_is(buf_span(&b)));
		ASSERT_GOOD(unpack(buf_span(&b), n, n));
		ASSERT_GOOD(unpack(buf_span(&b), n + 1, n));
		ASSERT_GOOD(unpack(buf_span(&b), 1 << 20, n));
		if (n)
			ASSERT_FAILS(unpack(buf_span(&b), n - 1, 0), LIMIT, "the gzip data unpacks to over");
		buf_release(&b);
	}
}

TEST(gzip_bomb)
{
	struct buf b = pack(100 << 20, 0);
	assert_true(b.n < 200000);
	ASSERT_FAILS(unpack(buf_span(&b), 1 << 20, 0), LIMIT, "over 1048576 bytes");
	buf_release(&b);
}

TEST(gzip_damaged)
{
	struct buf b = pack(1000, 'y');
	for (size_t i = 0; i < b.n; i++)
		ASSERT_FAILS(unpack((struct span){b.p, i}, 1 << 20, 0), CORRUPT, "damaged or cut");
	b.p[b.n - 5] ^= 1;   /* of the checksum */
	ASSERT_FAILS(unpack(buf_span(&b), 1 << 20, 0), CORRUPT, "damaged or cut");
	b.p[b.n - 5] ^= 1;
	buf_byte(&b, 0);
	ASSERT_FAILS(unpack(buf_span(&b), 1 << 20, 0), CORRUPT, "1 bytes after the gzip data");
	buf_release(&b);
	assert_false(gzip_is((struct span){(const uint8_t *)"\x1f", 1}));
	ASSERT_FAILS(unpack((struct span){(const uint8_t *)"plain text", 10}, 100, 0), CORRUPT, "damaged or cut");
}

static struct status unpack_any(struct span s, size_t limit, size_t want)
{
	struct buf out;
	struct arena a;
	buf_init(&out, 1 << 20);
	arena_init(&a, 1 << 20);
	struct status st = gzip_unpack_any(s, limit, &a, &out);
	if (!st.code)
		assert_int_equal(out.n, want);
	assert_true(out.n <= limit);
	assert_int_equal(a.used_bytes, 0);
	buf_release(&out);
	arena_release(&a);
	return st;
}

TEST(gzip_packs_both_forms)
{
	static uint8_t bytes[300000];
	struct span parts[3] = {{bytes, 1}, {bytes, 0}, {bytes, sizeof bytes - 1}};
	struct buf out;
	struct arena a;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * i >> 7);
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 20);
	for (int form = GZIP_GZIP; form <= GZIP_ZLIB; form++) {
		buf_reset(&out);
		assert_int_equal(gzip_pack(parts, 3, (enum gzip_form)form, &a, &out).code, STATUS_OK);
		assert_int_equal(gzip_is(buf_span(&out)), form == GZIP_GZIP);
		assert_int_equal(unpack_any(buf_span(&out), sizeof bytes, sizeof bytes).code, STATUS_OK);
		assert_int_equal(unpack_any(buf_span(&out), sizeof bytes - 1, 0).code, STATUS_LIMIT);
		assert_int_equal(unpack_any((struct span){out.p, out.n / 2}, 1 << 20, 0).code,
		                 STATUS_CORRUPT);
		buf_byte(&out, 'x'); /* what follows is not looked at */
		assert_int_equal(unpack_any(buf_span(&out), sizeof bytes, sizeof bytes).code, STATUS_OK);
	}
	buf_reset(&out);
	assert_int_equal(gzip_pack(parts, 0, GZIP_GZIP, &a, &out).code, STATUS_OK);
	assert_int_equal(unpack_any(buf_span(&out), 0, 0).code, STATUS_OK);
	buf_release(&out);
	buf_init(&out, 100);
	assert_int_equal(gzip_pack(parts, 3, GZIP_GZIP, &a, &out).code, STATUS_LIMIT);
	arena_release(&a);
	arena_init(&a, 1000);
	assert_int_equal(gzip_pack(parts, 3, GZIP_GZIP, &a, &out).code, STATUS_NO_MEMORY);
	assert_int_equal(gzip_unpack_any(parts[2], 10, &a, &out).code, STATUS_NO_MEMORY);
	buf_release(&out);
	arena_release(&a);
}
