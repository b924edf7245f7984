/* Zip files made here, good and hostile: each field of the directory that a reader could trust
 * is given a lie. */
#include "base/buf.h"
#include "codec/zip.h"
#include "unit/test.h"

#include <zlib.h>

struct file { struct buf b, directory; uint16_t n; uint32_t end; };

static void file_start(struct file *f)
{
	*f = (struct file){0};
	buf_init(&f->b, 1 << 22);
	buf_init(&f->directory, 1 << 20);
}

static void header(struct buf *b, bool local, struct str name, struct span data, uint32_t size, uint32_t crc, bool deflated)
{
	buf_u32(b, local ? 0x04034b50 : 0x02014b50);
	if (!local)
		buf_u16(b, 20);
	buf_u16(b, 20);
	buf_u16(b, 0);
	buf_u16(b, deflated ? 8 : 0);
	buf_u32(b, 0);
	buf_u32(b, crc);
	buf_u32(b, (uint32_t)data.n);
	buf_u32(b, size);
	buf_u16(b, (uint16_t)name.n);
	buf_u16(b, 0);
}

static void file_add(struct file *f, const char *name, struct span data, uint32_t size, uint32_t crc, bool deflated)
{
	uint32_t at = (uint32_t)f->b.n;
	header(&f->b, true, str_from(name), data, size, crc, deflated);
	buf_z(&f->b, name);
	buf_add(&f->b, data.p, data.n);
	header(&f->directory, false, str_from(name), data, size, crc, deflated);
	buf_u16(&f->directory, 0);
	buf_u16(&f->directory, 0);
	buf_u16(&f->directory, 0);
	buf_u32(&f->directory, 0);
	buf_u32(&f->directory, at);
	buf_z(&f->directory, name);
	f->n++;
}

static void file_store(struct file *f, const char *name, const char *text)
{
	struct span s = {(const uint8_t *)text, strlen(text)};
	file_add(f, name, s, (uint32_t)s.n, (uint32_t)crc32(0, s.p, (uInt)s.n), false);
}

static void file_deflate(struct file *f, const char *name, struct span s)
{
	static uint8_t packed[1 << 16];
	z_stream z = {.next_in = (Bytef *)(uintptr_t)s.p, .avail_in = (uInt)s.n, .next_out = packed, .avail_out = sizeof packed};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t n = sizeof packed - z.avail_out;
	deflateEnd(&z);
	file_add(f, name, (struct span){packed, n}, (uint32_t)s.n, (uint32_t)crc32(0, s.p, (uInt)s.n), true);
}

static void file_end(struct file *f, const char *comment)
{
	uint32_t at = (uint32_t)f->b.n;
	buf_add(&f->b, f->directory.p, f->directory.n);
	f->end = (uint32_t)f->b.n;
	buf_u32(&f->b, 0x06054b50);
	buf_u32(&f->b, 0);
	buf_u16(&f->b, f->n);
	buf_u16(&f->b, f->n);
	buf_u32(&f->b, (uint32_t)f->directory.n);
	buf_u32(&f->b, at);
	buf_u16(&f->b, (uint16_t)strlen(comment));
	buf_z(&f->b, comment);
	ASSERT_GOOD(buf_status(&f->b));
}

static void file_release(struct file *f)
{
	buf_release(&f->b);
	buf_release(&f->directory);
}

TEST(zip_stored_and_deflated)
{
	static uint8_t zeros[100000];
	struct file f;
	struct arena a;
	struct zip z;
	struct span s;
	arena_init(&a, 1 << 20);
	file_start(&f);
	file_store(&f, "one", "hello");
	file_deflate(&f, "two", (struct span){zeros, sizeof zeros});
	file_deflate(&f, "none", (struct span){zeros, 0});
	file_end(&f, "a comment");
	assert_true(zip_is(buf_span(&f.b)));
	ASSERT_GOOD(zip_open(buf_span(&f.b), &a, &z));
	assert_int_equal(z.n, 3);
	ASSERT_GOOD(zip_content(zip_find(&z, STR("one")), 5, &a, &s));
	assert_true(s.n == 5 && !memcmp(s.p, "hello", 5) && s.p > f.b.p && s.p < f.b.p + f.b.n);
	ASSERT_GOOD(zip_content(zip_find(&z, STR("two")), SIZE_MAX, &a, &s));
	assert_true(s.n == sizeof zeros && !memcmp(s.p, zeros, s.n));
	ASSERT_GOOD(zip_content(zip_find(&z, STR("none")), SIZE_MAX, &a, &s));
	assert_int_equal(s.n, 0);
	ASSERT_FAILS(zip_content(zip_find(&z, STR("two")), 99999, &a, &s), LIMIT, "'two' has 100000 bytes");
	assert_null(zip_find(&z, STR("three")));
	arena_release(&a);
	file_release(&f);
}

