/* The command line of trtexec: what is taken, what changes nothing, and what is refused. */
#include "cli/trtexec.h"

#include "unit/test.h"

#include <string.h>

#define PARSE(t, ...)                                                                  \
	trtexec_parse((int)(sizeof((const char *[]){"trtexec", __VA_ARGS__}) / sizeof(char *)), \
	              (char **)(const char *[]){"trtexec", __VA_ARGS__}, t)

TEST(the_usual_build)
{
	struct trtexec t;
	ASSERT_GOOD(PARSE(&t, "--onnx=m.onnx", "--saveEngine=m.plan", "--minShapes=input:1x784",
	                  "--optShapes=input:8x784", "--maxShapes=input:32x784", "--fp16",
	                  "--workspace=1024"));
	assert_string_equal(t.value[TRT_ONNX], "m.onnx");
	assert_string_equal(t.value[TRT_SAVE_ENGINE], "m.plan");
	assert_true(t.compile.fp16 && !t.compile.int8 && t.measure);
	assert_int_equal(t.compile.profile.n, 1);
	assert_int_equal(t.compile.profile.input[0].min[0], 1);
	assert_int_equal(t.compile.profile.input[0].max[0], 32);
	assert_int_equal(t.shapes.input[0].opt[0], 8);
	assert_int_equal(t.iterations, 10);
	assert_int_equal(t.n_percentiles, 3);
}

TEST(ignored_options_say_why)
{
	struct trtexec t;
	const char *why = 0;
	int at = 0;
	ASSERT_GOOD(PARSE(&t, "--onnx=m", "--noTF32", "--fp16", "--memPoolSize=workspace:1024"));
	assert_string_equal(trtexec_ignored(&t, &at, &why), "memPoolSize");
	assert_string_equal(trtexec_ignored(&t, &at, &why), "noTF32");
	assert_non_null(strstr(why, "fp32"));
	assert_null(trtexec_ignored(&t, &at, &why));
}

TEST(shapes_alone_are_the_profile)
{
	struct trtexec t;
	ASSERT_GOOD(PARSE(&t, "--onnx=m", "--shapes=x:4x3"));
	assert_int_equal(t.compile.profile.input[0].max[0], 4);
	assert_int_equal(t.shapes.input[0].opt[0], 4);
}

TEST(measurement_numbers)
{
	struct trtexec t;
	ASSERT_GOOD(PARSE(&t, "--loadEngine=p", "--iterations=7", "--duration=0.5", "--warmUp=0",
	                  "--avgRuns=3",
	                  "--streams=2", "--percentile=50,99.9", "--builderOptimizationLevel=0"));
	assert_int_equal(t.iterations, 7);
	assert_true(t.duration_s == 0.5 && t.warm_up_ns == 0 && t.streams == 2 && t.compile.no_tune);
	assert_true(t.n_percentiles == 2 && t.percentile[1] == 99.9);
}

TEST(help_lists_every_option)
{
	struct trtexec t;
	struct buf b;
	ASSERT_GOOD(PARSE(&t, "--help"));
	assert_true(t.help);
	buf_init(&b, 1 << 20);
	trtexec_help(&b);
	buf_byte(&b, 0);
	ASSERT_GOOD(buf_status(&b));
#define X(name, text, value, otherwise, fate, help) \
	assert_non_null(strstr((char *)b.p, "--" text));
#include "tables/trtexec.def"
#undef X
	buf_release(&b);
}

TEST(what_is_refused)
{
	struct trtexec t;
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--fp17"), INVALID_ARG, "--fp17");
	ASSERT_FAILS(PARSE(&t, "--onnx"), INVALID_ARG, "--onnx=FILE");
	ASSERT_FAILS(PARSE(&t, "--onnx="), INVALID_ARG, "--onnx=FILE");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--fp16=1"), INVALID_ARG, "takes no value");
	ASSERT_FAILS(PARSE(&t, "m.onnx"), INVALID_ARG, "m.onnx");
	ASSERT_FAILS(PARSE(&t, "--"), INVALID_ARG, "not an option");
	ASSERT_FAILS(PARSE(&t, "--fp16"), INVALID_ARG, "--loadEngine");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--loadEngine=p"), INVALID_ARG, "give one of");
	ASSERT_FAILS(PARSE(&t, "--loadEngine=p", "--saveEngine=q"), INVALID_ARG, "builds nothing");
	ASSERT_FAILS(PARSE(&t, "--loadEngine=p", "--buildOnly"), INVALID_ARG, "builds nothing");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--minShapes=1x3"), INVALID_ARG, "--minShapes");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--iterations=0"), INVALID_ARG, "--iterations=0");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--iterations=9999999999"), INVALID_ARG, "from 1 to");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--duration=nan"), INVALID_ARG, "--duration");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--streams=65"), INVALID_ARG, "from 1 to 64");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--percentile=101"), INVALID_ARG, "0 to 100");
	ASSERT_FAILS(PARSE(&t, "--onnx=m", "--percentile=1,2,3,4,5,6,7,8,9"), LIMIT, "over 8");
}
