/* Numbers: a million random ones against strtod, hard ones, tensors of each type, and what is
 * written reads back. */
#include "base/rand.h"
#include "codec/json.h"
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

static struct json good(const char *text)
{
	struct json root = {0};
	ASSERT_GOOD(json_check(str_from(text), &root));
	return root;
}

static void same(const char *text)
{
	double d = 0, want = strtod(text, 0);
	struct json root;
	struct status st = json_check(str_from(text), &root);
	if (st.code || !json_f64(root, &d) || memcmp(&d, &want, sizeof d))
		fail_msg("%s: %.17g, strtod gives %.17g", text, d, want);
}

TEST(json_million_numbers_as_strtod)
{
	struct rand r;
	char text[64];
	rand_seed(&r, 5);
	for (int i = 0; i < 1000000; i++) {
		uint64_t bits = rand_u64(&r);
		double d;
		memcpy(&d, &bits, sizeof d);
		int kind = i % 4, digits = 1 + (int)rand_below(&r, 18);
		if (kind == 0 && d - d == 0)
			snprintf(text, sizeof text, "%.*g", digits, d);
		else if (kind == 1)
			snprintf(text, sizeof text, "%s%lld.%0*lld", bits & 1 ? "-" : "", (long long)(bits >> 40), 1 + i % 12,
			         (long long)rand_below(&r, 1000));
		else if (kind == 2)
			snprintf(text, sizeof text, "%llue%d", (unsigned long long)bits, (int)rand_below(&r, 600) - 320);
		else
			snprintf(text, sizeof text, "%.*f", digits, rand_f64(&r));
		if (strtod(text, 0) - strtod(text, 0) == 0)
			same(text);
	}
}

TEST(json_hard_numbers)
{
	same("2.2250738585072011e-308");
	same("4.9406564584124654e-324");
	same("2.4703282292062327e-324");
	same("1.7976931348623157e308");
	same("9007199254740993");
	same("-0");
	same("0.000e400");
	same("1e-99999999999999999999");
	/* halfway between two doubles, with the digit that decides far behind */
	char text[4000];
	int n = snprintf(text, sizeof text, "9007199254740993.");
	memset(text + n, '0', 2000);
	snprintf(text + n + 2000, 4, "1");
	same(text);
	text[n + 2000] = '0';
	same(text);
	/* many digits, brought down or up by the exponent */
	memset(text, '7', 600);
	snprintf(text + 600, 8, "e-600");
	same(text);
	memset(text, '0', 2000);
	text[1] = '.';
	snprintf(text + 2000, 8, "5e2000");
	same(text);
}

TEST(json_tensors)
{
	int64_t n, i64[4] = {0};
	float f[4] = {0};
	double d[2];
	uint8_t u8[4] = {9, 9, 9, 9};
	ASSERT_GOOD(json_numbers(good("[[1, -2.5],\n [ 3e2 , NaN ]]"), DTYPE_FP32, f, 4, &n));
	assert_true(n == 4 && f[0] == 1 && f[1] == -2.5f && f[2] == 300 && f[3] != f[3]);
	ASSERT_GOOD(json_numbers(good("[9223372036854775807,-9223372036854775808,9007199254740993]"), DTYPE_INT64, i64, 4, &n));
	assert_true(n == 3 && i64[0] == INT64_MAX && i64[1] == INT64_MIN && i64[2] == 9007199254740993);
	ASSERT_GOOD(json_numbers(good("[true,[false,true],true]"), DTYPE_BOOL, u8, 3, &n));
	assert_true(n == 4 && u8[0] == 1 && u8[1] == 0 && u8[2] == 1 && u8[3] == 9);
	ASSERT_GOOD(json_numbers(good("[255,256]"), DTYPE_UINT8, u8, 4, &n));
	assert_true(u8[0] == 255 && u8[1] == 0);
	ASSERT_GOOD(json_numbers(good("[18446744073709551615]"), DTYPE_UINT64, i64, 4, &n));
	assert_true(i64[0] == -1);
	ASSERT_GOOD(json_numbers(good("[0.1]"), DTYPE_FP64, d, 2, &n));
	assert_true(n == 1 && d[0] == 0.1);
	ASSERT_GOOD(json_numbers(good("[]"), DTYPE_FP32, f, 0, &n));
	assert_int_equal(n, 0);
	/* what comes after the last that was asked for is not looked at */
	f[1] = 7;
	ASSERT_GOOD(json_numbers(good("[1,\"x\",{}]"), DTYPE_FP32, f, 1, &n));
	assert_true(n > 1 && f[0] == 1 && f[1] == 7);
	ASSERT_GOOD(json_numbers(good("[1,2,3]"), DTYPE_FP32, f, 1, &n));
	assert_true(n > 1 && f[1] == 7);
	ASSERT_GOOD(json_numbers(good("[[1],[[2]]]"), DTYPE_UINT8, u8, 1, &n));
	assert_true(n > 1 && u8[0] == 1 && u8[1] == 0);
}

