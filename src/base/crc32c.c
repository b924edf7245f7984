/* CRC-32C: three interleaved streams of the processor's instruction, or a table.
 *
 * The instruction takes three cycles and one starts each cycle, so three blocks are run side by
 * side and joined by multiplying a checksum by x^(8*BLOCK), which is a table of four times 256
 * words made once (V. Gopal et al., "Fast CRC Computation for iSCSI Polynomial", Intel 2011). The
 * polynomial is 0x1edc6f41, reflected 0x82f63b78. Tables are filled before main by a constructor.
 */
#include "base/crc32c.h"

#include <string.h>

#define POLY 0x82f63b78u
enum { BLOCK = 4096 };

static uint32_t table[256];
static uint32_t shift[4][256]; /* crc after BLOCK zero bytes, by byte of the crc */

static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ table[(crc ^ p[i]) & 255];
	return crc;
}

__attribute__((constructor)) static void make_tables(void)
{
	static const uint8_t zeros[BLOCK];
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? POLY : 0);
		table[i] = c;
	}
	uint32_t bit[32];
	for (int i = 0; i < 32; i++)
		bit[i] = by_table(1u << i, zeros, BLOCK);
	for (int b = 0; b < 4; b++)
		for (uint32_t i = 0; i < 256; i++)
			for (int k = 0; k < 8; k++)
				shift[b][i] ^= i >> k & 1 ? bit[8 * b + k] : 0;
}

#ifdef __x86_64__
static uint32_t over_block(uint32_t c)
{
	return shift[0][c & 255] ^ shift[1][c >> 8 & 255] ^ shift[2][c >> 16 & 255] ^ shift[3][c >> 24];
}

static uint64_t load(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                                 size_t n)
{
	uint64_t a = crc;
	for (; n >= 3 * BLOCK; p += 3 * BLOCK, n -= 3 * BLOCK) {
		uint64_t b = 0, c = 0;
		for (size_t i = 0; i < BLOCK; i += 8) {
			a = __builtin_ia32_crc32di(a, load(p + i));
			b = __builtin_ia32_crc32di(b, load(p + BLOCK + i));
			c = __builtin_ia32_crc32di(c, load(p + 2 * BLOCK + i));
		}
		a = over_block((uint32_t)a) ^ b;
		a = over_block((uint32_t)a) ^ c;
	}
	for (; n >= 8; p += 8, n -= 8)
		a = __builtin_ia32_crc32di(a, load(p));
	crc = (uint32_t)a;
	for (; n; p++, n--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_instruction(~crc, p, n);
#endif
	return ~by_table(~crc, p, n);
}
