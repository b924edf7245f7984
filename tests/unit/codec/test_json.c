/* Checking and walking JSON: RapidJSON's words and offsets, the depth limit, members, escapes. */
#include "codec/json.h"
#include "unit/test.h"

#include <stdio.h>

static struct status check(const char *text)
{
	struct json root;
	return json_check(str_from(text), &root);
}

static struct json good(const char *text)
{
	struct json root = {0};
	ASSERT_GOOD(json_check(str_from(text), &root));
	return root;
}

static void bad(const char *text, const char *want)
{
	struct status st = check(text);
	if (st.code != STATUS_INVALID_ARG || strcmp(st.msg, want))
		fail_msg("%s: want '%s', got '%s'", text, want, st.code ? st.msg : "good");
}

TEST(json_errors_as_rapidjson)
{
	bad("", "The document is empty. at 0");
	bad("  \n", "The document is empty. at 3");
	bad("{} x", "The document root must not be followed by other values. at 3");
	bad("x", "Invalid value. at 0");
	bad("nul", "Invalid value. at 3");
	bad("tru3", "Invalid value. at 3");
	bad("[1,]", "Invalid value. at 3");
	bad("-", "Invalid value. at 1");
	bad("Infinit", "Invalid value. at 7");
	bad("{,}", "Missing a name for object member. at 1");
	bad("{\"a\":1,}", "Missing a name for object member. at 7");
	bad("{\"a\" 1}", "Missing a colon after a name of object member. at 5");
	bad("{\"a\":1 2}", "Missing a comma or '}' after an object member. at 7");
	bad("[1 2]", "Missing a comma or ']' after an array element. at 3");
	bad("[1", "Missing a comma or ']' after an array element. at 2");
	bad("[\"\\a\"]", "Invalid escape character in string. at 2");
	bad("[\"\\uABCG\"]", "Incorrect hex digit after \\u escape in string. at 2");
	bad("[\"\\uD800X\"]", "The surrogate pair in string is invalid. at 2");
	bad("[\"\\uD800\\uFFFF\"]", "The surrogate pair in string is invalid. at 2");
	bad("[\"\\uDC00\"]", "The surrogate pair in string is invalid. at 2");
	bad("[\"Test]", "Missing a closing quotation mark in string. at 7");
	bad("[\"a\x01\"]", "Invalid escape character in string. at 3");
	bad("1.a", "Miss fraction part in number. at 2");
	bad("1e_", "Miss exponent in number. at 2");
	bad("[1e309]", "Number too big to be stored in double. at 1");
	bad("-1.8e308", "Number too big to be stored in double. at 0");
	bad("01", "The document root must not be followed by other values. at 1");
}

TEST(json_long_numbers_too_big)
{
	char text[400] = {0};
	memset(text, '9', 309);
	bad(text, "Number too big to be stored in double. at 0");
	snprintf(text + 250, 10, "e99");
	bad(text, "Number too big to be stored in double. at 0");
	snprintf(text + 250, 10, "e-99");
	ASSERT_GOOD(check(text));
}

TEST(json_depth)
{
	char text[300];
	for (int depth = 100; depth <= 101; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = 0;
		if (depth == 100)
			ASSERT_GOOD(check(text));
		else
			bad(text, "JSON nesting depth exceeds maximum allowed limit (100)");
	}
}

TEST(json_walks)
{
	struct json v, root = good(" { \"a\" : [ 1 , \"]\\\"\" , { } , null ] , \"b\\u0063\" : true , \"a\" : 2 } ");
	struct json_walk w;
	bool b;
	int64_t i;
	assert_int_equal(json_count(root), 3);
	assert_true(json_member(root, "a", &v) && json_kind(v) == JSON_ARRAY);   /* of two, the first */
	static const enum json_kind kinds[] = {JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_NULL};
	uint32_t n = 0;
	for (w = json_walk(v); json_next(&w); n++)
		assert_int_equal(json_kind(w.value), kinds[n]);
	assert_int_equal(n, 4);
	assert_true(json_member(root, "bc", &v) && json_bool(v, &b) && b);
	assert_false(json_member(root, "c", &v));
	assert_false(json_i64(v, &i));
	w = json_walk(good("17"));
	assert_false(json_next(&w));
	assert_int_equal(json_count(good("[ ]")), 0);
	assert_false(json_member(good("[1]"), "a", &v));
}

TEST(json_strings)
{
	struct arena a;
	struct str s;
	arena_init(&a, 1 << 16);
	struct json v = good("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0024\\u00A2\\u20ac\\uD834\\uDD1E\\u0000x\"");
	assert_true(json_str(v, &a, &s));
	static const char want[] = "\"\\/\b\f\n\r\t$\xc2\xa2\xe2\x82\xac\xf0\x9d\x84\x9e\0x";
	assert_true(s.n == sizeof want - 1 && !memcmp(s.p, want, s.n));
	v = good("\"plain\"");
	assert_true(json_str(v, &a, &s) && s.p == v.p + 1 && s.n == 5);
	assert_false(json_str(good("1"), &a, &s));
	struct buf b;
	buf_init(&b, 1000);
	json_put_str(&b, (struct str){"a\"\\\n\x01\xc3\xa4/", 8});
	assert_true(str_is(buf_text(&b), "\"a\\\"\\\\\\n\\u0001\xc3\xa4/\""));
	buf_release(&b);
	arena_release(&a);
}

TEST(json_scalars)
{
	int64_t i;
	uint64_t u;
	double d;
	assert_true(json_i64(good("-9223372036854775808"), &i) && i == INT64_MIN);
	assert_false(json_i64(good("9223372036854775808"), &i));
	assert_false(json_i64(good("1.0"), &i));
	assert_false(json_i64(good("\"1\""), &i));
	assert_true(json_u64(good("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_false(json_u64(good("-1"), &u));
	assert_true(json_f64(good("-Infinity"), &d) && d < -1e308);
	assert_true(json_f64(good("Inf"), &d) && d > 1e308);
	assert_true(json_f64(good("NaN"), &d) && d != d);
	assert_false(json_f64(good("true"), &d));
	assert_true(str_is(json_text(good(" [1, 2] ")), "[1, 2]"));
}
