/* gRPC's prefixes, timeouts and escaped texts. */
#include "../test.h"

#include "codec/grpc.h"

#include <string.h>

TEST(codec_grpc_prefix_goes_there_and_back)
{
	static const uint32_t sizes[] = {0, 1, 255, 256, 65536, 0x01020304, UINT32_MAX};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint8_t p[GRPC_PREFIX];
		struct grpc_prefix x;
		grpc_prefix_write(p, (struct grpc_prefix){i & 1, sizes[i]});
		assert_true(grpc_prefix_read(p, &x));
		assert_true(x.compressed == (i & 1) && x.bytes == sizes[i]);
	}
	struct grpc_prefix x;
	assert_false(grpc_prefix_read((const uint8_t[]){2, 0, 0, 0, 0}, &x));
	assert_true(grpc_prefix_read((const uint8_t[]){0, 1, 2, 3, 4}, &x));
	assert_int_equal(x.bytes, 0x01020304);
}

TEST(codec_grpc_timeout_has_up_to_eight_digits_and_a_unit)
{
	uint64_t ns;
	assert_true(grpc_timeout(STR("100m"), &ns) && ns == 100000000);
	assert_true(grpc_timeout(STR("1n"), &ns) && ns == 1);
	assert_true(grpc_timeout(STR("7u"), &ns) && ns == 7000);
	assert_true(grpc_timeout(STR("2S"), &ns) && ns == 2000000000);
	assert_true(grpc_timeout(STR("3M"), &ns) && ns == 180000000000);
	assert_true(grpc_timeout(STR("99999999H"), &ns) && ns == UINT64_MAX);
	static const char *const bad[] = {"", "m", "5", "1x", "-1m", "1 m", "123456789m", "1mm",
	                                  "0x1m"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(grpc_timeout(str_from(bad[i]), &ns));
}

TEST(codec_grpc_message_keeps_escapes_whole)
{
	char out[16];
	size_t n = grpc_message_escape(STR("a%\n\xc3"), out, sizeof out);
	assert_int_equal(n, 10);
	assert_memory_equal(out, "a%25%0A%C3", 10);
	assert_int_equal(grpc_message_escape(STR("ab\n"), out, 4), 2);
	assert_int_equal(grpc_message_escape(STR_NONE, out, 4), 0);
}

TEST(codec_grpc_has_a_code_for_every_status)
{
	assert_int_equal(grpc_code(STATUS_OK), GRPC_OK);
	assert_int_equal(grpc_code(STATUS_INVALID_ARG), GRPC_INVALID_ARGUMENT);
	assert_int_equal(grpc_code(STATUS_UNSUPPORTED), GRPC_UNIMPLEMENTED);
	assert_int_equal(grpc_code(STATUS_CORRUPT), GRPC_INTERNAL);
	assert_int_equal(grpc_code(STATUS_NO_MEMORY), GRPC_RESOURCE_EXHAUSTED);
}
