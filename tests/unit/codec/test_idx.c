/* IDX files, good, cut, and with a header that lies. */
#include "codec/idx.h"
#include "unit/test.h"

#include <string.h>

static const uint8_t file[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 11, 12, 13, 14, 15};

TEST(idx_reads)
{
	struct idx x;
	ASSERT_GOOD(idx_read((struct span){file, sizeof file}, &x));
	assert_true(x.rank == 3 && x.dims[0] == 2 && x.dims[1] == 1 && x.dims[2] == 3 && x.data == file + 16);
	static const uint8_t none[] = {0, 0, 8, 1, 0, 0, 0, 0};
	ASSERT_GOOD(idx_read((struct span){none, sizeof none}, &x));
	assert_true(x.rank == 1 && x.dims[0] == 0);
}

TEST(idx_cut_or_too_long)
{
	uint8_t longer[sizeof file + 1] = {0};
	struct idx x;
	memcpy(longer, file, sizeof file);
	for (size_t i = 0; i < sizeof file; i++)
		assert_int_equal(idx_read((struct span){file, i}, &x).code, STATUS_CORRUPT);
	ASSERT_FAILS(idx_read((struct span){file, sizeof file - 1}, &x), CORRUPT, "holds 5 bytes after its header; its dimensions need 6");
	ASSERT_FAILS(idx_read((struct span){longer, sizeof longer}, &x), CORRUPT, "holds 7 bytes");
}

static struct status with(size_t at, uint8_t value)
{
	uint8_t copy[sizeof file];
	struct idx x;
	memcpy(copy, file, sizeof file);
	copy[at] = value;
	return idx_read((struct span){copy, sizeof copy}, &x);
}

TEST(idx_lies)
{
	static const uint8_t huge[] = {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	struct idx x;
	ASSERT_FAILS(with(0, 1), CORRUPT, "two zero bytes");
	ASSERT_FAILS(with(2, 13), CORRUPT, "type 0x0d");
	ASSERT_FAILS(with(3, 0), CORRUPT, "rank 0");
	ASSERT_FAILS(with(3, 5), CORRUPT, "rank 5");
	ASSERT_FAILS(with(4, 255), CORRUPT, "need");
	ASSERT_FAILS(idx_read((struct span){huge, sizeof huge}, &x), CORRUPT, "overflow");
	ASSERT_FAILS(idx_read((struct span){0, 0}, &x), CORRUPT, "two zero bytes");
}
