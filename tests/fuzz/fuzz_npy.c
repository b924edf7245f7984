/* Any bytes as .npy: what is read lies in the file, and its header is written and read again to
 * the same. */
#include "base/panic.h"
#include "codec/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct tensor t, again;
	struct buf b;
	if (npy_read((struct span){p, n}, &t).code)
		return 0;
	CHECK(t.rank <= TENSOR_RANK_MAX && (const uint8_t *)t.data + t.bytes == p + n);
	buf_init(&b, n + 4096);
	CHECK(!npy_header(&t, &b).code);
	buf_add(&b, t.data, t.bytes);
	CHECK(!npy_read(buf_span(&b), &again).code);
	CHECK(again.dtype == t.dtype && again.rank == t.rank && again.bytes == t.bytes);
	CHECK(!memcmp(again.dims, t.dims, sizeof t.dims));
	buf_release(&b);
	return 0;
}
