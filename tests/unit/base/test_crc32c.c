/* CRC-32C: the vectors of RFC 3720, continuing at every place,
 * and lengths around the three streams of a block. */
#include "unit/test.h"

#include "base/crc32c.h"
#include "base/mem.h"

#include <string.h>

TEST(vectors)
{
	uint8_t b[32];
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	memset(b, 0, sizeof b);
	assert_int_equal(crc32c(0, b, 32), 0x8a9136aa);
	memset(b, 0xff, sizeof b);
	assert_int_equal(crc32c(0, b, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		b[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, b, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		b[i] = (uint8_t)(31 - i);
	assert_int_equal(crc32c(0, b, 32), 0x113fdb5c);
}

/* By the definition, bit by bit. */
static uint32_t slow(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;
	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
	}
	return ~c;
}

TEST(lengths_and_places)
{
	enum { N = 30000 };
	uint8_t *b = mem_alloc(N);
	for (int i = 0; i < N; i++)
		b[i] = (uint8_t)(i * 31 + i / 251);
	static const size_t lengths[] = {1, 7, 8, 9, 4095, 4097, 12287, 12288, 12289, 12295,
	                                 24576, 24577, 29990};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (size_t at = 0; at < 9; at += 4) {
			size_t n = lengths[i], cut = n / 3;
			uint32_t want = slow(b + at, n);
			assert_int_equal(crc32c(0, b + at, n), want);
			assert_int_equal(crc32c(crc32c(0, b + at, cut), b + at + cut, n - cut), want);
		}
	mem_free(b);
}
