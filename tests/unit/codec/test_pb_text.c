/* The text form: everything that config.pbtxt files use, and the sentence of each mistake. */
#include "unit/test.h"

#include "base/limits.h"
#include "codec/model_config.h"

#include <stdio.h>

static struct arena arena;
static char told[1024];
static int n_told;

static void tell(void *ctx, const char *sentence)
{
	assert_ptr_equal(ctx, &arena);
	n_told++;
	snprintf(told, sizeof told, "%s", sentence);
}

static struct status parse(const char *text, struct mc_config *c)
{
	struct pb_source src = {"c.pbtxt", &arena, 0, 0};
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	return pb_text_parse(&mc_config_pb, str_from(text), &src, c);
}

TEST(forms)
{
	struct mc_config c;
	ASSERT_GOOD(parse("# a comment\nname: \"a\" 'b'\n  \"c\"; platform: 'x\\x41\\101\\n\\u00e9\\\\',\n"
	                  "input: { name: 'i', data_type: TYPE_INT8; dims: 1 dims: [2, 3] dims: [] }\n"
	                  "input < name: 'j' data_type: 11 format: FORMAT_NCHW >\n"
	                  "output [ { name: 'o' }, { name: 'p' } ]\n"
	                  "max_batch_size: 0x10 # end", &c));
	assert_true(str_is(c.name, "abc"));
	assert_true(str_is(c.platform, "xAA\n\xc3\xa9\\"));
	assert_int_equal(c.input.n, 2);
	assert_int_equal(c.input.p[0].dims.n, 3);
	assert_int_equal(c.input.p[0].dims.p[2], 3);
	assert_int_equal(c.input.p[1].data_type, MC_TYPE_FP32);
	assert_int_equal(c.output.n, 2);
	assert_int_equal(c.max_batch_size, 16);
	arena_release(&arena);
}


TEST(numbers_kept)
{
	struct mc_config c;
	ASSERT_GOOD(parse("sequence_batching { control_input { control { bool_false_true: [ f, True, 1, 0 ] "
	                  "int32_false_true: [ -2147483648, - 5, 010 ] fp32_false_true: [ -inf, nan, .5 ] } } }",
	                  &c));
	struct mc_control *k = &c.sequence_batching->control_input.p[0].control.p[0];
	assert_true(!k->bool_false_true.p[0] && k->bool_false_true.p[1] && k->bool_false_true.p[2]);
	assert_int_equal(k->int32_false_true.p[0], INT32_MIN);
	assert_int_equal(k->int32_false_true.p[1], -5);
	assert_int_equal(k->int32_false_true.p[2], 8);
	assert_true(k->fp32_false_true.p[0] < -1e38f && k->fp32_false_true.p[1] != k->fp32_false_true.p[1]);
	assert_true(k->fp32_false_true.p[2] == 0.5f);
	arena_release(&arena);
}

TEST(maps)
{
	struct mc_config c;
	ASSERT_GOOD(parse("parameters { key: 'a' value: { string_value: '1' } } parameters: { key: 'b' value "
	                  "{ string_value: '2' } } parameters [ { key: 'a' value { string_value: '3' } } ]", &c));
	assert_int_equal(c.parameters.n, 2);
	assert_true(str_is(c.parameters.p[0].value->string_value, "3"));
	arena_release(&arena);
}

