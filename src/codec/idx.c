/* The IDX format: two zero bytes, the type 8 (unsigned byte), the rank, big-endian dimensions,
 * then the bytes.
 *
 * Only unsigned bytes are read: nothing else is in use. The length must be exactly what the
 * dimensions say, so a truncated download is found here. Pure: the result points into the input.
 */
#include "codec/idx.h"

#include "base/mem.h"
#include "base/panic.h"

static uint32_t big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct status idx_read(struct span bytes, struct idx *out)
{
	struct idx x = {0};
	size_t n = 1;
	if (bytes.n < 4 || bytes.p[0] || bytes.p[1])
		return FAIL(CORRUPT, "not an IDX file: it does not begin with two zero bytes");
	if (bytes.p[2] != 8)
		return FAIL(CORRUPT, "an IDX file of type 0x%02x; only unsigned bytes (0x08) are read", bytes.p[2]);
	x.rank = bytes.p[3];
	if (x.rank < 1 || x.rank > 4 || bytes.n < 4 + 4 * (size_t)x.rank)
		return FAIL(CORRUPT, "an IDX file of rank %u in %zu bytes; ranks 1 to 4 are read", x.rank, bytes.n);
	for (uint32_t i = 0; i < x.rank; i++) {
		x.dims[i] = big_endian(bytes.p + 4 + 4 * i);
		if (!mem_mul(n, x.dims[i], &n))
			return FAIL(CORRUPT, "the dimensions of the IDX file overflow");
	}
	size_t head = 4 + 4 * (size_t)x.rank;
	if (bytes.n - head != n)
		return FAIL(CORRUPT, "the IDX file holds %zu bytes after its header; its dimensions need %zu: fetch it again",
		            bytes.n - head, n);
	x.data = bytes.p + head;
	CHECK(x.data + n == bytes.p + bytes.n);
	*out = x;
	return STATUS_GOOD;
}
