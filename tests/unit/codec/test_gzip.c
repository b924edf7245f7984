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
