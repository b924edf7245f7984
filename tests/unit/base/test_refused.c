/* Counters of refusals. */
#include "../test.h"

#include "base/refused.h"

#include <string.h>

TEST(base_refused_counts_by_reason)
{
	uint64_t before = refused_count(REFUSED_BODY), other = refused_count(REFUSED_HEAD);
	refused(REFUSED_BODY);
	refused(REFUSED_BODY);
	assert_int_equal(refused_count(REFUSED_BODY), before + 2);
	assert_int_equal(refused_count(REFUSED_HEAD), other);
}

TEST(base_refused_reasons_have_names_of_their_own)
{
	for (int i = 0; i < REFUSALS; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(refused_text((enum refusal)i), refused_text((enum refusal)k));
	assert_int_equal(refused_why(FAIL(NOT_FOUND, "x")), REFUSED_UNKNOWN_MODEL);
	assert_int_equal(refused_why(FAIL(INVALID_ARG, "x")), REFUSED_INVALID);
	assert_int_equal(refused_why(FAIL(UNAVAILABLE, "x")), REFUSED_QUEUE);
	assert_int_equal(refused_why(FAIL(UNSUPPORTED, "x")), REFUSED_OTHER);
}
