/* Tensors: element counts that fit, that do not, and shapes as text. */
#include "unit/test.h"

#include "base/tensor.h"
#include "unit/base/dies.h"

static bool elements(const int64_t *dims, uint32_t rank, int64_t *out)
{
	struct tensor t = {.rank = rank};
	memcpy(t.dims, dims, rank * sizeof *dims);
	return tensor_elements(&t, out);
}

TEST(counts)
{
	int64_t n = 7;
	assert_true(elements((int64_t[]){2, 3, 4}, 3, &n) && n == 24);
	assert_true(elements((int64_t[]){1}, 0, &n) && n == 1);
	assert_true(elements((int64_t[]){INT64_MAX, 0, INT64_MAX}, 3, &n) && n == 0);
	assert_true(elements((int64_t[]){INT64_MAX, 1}, 2, &n) && n == INT64_MAX);
	n = 7;
	assert_false(elements((int64_t[]){INT64_MAX, 2}, 2, &n));
	assert_false(elements((int64_t[]){-1}, 1, &n));
	assert_false(elements((int64_t[]){0, -1}, 2, &n));
	assert_false(elements((int64_t[]){-1, 0}, 2, &n));
	assert_int_equal(n, 7);
}

static void rank_too_high(void)
{
	struct tensor t = {.rank = TENSOR_RANK_MAX + 1};
	int64_t n;
	tensor_elements(&t, &n);
}

TEST(rank_too_high_ends_the_program)
{
	assert_true(dies(rank_too_high, "TENSOR_RANK_MAX"));
}

TEST(shapes_as_text)
{
	char text[64];
	assert_string_equal(tensor_shape_text((int64_t[]){1, 3, 224, 224}, 4, text, sizeof text),
	                    "[1,3,224,224]");
	assert_string_equal(tensor_shape_text((int64_t[]){-1}, 1, text, sizeof text), "[-1]");
	assert_string_equal(tensor_shape_text(0, 0, text, sizeof text), "[]");
	for (size_t n = 1; n < 14; n++) {
		memset(text, 'x', sizeof text);
		tensor_shape_text((int64_t[]){1, 3, 224, 224}, 4, text, n);
		assert_int_equal(strncmp(text, "[1,3,224,224]", n - 1), 0);
		assert_int_equal(strlen(text), n - 1);
		assert_int_equal(text[n], 'x');
	}
}
