/* Libraries at run time: the first name that opens, symbols, and a sentence when there is none. */
#include "unit/test.h"

#include "base/dylib.h"
#include "unit/base/dies.h"

static void symbol_of_none(void)
{
	struct dylib d = {0};
	dylib_symbol(&d, "cos");
}

TEST(opens_and_misses)
{
	struct dylib d = {0};
	ASSERT_GOOD(dylib_open((const char *const[]){"libnereid-absent.so", "libm.so.6", 0}, &d));
	double (*cosine)(double);
	*(void **)&cosine = dylib_symbol(&d, "cos");
	assert_non_null(cosine);
	assert_true(cosine(0) == 1);
	assert_null(dylib_symbol(&d, "nereid_absent"));
	dylib_close(&d);
	dylib_close(&d);
	ASSERT_FAILS(dylib_open((const char *const[]){"libnereid-absent.so", 0}, &d), UNAVAILABLE,
	             "libnereid-absent.so");
	ASSERT_FAILS(dylib_open((const char *const[]){0}, &d), UNAVAILABLE, "no name was given");
	assert_null(d.handle);
	assert_true(dies(symbol_of_none, "handle"));
}
