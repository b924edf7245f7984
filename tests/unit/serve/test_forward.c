/* Header forwarding: whole names in any case, RE2's common forms, patterns that are not valid. */
#include "serve/forward.h"
#include "unit/test.h"

static struct arena arena;

/* Whether a pattern forwards a header. */
static bool forwards(const char *pattern, const char *name)
{
	struct forward f;
	struct infer_request r = {.job.arena = &arena};
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	ASSERT_GOOD(forward_init(&f, pattern));
	ASSERT_GOOD(forward_header(&f, &r, str_from(name), STR("value")));
	if (r.n_parameters) {
		assert_int_equal(r.n_parameters, 1);
		assert_true(r.parameters->kind == PARAMETER_STRING && str_is(r.parameters->name, name) &&
		            str_is(r.parameters->text, "value"));
	}
	forward_release(&f);
	return r.n_parameters != 0;
}

TEST(forward_matches_whole_names_in_any_case)
{
	arena_init(&arena, 1 << 20);
	assert_true(forwards("x-.*", "X-Request"));
	assert_true(forwards("x-.*|user-agent", "User-Agent"));
	assert_false(forwards("x-.*", "ax-1"));
	assert_false(forwards("x", "x1"));
	assert_false(forwards("a|b", "ab"));
	assert_false(forwards(0, "x"));
	assert_false(forwards("", "x"));
	assert_false(forwards(".*", ""));
	arena_release(&arena);
}

TEST(forward_reads_what_re2_has_over_posix)
{
	arena_init(&arena, 1 << 20);
	assert_true(forwards("(?i)my_\\d+", "MY_42"));
	assert_true(forwards("(?:a|b)\\.c", "b.c"));
	assert_false(forwards("(?:a|b)\\.c", "bxc"));
	assert_true(forwards("[\\w-]+", "a-B_9"));
	assert_true(forwards("[^\\d]+", "abc"));
	assert_false(forwards("[^\\d]+", "a1c"));
	assert_true(forwards("[]a]+", "]a"));
	assert_true(forwards("[[(?]+", "[(?"));
	assert_true(forwards("a{2,3}", "aaa"));
	arena_release(&arena);
}

TEST(forward_refuses_what_it_does_not_know)
{
	static const char *const bad[] = {"(", "[a", "(?P<n>a)", "(?=a)", "a\\", "\\1", "\\p",
	                                  "a)(?i)b"};
	struct forward f;
	char longest[5000];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ASSERT_FAILS(forward_init(&f, bad[i]), INVALID_ARG, "of headers to forward");
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = 0;
	ASSERT_FAILS(forward_init(&f, longest), LIMIT, "over 4096 bytes");
}

TEST(forward_stops_at_the_limit_of_parameters)
{
	struct forward f;
	struct infer_request r = {.job.arena = &arena};
	arena_init(&arena, 1 << 20);
	ASSERT_GOOD(forward_init(&f, "x"));
	for (int i = 0; i < LIMIT_INFER_PARAMETERS; i++)
		ASSERT_GOOD(forward_header(&f, &r, STR("x"), STR("1")));
	ASSERT_FAILS(forward_header(&f, &r, STR("x"), STR("1")), INVALID_ARG, "parameters");
	forward_release(&f);
	arena_release(&arena);
}
