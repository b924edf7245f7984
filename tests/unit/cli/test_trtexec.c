/* trtexec as a program: its exit status, and that nothing is left behind where it fails. */
#include "cli/cli.h"

#include "unit/test.h"

static int call(const char *a, const char *b)
{
	const char *argv[] = {"trtexec", a, b};
	return cli_trtexec(b ? 3 : 2, (char **)argv);
}

TEST(exit_status)
{
	assert_int_equal(call("--help", 0), 0);
	assert_int_equal(call("--nothing", 0), 1);
	assert_int_equal(call("--onnx=does-not-exist.onnx", "--skipInference"), 1);
	assert_int_equal(call("--loadEngine=does-not-exist.plan", 0), 1);
}
