/* Running programs: exit codes, programs that do not exist, ends by a signal,
 * output that is caught. */
#include "base/child.h"
#include "base/clock.h"
#include "unit/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

#define CATCH(out, err, seconds, code, ...)                                              \
	child_catch((const char *const[]){__VA_ARGS__, 0}, (uint64_t)((seconds) * 1e9), out, err, \
	            code)

TEST(output_is_caught_on_both_pipes)
{
	struct buf out, err;
	int code = -1;
	buf_init(&out, 1 << 20);
	buf_init(&err, 100);
	ASSERT_GOOD(CATCH(&out, &err, 10, &code, "sh", "-c",
	                  "head -c 300000 /dev/zero; echo oh >&2; cat; exit 3"));
	assert_int_equal(code, 3);
	assert_int_equal(out.n, 300000);
	assert_true(str_is(buf_text(&err), "oh\n"));
	ASSERT_FAILS(CATCH(&out, &err, 10, &code, "no-such-program-here"), NOT_FOUND,
	             "no-such-program-here");
	ASSERT_FAILS(CATCH(&out, &err, 10, &code, "sh", "-c", "kill -9 $$"), UNAVAILABLE, "signal 9");
	buf_release(&out);
	buf_release(&err);
}

TEST(a_program_that_writes_without_end_is_ended)
{
	struct buf out, err;
	int code;
	buf_init(&out, 10000);
	buf_init(&err, 100);
	ASSERT_FAILS(CATCH(&out, &err, 10, &code, "cat", "/dev/zero"), LIMIT, "10000 bytes");
	buf_release(&out);
	buf_release(&err);
}

TEST(a_program_that_hangs_is_ended_with_what_it_started)
{
	struct buf out, err;
	int code;
	char file[512], text[600];
	uint64_t begin = clock_ns();
	snprintf(file, sizeof file, "%s", test_path("late"));
	snprintf(text, sizeof text, "(sleep 1; touch %s) & sleep 30", file);
	buf_init(&out, 100);
	buf_init(&err, 100);
	ASSERT_FAILS(CATCH(&out, &err, 0.2, &code, "sh", "-c", text), TIMEOUT,
	             "sh did not end within 0.2 s");
	assert_true(clock_ns() - begin < 5000000000u);
	clock_sleep_ns(1300000000u);
	assert_int_not_equal(access(file, F_OK), 0);
	/* one that leaves a child behind with our pipes is over when it is over */
	ASSERT_GOOD(CATCH(&out, &err, 10, &code, "sh", "-c", "sleep 30 & echo here"));
	assert_true(str_is(buf_text(&out), "here\n"));
	assert_true(clock_ns() - begin < 8000000000u);
	buf_release(&out);
	buf_release(&err);
}
