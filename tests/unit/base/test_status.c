/* Statuses carry a code, a place and a sentence; wrapping keeps the first two;
 * the ring keeps the last sixteen apart. */
#include "unit/test.h"

#include <stdio.h>
#include <string.h>

static struct status low(int n)
{
	return FAIL(CORRUPT, "byte %d is wrong", n);
}

static struct status forward(int n)
{
	TRY(low(n));
	return STATUS_GOOD;
}

static struct status with_context(int n)
{
	TRY_MSG(low(n), "reading %s", "f");
	return STATUS_GOOD;
}

static struct status by_label(int n, int *released)
{
	struct status st = STATUS_GOOD;
	if (n)
		GO_MSG(low(n), "part %d", n);
	GO(STATUS_GOOD);
out:
	*released += 1;
	return st;
}

TEST(sentence_and_place)
{
	struct status st = low(7);
	assert_int_equal(st.code, STATUS_CORRUPT);
	assert_string_equal(st.msg, "byte 7 is wrong");
	assert_non_null(strstr(st.file, "test_status.c"));
	assert_true(st.line > 0);
	assert_int_equal(forward(1).line, st.line);
	struct status wrapped = with_context(7);
	assert_string_equal(wrapped.msg, "reading f: byte 7 is wrong");
	assert_int_equal(wrapped.code, STATUS_CORRUPT);
	assert_int_equal(wrapped.line, st.line);
}

TEST(leaves_through_out)
{
	int released = 0;
	ASSERT_GOOD(by_label(0, &released));
	ASSERT_FAILS(by_label(3, &released), CORRUPT, "part 3: byte 3 is wrong");
	assert_int_equal(released, 2);
}

TEST(ring_keeps_the_last)
{
	struct status st[STATUS_RING];
	for (int i = 0; i < STATUS_RING; i++)
		st[i] = low(i);
	for (int i = 0; i < STATUS_RING; i++) {
		char want[64];
		snprintf(want, sizeof want, "byte %d is wrong", i);
		assert_string_equal(st[i].msg, want);
	}
}

TEST(long_sentences_are_cut)
{
	char text[2 * STATUS_TEXT];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	struct status st = FAIL(IO, "%s", text);
	assert_int_equal(strlen(st.msg), STATUS_TEXT - 1);
	st = status_wrap(st, "more");
	assert_int_equal(strlen(st.msg), STATUS_TEXT - 1);
	assert_int_equal(strncmp(st.msg, "more: xxx", 9), 0);
	st = status_wrap(st, "%s", text);
	assert_int_equal(strlen(st.msg), STATUS_TEXT - 1);
}

TEST(names_and_fatal)
{
	assert_string_equal(status_name(STATUS_INVALID_ARG), "Invalid argument");
	assert_string_equal(status_name(STATUS_OK), "OK");
	assert_string_equal(status_name((enum status_code)77), "Unknown");
	assert_false(status_fatal(FAIL(IO, "x")));
	assert_true(status_fatal(FAIL(DEVICE_LOST, "x")));
}
