/* Element types: sizes, and every name there and back. */
#include "unit/test.h"

#include "base/dtype.h"
#include "unit/base/dies.h"

TEST(there_and_back)
{
	for (int i = 1; i < DTYPE_COUNT; i++) {
		enum dtype t = (enum dtype)i;
		assert_int_equal(dtype_from_wire(str_from(dtype_wire(t))), t);
		assert_int_equal(dtype_from_config(str_from(dtype_config(t))), t);
		assert_int_equal(dtype_from_onnx(dtype_onnx(t)), t);
	}
}

TEST(facts)
{
	assert_int_equal(dtype_bytes(DTYPE_FP32), 4);
	assert_int_equal(dtype_bytes(DTYPE_BF16), 2);
	assert_int_equal(dtype_bytes(DTYPE_BOOL), 1);
	assert_int_equal(dtype_bytes(DTYPE_BYTES), 0);
	assert_string_equal(dtype_wire(DTYPE_BYTES), "BYTES");
	assert_string_equal(dtype_config(DTYPE_BYTES), "TYPE_STRING");
	assert_int_equal(dtype_onnx(DTYPE_FP16), 10);
}

TEST(unknown)
{
	assert_int_equal(dtype_from_wire(STR("fp32")), DTYPE_INVALID);
	assert_int_equal(dtype_from_wire(STR("<invalid>")), DTYPE_INVALID);
	assert_int_equal(dtype_from_config(STR("FP32")), DTYPE_INVALID);
	assert_int_equal(dtype_from_config(STR("TYPE_INVALID")), DTYPE_INVALID);
	assert_int_equal(dtype_from_wire(STR_NONE), DTYPE_INVALID);
	assert_int_equal(dtype_from_onnx(0), DTYPE_INVALID);
	assert_int_equal(dtype_from_onnx(-1), DTYPE_INVALID);
	assert_int_equal(dtype_from_onnx(INT64_MAX), DTYPE_INVALID);
}

static void out_of_range(void)
{
	dtype_bytes((enum dtype)DTYPE_COUNT);
}

TEST(out_of_range_ends_the_program)
{
	assert_true(dies(out_of_range, "DTYPE_COUNT"));
}