static struct status open_with(size_t at, uint32_t bytes, uint64_t value, bool from_end)
{
	struct file f;
	struct arena a;
	struct zip z = {0};
	struct span s;
	arena_init(&a, 1 << 20);
	file_start(&f);
	file_store(&f, "one", "hello");
	file_store(&f, "two", "world");
	file_end(&f, "");
	uint8_t *p = f.b.p + (from_end ? f.end : f.end - f.directory.n) + at;
	for (uint32_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> 8 * i);
	struct status st = zip_open(buf_span(&f.b), &a, &z);
	for (uint32_t i = 0; i < z.n && !st.code; i++)
		st = zip_content(&z.members[i], SIZE_MAX, &a, &s);
	arena_release(&a);
	file_release(&f);
	return st;
}

TEST(zip_lies)
{
	ASSERT_GOOD(open_with(0, 0, 0, true));
	ASSERT_FAILS(open_with(0, 1, 0, true), CORRUPT, "no end record");
	ASSERT_FAILS(open_with(4, 2, 1, true), UNSUPPORTED, "split");
	ASSERT_FAILS(open_with(8, 4, 0xffffffff, true), CORRUPT, "does not fit the file");
	ASSERT_FAILS(open_with(12, 4, 0x7fffffff, true), CORRUPT, "does not fit the file");
	ASSERT_FAILS(open_with(16, 4, 0xffffffff, true), CORRUPT, "does not fit the file");
	ASSERT_FAILS(open_with(16, 4, 0, true), CORRUPT, "damaged");
	ASSERT_FAILS(open_with(8, 2, 1, false), UNSUPPORTED, "'one' is encrypted");
	ASSERT_FAILS(open_with(10, 2, 12, false), UNSUPPORTED, "'one' is packed by method 12");
	ASSERT_FAILS(open_with(10, 2, 8, false), CORRUPT, "disagrees");
	ASSERT_FAILS(open_with(16, 4, 1, false), CORRUPT, "checksum");
	ASSERT_FAILS(open_with(20, 4, 6, false), CORRUPT, "two sizes differ");
	ASSERT_FAILS(open_with(20, 8, 0x0000100000001000, false), CORRUPT, "go past the directory");
	ASSERT_FAILS(open_with(20, 8, UINT64_MAX, false), CORRUPT, "zip64 sizes are missing");
	ASSERT_FAILS(open_with(28, 2, 60000, false), CORRUPT, "ends inside its entry");
	ASSERT_FAILS(open_with(42, 4, 1, false), CORRUPT, "no local header");
	ASSERT_FAILS(open_with(42, 4, 0xfffffff0, false), CORRUPT, "no local header");
	ASSERT_FAILS(open_with(46, 3, 0x6f7774, false), CORRUPT, "disagrees");
}

static struct status open_all(struct file *f)
{
	struct arena a;
	struct zip z = {0};
	struct span s;
	arena_init(&a, 1 << 20);
	struct status st = zip_open(buf_span(&f->b), &a, &z);
	for (uint32_t i = 0; i < z.n && !st.code; i++)
		st = zip_content(&z.members[i], SIZE_MAX, &a, &s);
	arena_release(&a);
	file_release(f);
	return st;
}

TEST(zip_bombs_and_doubles)
{
	static const uint8_t packed[] = {3, 0}, cut[] = {0xff, 0xff};
	struct file f;
	file_start(&f);
	file_add(&f, "bomb", (struct span){packed, 2}, 1u << 30, 0, true);
	file_end(&f, "");
	ASSERT_FAILS(open_all(&f), CORRUPT, "2 deflated bytes cannot hold 1073741824");
	file_start(&f);
	file_add(&f, "short", (struct span){packed, 2}, 5, 0, true);
	file_end(&f, "");
	ASSERT_FAILS(open_all(&f), CORRUPT, "'short': its deflated data is damaged");
	file_start(&f);
	file_add(&f, "bad", (struct span){cut, 2}, 5, 0, true);
	file_end(&f, "");
	ASSERT_FAILS(open_all(&f), CORRUPT, "'bad': its deflated data is damaged");
	file_start(&f);
	file_store(&f, "same", "a");
	file_store(&f, "same", "b");
	file_end(&f, "");
	ASSERT_FAILS(open_all(&f), CORRUPT, "'same' twice");
}
