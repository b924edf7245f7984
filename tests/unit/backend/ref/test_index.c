/* Walking of indexes. */
#include "unit/backend/ref/ref_test.h"

#include "backend/ref/ref_priv.h"

static const struct ir_node node = {.op = OP_ADD, .name = {"n", 1}};

TEST(index_walks_in_row_major_order)
{
	int64_t dims[2] = {2, 3}, at[2] = {0}, strides[2];
	ref__strides(dims, 2, strides);
	for (int64_t i = 0; i < 6; i++) {
		assert_int_equal(ref__offset(at, strides, 2), i);
		assert_int_equal(ref__next(at, dims, 2), i < 5);
	}
	assert_int_equal(ref__offset(at, strides, 2), 0);
}

TEST(index_broadcasts_or_says_why_not)
{
	struct tensor t = {.dtype = DTYPE_FP32, .rank = 2, .dims = {3, 1}};
	int64_t y[3] = {2, 3, 4}, strides[3], bad[3] = {2, 4, 4};
	ASSERT_GOOD(ref__broadcast(&node, &t, y, 3, strides));
	assert_int_equal(strides[0], 0);
	assert_int_equal(strides[1], 1);
	assert_int_equal(strides[2], 0);
	ASSERT_FAILS(ref__broadcast(&node, &t, bad, 3, strides), INVALID_ARG,
	             "[3,1] does not broadcast to [2,4,4]");
	ASSERT_FAILS(ref__broadcast(&node, &t, y, 1, strides), INVALID_ARG, "does not broadcast");
}

TEST(index_axes_are_checked)
{
	uint32_t axis;
	ASSERT_GOOD(ref__axis(&node, -1, 3, &axis));
	assert_int_equal(axis, 2);
	ASSERT_FAILS(ref__axis(&node, 3, 3, &axis), INVALID_ARG, "axis 3");
	ASSERT_FAILS(ref__axis(&node, -4, 3, &axis), INVALID_ARG, "axis -4");
	ASSERT_FAILS(ref__axis(&node, 0, 0, &axis), INVALID_ARG, "rank 0");
}

TEST(index_reads_integers_of_two_types)
{
	int32_t v[2] = {-1, 7};
	struct tensor t = {.dtype = DTYPE_INT32, .rank = 1, .dims = {2}, .data = v, .bytes = sizeof v};
	int64_t out[2];
	uint32_t n;
	ASSERT_GOOD(ref__ints(&node, &t, out, 2, &n));
	assert_true(n == 2 && out[0] == -1 && out[1] == 7);
	ASSERT_FAILS(ref__ints(&node, &t, out, 1, &n), INVALID_ARG, "at most 1");
	t.dtype = DTYPE_FP32;
	ASSERT_FAILS(ref__ints(&node, &t, out, 2, &n), INVALID_ARG, "FP32");
}

TEST(index_numbers_to_integers)
{
	assert_int_equal(ref__to_int(-1.9, DTYPE_INT8), -1);
	assert_int_equal(ref__to_int(__builtin_nan(""), DTYPE_INT32), INT32_MIN);
	assert_int_equal(ref__to_int(1e300, DTYPE_INT64), INT64_MIN);
	assert_int_equal((uint64_t)ref__to_int(0x1p63, DTYPE_UINT64), 1ull << 63);
	assert_int_equal(ref__to_int(1e300, DTYPE_UINT64), 0);
}
