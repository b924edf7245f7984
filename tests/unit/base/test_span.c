/* Strings with a length: comparing, trimming, and numbers at their limits. */
#include "unit/test.h"

#include "base/span.h"

#include <math.h>

TEST(comparing)
{
	assert_true(str_eq(STR_NONE, STR("")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_is(STR("abc"), "abc"));
	assert_false(str_is(STR("ab"), "abc"));
	assert_true(str_is(str_from(0), ""));
	assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR_NONE));
	assert_false(str_starts(STR("a"), STR("ab")));
	assert_true(str_ends(STR("abc"), STR("bc")) && str_ends(STR(""), STR("")));
	assert_false(str_ends(STR("c"), STR("bc")));
	assert_true(str_eq_nocase(STR("Content-Length"), STR("content-LENGTH")));
	assert_false(str_eq_nocase(STR("a"), STR("b")));
	assert_false(str_eq_nocase(STR("a"), STR("aa")));
	assert_true(str_cmp(STR("a"), STR("b")) < 0 && str_cmp(STR("b"), STR("a")) > 0);
	assert_true(str_cmp(STR("a"), STR("aa")) < 0 && str_cmp(STR("aa"), STR("a")) > 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

TEST(trimming)
{
	assert_true(str_is(str_trim(STR(" \t a b\t ")), "a b"));
	assert_int_equal(str_trim(STR(" \t ")).n, 0);
	assert_true(str_is(str_trim(STR("\na")), "\na"));
}

TEST(whole_numbers)
{
	uint64_t u = 7;
	int64_t i = 7;
	assert_true(str_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_true(str_u64(STR("000"), &u) && u == 0);
	u = 7;
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1e3",
	                                  "18446744073709551616",
	                                  "99999999999999999999999"};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(str_u64(str_from(bad[k]), &u));
	assert_int_equal(u, 7);
	assert_true(str_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
	assert_true(str_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	assert_true(str_i64(STR("-0"), &i) && i == 0);
	i = 7;
	assert_false(str_i64(STR("9223372036854775808"), &i));
	assert_false(str_i64(STR("-9223372036854775809"), &i));
	assert_false(str_i64(STR("-"), &i));
	assert_false(str_i64(STR("--1"), &i));
	assert_int_equal(i, 7);
}

TEST(real_numbers)
{
	double d = 7;
	assert_true(str_f64(STR("1.5e3"), &d) && d == 1500);
	assert_true(str_f64(STR("-0"), &d) && d == 0 && signbit(d));
	assert_true(str_f64((struct str){"12345", 2}, &d) && d == 12);
	d = 7;
	assert_false(str_f64(STR(""), &d));
	assert_false(str_f64(STR(" 1"), &d));
	assert_false(str_f64(STR("1x"), &d));
	assert_false(str_f64(STR("1\0"), &d));
	assert_false(str_f64(STR("1e999"), &d));
	/* longer than any number that is meant */
	char zeros[65];
	memset(zeros, '0', sizeof zeros);
	assert_false(str_f64((struct str){zeros, 64}, &d));
	assert_true(str_f64((struct str){zeros, 63}, &d) && d == 0);
	d = 7;
	assert_true(d == 7);
}

TEST(hashing)
{
	assert_true(hash_bytes("a", 1, 0) == hash_bytes("a", 1, 0));
	assert_true(hash_bytes("a", 1, 0) != hash_bytes("b", 1, 0));
	assert_true(hash_bytes("a", 1, 0) != hash_bytes("a", 1, 1));
	assert_true(hash_bytes("a\0", 2, 0) != hash_bytes("a", 1, 0));
}
