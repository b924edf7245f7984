/* A broken rule ends the program with what, where, and on what it worked. */
#include "unit/test.h"

#include "base/panic.h"
#include "unit/base/dies.h"

static void one_is_two(void)
{
	CHECK(1 == 2);
}

static void unreachable(void)
{
	UNREACHABLE();
}

static void with_context(void)
{
	panic_install();
	panic_context("request 17");
	CHECK(1 == 2);
}

static void cleared_context(void)
{
	panic_install();
	panic_context("request 17");
	panic_context(0);
	CHECK(1 == 2);
}

struct thing { uint32_t magic; };

static void wrong_magic(void)
{
	struct thing t = {1}, *p = &t;
	CHECK_MAGIC(p, 2u);
}

static void no_thing(void)
{
	struct thing *t = 0;
	CHECK_MAGIC(t, 2u);
}

static void divide(void)
{
	panic_install();
	panic_context("a division");
	raise(SIGFPE);
}

TEST(last_words)
{
	char text[8192];
	assert_true(dies_by(SIGABRT, one_is_two, text, sizeof text));
	assert_non_null(strstr(text, "nereid: internal error at "));
	assert_non_null(strstr(text, "test_panic.c:"));
	assert_non_null(strstr(text, "1 == 2 does not hold"));
	assert_true(dies(unreachable, "unreachable code was reached"));
	assert_true(dies(wrong_magic, "magic"));
	assert_true(dies(no_thing, "magic"));
}

TEST(context_and_signals)
{
	char text[8192];
	assert_true(dies_by(SIGABRT, with_context, text, sizeof text));
	assert_non_null(strstr(text, "Signal (6) received."));
	assert_non_null(strstr(text, "while working on request 17\n"));
	assert_true(dies_by(SIGABRT, cleared_context, text, sizeof text));
	assert_null(strstr(text, "request 17"));
	assert_true(dies_by(SIGFPE, divide, text, sizeof text));
	assert_non_null(strstr(text, "while working on a division\n"));
}

TEST(true_is_silent)
{
	struct thing t = {2}, *p = &t;
	CHECK(1);
	DCHECK(1);
	CHECK_MAGIC(p, 2u);
}