TEST(json_tensor_refusals)
{
	static const char *const no_number[] = {"[\"1\"]", "[true]", "[false]", "[null]", "[{}]"};
	uint8_t out[64];
	int64_t n;
	for (int i = 0; i < 5; i++) {
		ASSERT_FAILS(json_numbers(good(no_number[i]), DTYPE_FP32, out, 8, &n), INVALID_ARG, "non-number as double");
		ASSERT_FAILS(json_numbers(good(no_number[i]), DTYPE_INT8, out, 8, &n), INVALID_ARG,
		             "non-signed-integer as signed-integer");
		ASSERT_FAILS(json_numbers(good(no_number[i]), DTYPE_UINT32, out, 8, &n), INVALID_ARG,
		             "non-unsigned-integer as unsigned-integer");
	}
	ASSERT_FAILS(json_numbers(good("[1.5]"), DTYPE_INT32, out, 8, &n), INVALID_ARG, "non-signed-integer");
	ASSERT_FAILS(json_numbers(good("[1e3]"), DTYPE_INT64, out, 8, &n), INVALID_ARG, "non-signed-integer");
	ASSERT_FAILS(json_numbers(good("[9223372036854775808]"), DTYPE_INT64, out, 8, &n), INVALID_ARG, "non-signed-integer");
	ASSERT_FAILS(json_numbers(good("[-1]"), DTYPE_UINT64, out, 8, &n), INVALID_ARG, "non-unsigned-integer");
	ASSERT_FAILS(json_numbers(good("[1]"), DTYPE_BOOL, out, 8, &n), INVALID_ARG, "non-boolean as boolean");
	ASSERT_FAILS(json_numbers(good("[null]"), DTYPE_BOOL, out, 8, &n), INVALID_ARG, "non-boolean as boolean");
}

TEST(json_byte_tensors)
{
	struct arena a;
	struct buf b;
	int64_t n;
	arena_init(&a, 1 << 16);
	buf_init(&b, 64);
	ASSERT_GOOD(json_bytes(good("[[\"a\"],[\"\\n\\n\",\"\"]]"), &a, &b, &n));
	assert_true(n == 3 && b.n == 15 && !memcmp(b.p, "\1\0\0\0a\2\0\0\0\n\n\0\0\0\0", 15));
	ASSERT_FAILS(json_bytes(good("[1]"), &a, &b, &n), INVALID_ARG, "non-string as string");
	buf_release(&b);
	arena_release(&a);
}

TEST(json_written_numbers_read_back)
{
	struct rand r;
	struct buf b;
	rand_seed(&r, 11);
	buf_init(&b, 1 << 12);
	for (int i = 0; i < 300000; i++) {
		uint64_t bits = rand_u64(&r);
		float f = i % 2 ? rand_f32(&r, -1000, 1000) : 0, back;
		double d, back64;
		uint32_t low = (uint32_t)bits;
		if (i % 2 == 0)
			memcpy(&f, &low, sizeof f);
		memcpy(&d, &bits, sizeof d);
		if (f - f != 0 || d - d != 0)
			continue;
		buf_reset(&b);
		json_put_f32(&b, f);
		buf_byte(&b, 0);
		back = strtof((char *)b.p, 0);
		if (back != f)
			fail_msg("%.9g was written as %s", (double)f, (char *)b.p);
		buf_reset(&b);
		json_put_f64(&b, d);
		buf_byte(&b, 0);
		back64 = strtod((char *)b.p, 0);
		if (back64 != d)
			fail_msg("%.17g was written as %s", d, (char *)b.p);
		good((char *)b.p);
	}
	buf_release(&b);
}

TEST(json_written_forms)
{
	static const struct { float v; const char *want; } f[] = {
		{0, "0.0"}, {1, "1.0"}, {-2.5f, "-2.5"}, {0.1f, "0.1"}, {1e20f, "100000000000000000000.0"},
		{16777216, "16777216.0"}, {1e-3f, "0.001"}, {1e-7f, "1e-7"}, {-1.5e30f, "-1.5e30"},
	};
	static const struct { double v; const char *want; } d[] = {
		{1e300, "1e300"}, {1e21, "1e21"}, {1.5e300, "1.5e300"}, {1e-310, "1e-310"}, {-0.0, "-0.0"},
		{123456789012345678901.0, "123456789012345680000.0"}, {1e-6, "0.000001"}, {1e-7, "1e-7"},
		{-1.5e-7, "-1.5e-7"}, {0.00012, "0.00012"}, {123456.789, "123456.789"}, {5e-324, "5e-324"},
		{1e16, "10000000000000000.0"}, {100, "100.0"}, {1.7976931348623157e308, "1.7976931348623157e308"},
	};
	static const int8_t i8[] = {-128, 127};
	static const uint64_t u64[] = {UINT64_MAX};
	struct buf b;
	buf_init(&b, 1 << 12);
	for (size_t i = 0; i < sizeof f / sizeof *f; i++) {
		buf_reset(&b);
		json_put_f32(&b, f[i].v);
		if (!str_is(buf_text(&b), f[i].want))
			fail_msg("%g was written as %.*s", (double)f[i].v, STR_ARG(buf_text(&b)));
	}
	for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
		buf_reset(&b);
		json_put_f64(&b, d[i].v);
		if (!str_is(buf_text(&b), d[i].want))
			fail_msg("%g was written as %.*s", d[i].v, STR_ARG(buf_text(&b)));
	}
	buf_reset(&b);
	assert_true(json_put_numbers(&b, DTYPE_INT8, i8, 2) && json_put_numbers(&b, DTYPE_UINT64, u64, 1));
	assert_true(json_put_numbers(&b, DTYPE_BOOL, i8, 0) && str_is(buf_text(&b), "[-128,127][18446744073709551615][]"));
	assert_false(json_put_numbers(&b, DTYPE_FP16, i8, 1) || json_put_numbers(&b, DTYPE_BYTES, i8, 1));
	buf_release(&b);
}