TEST(mistakes)
{
	struct mc_config c;
	ASSERT_FAILS(parse("name: 'a'\n  nam: 3", &c), INVALID_ARG, "c.pbtxt:2:3: ModelConfig has no field named 'nam'");
	ASSERT_FAILS(parse("name 'a'", &c), INVALID_ARG, "c.pbtxt:1:6: ':' is wanted after field 'name'");
	ASSERT_FAILS(parse("name: a", &c), INVALID_ARG, "wants a string in quotes");
	ASSERT_FAILS(parse("name: 'a\n'", &c), INVALID_ARG, "1:7: the string that begins here has no closing quote");
	ASSERT_FAILS(parse("name: 'a\\q'", &c), INVALID_ARG, "escape");
	ASSERT_FAILS(parse("name: 'a\\ud800'", &c), INVALID_ARG, "escape");
	ASSERT_FAILS(parse("name: 'a' name: 'b'", &c), INVALID_ARG, "1:11: field 'name' of ModelConfig is given a second time");
	ASSERT_FAILS(parse("dynamic_batching {} sequence_batching {}", &c), INVALID_ARG, "together with 'dynamic_batching'");
	ASSERT_FAILS(parse("max_batch_size: 2147483648", &c), INVALID_ARG, "whole number of 32 bits, not '2147483648'");
	ASSERT_FAILS(parse("max_batch_size: 1.5", &c), INVALID_ARG, "not '1.5'");
	ASSERT_FAILS(parse("max_batch_size: 09", &c), INVALID_ARG, "whole number");
	ASSERT_FAILS(parse("optimization { gather_kernel_buffer_threshold: -1 }", &c), INVALID_ARG, "from 0");
	ASSERT_FAILS(parse("optimization { eager_batching: 2 }", &c), INVALID_ARG, "true or false");
	ASSERT_FAILS(parse("input { data_type: TYPE_X }", &c), INVALID_ARG, "'TYPE_X' is no value of DataType");
	ASSERT_FAILS(parse("input { name: 'x'", &c), INVALID_ARG, "1:18: the text ends before '}'");
	ASSERT_FAILS(parse("input { name: 'x' >", &c), INVALID_ARG, "the name of a field is wanted");
	ASSERT_FAILS(parse("input: 3", &c), INVALID_ARG, "wants a message in { }");
	ASSERT_FAILS(parse("input [ { } { } ]", &c), INVALID_ARG, "',' or ']' is wanted in the list");
	ASSERT_FAILS(parse("[a.b] { }", &c), INVALID_ARG, "extensions");
	ASSERT_FAILS(parse("}", &c), INVALID_ARG, "1:1: the name of a field");
	arena_release(&arena);
}

TEST(unknown_fields_told)
{
	struct mc_config c;
	struct pb_source src = {"c.pbtxt", &arena, tell, &arena};
	static const char text[] = "new { a: 1 b < c: [ 'x', { d: 2 } ] > e: -3.5 }\nname: 'n' other: [1, 2]";
	arena_init(&arena, 1 << 20);
	ASSERT_GOOD(pb_text_parse(&mc_config_pb, STR(text), &src, &c));
	assert_int_equal(n_told, 2);
	assert_non_null(strstr(told, "c.pbtxt:2:11: ModelConfig has no field named 'other'"));
	assert_true(str_is(c.name, "n"));
	char many[4 * (LIMIT_PB_UNKNOWN + 2) + 1];
	for (int i = 0; i <= LIMIT_PB_UNKNOWN + 1; i++)
		memcpy(many + 4 * i, "q:1 ", 5);
	ASSERT_FAILS(pb_text_parse(&mc_config_pb, str_from(many), &src, &c), INVALID_ARG, "unknown fields");
	char deep[400];
	for (int i = 0; i < 199; i++)
		memcpy(deep + 2 * i, "q{", 3);
	ASSERT_FAILS(pb_text_parse(&mc_config_pb, str_from(deep), &src, &c), INVALID_ARG, "nested more than");
	arena_release(&arena);
}

/* Every prefix of a text with everything in it reads or fails. */
TEST(prefixes)
{
	static const char text[] = "name:'a\\x41\\u00e9'\"b\" input<dims:[1,-2]>sequence_batching{direct{"
		"minimum_slot_utilization:1e-2}}#c\nparameters{key:'k'value{string_value:''}}";
	struct mc_config c;
	for (size_t n = 0; n < sizeof text; n++) {
		char copy[sizeof text] = {0};
		memcpy(copy, text, n);
		struct status st = parse(copy, &c);
		assert_true(st.code == STATUS_OK || st.code == STATUS_INVALID_ARG);
	}
	arena_release(&arena);
}
