/* Any bytes as IDX: the data that is found fills the rest of the file exactly. */
#include "base/panic.h"
#include "codec/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct idx x;
	size_t count = 1;
	if (idx_read((struct span){p, n}, &x).code)
		return 0;
	CHECK(x.rank >= 1 && x.rank <= 4);
	for (uint32_t i = 0; i < x.rank; i++)
		count *= x.dims[i];
	CHECK(x.data + count == p + n);
	return 0;
}
