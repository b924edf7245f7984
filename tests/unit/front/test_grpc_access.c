/* The name of a model in the bytes of a message. */
#include "../test.h"

#include "base/span.h"
#include "front/grpc_priv.h"

static bool look(const char *bytes, size_t n, uint32_t field, const char *want)
{
	struct str got = STR("unset");
	bool good = grpc__find_string((const uint8_t *)bytes, n, field, &got);
	if (good && !str_is(got, want))
		fail_msg("'%.*s' instead of '%s'", STR_ARG(got), want);
	return good;
}
#define LOOK(bytes, field, want) look(bytes, sizeof(bytes) - 1, field, want)

TEST(front_grpc_access_finds_the_name_that_counts)
{
	assert_true(LOOK("", 1, "unset"));
	assert_true(LOOK("\x0a\x01m", 1, "m"));
	assert_true(LOOK("\x0a\x01m", 2, "unset"));
	assert_true(LOOK("\x0a\x01m\x12\x02xy\x0a\x02no", 1, "no"));
	assert_true(LOOK("\x0a\x01m\x0a\x00", 1, ""));
	/* the same number with another type; fields of every size before it */
	assert_true(LOOK("\x08\x96\x01\x09" "12345678\x0d" "1234\x0a\x01z\x08\x01", 1, "z"));
	/* tags and lengths may be longer than they need */
	assert_true(LOOK("\x8a\x80\x00\x81\x00q", 1, "q"));
}

TEST(front_grpc_access_refuses_what_is_no_message)
{
	assert_false(LOOK("\x0a", 1, ""));
	assert_false(LOOK("\x0a\x02m", 1, ""));
	assert_false(LOOK("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01m", 1, ""));
	assert_false(LOOK("\x08\xff", 1, ""));
	assert_false(LOOK("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 1, ""));
	assert_false(LOOK("\x09" "1234567", 1, ""));
	assert_false(LOOK("\x0d" "123", 1, ""));
	assert_false(LOOK("\x0b\x0c", 1, ""));
	assert_false(LOOK("\x0f", 1, ""));
}
