/* Running programs: exit codes, programs that do not exist, and ends by a signal. */
#include "base/child.h"
#include "unit/test.h"

#include <string.h>

TEST(exit_code_comes_back)
{
	int code = -1;
	ASSERT_GOOD(child_run((const char *const[]){"true", 0}, &code));
	assert_int_equal(code, 0);
	ASSERT_GOOD(child_run((const char *const[]){"sh", "-c", "exit 7", 0}, &code));
	assert_int_equal(code, 7);
}

TEST(missing_program_is_named)
{
	int code = -1;
	ASSERT_FAILS(child_run((const char *const[]){"no-such-program-here", 0}, &code), NOT_FOUND,
	             "no-such-program-here");
	assert_int_equal(code, -1);
}

TEST(signal_is_an_error)
{
	int code = -1;
	ASSERT_FAILS(child_run((const char *const[]){"sh", "-c", "kill -9 $$", 0}, &code), UNAVAILABLE,
	             "signal 9");
}
