/* Sets of tensors: by content from .safetensors and .pth, half precision widened, and what is
 * missing named. */
#include "base/half.h"
#include "codec/safetensors.h"
#include "train/weights.h"
#include "unit/test.h"

static void write_file(const char *path, struct span bytes)
{
	ASSERT_GOOD(file_write(path, bytes));
}

TEST(weights_pth)
{
	static const int64_t dims[] = {2, 3}, half[] = {2, 1}, brain[] = {1};
	struct weights w;
	const float *p;
	ASSERT_GOOD(weights_open(&w, "tests/fixtures/pth/plain.pth"));
	ASSERT_GOOD(weights_get(&w, "fc.weight", 2, dims, &p));
	assert_true(p[0] == 0 && p[5] == 5 && (uintptr_t)p % 4 == 0);
	ASSERT_GOOD(weights_get(&w, "half", 2, half, &p));
	assert_true(p[0] == 1.5f && p[1] == -2);
	ASSERT_GOOD(weights_get(&w, "brain", 1, brain, &p));
	assert_true(p[0] == 1);
	ASSERT_FAILS(weights_get(&w, "fc.weight", 2, half, &p), INVALID_ARG,
	             "plain.pth: tensor fc.weight is FP32 [2,3]; the model needs FP32 [2,1]");
	ASSERT_FAILS(weights_get(&w, "bn.num_batches_tracked", 0, dims, &p), INVALID_ARG, "is INT64");
	ASSERT_FAILS(weights_get(&w, "nothing", 2, dims, &p), NOT_FOUND, "plain.pth has no tensor nothing");
	assert_non_null(weights_find(&w, STR("bn.num_batches_tracked")));
	weights_release(&w);
	ASSERT_FAILS(weights_open(&w, "tests/fixtures/pth/evil.pth"), UNSUPPORTED, "evil.pth: the pickle");
	ASSERT_FAILS(weights_open(&w, "tests/fixtures/pth/legacy.pth"), UNSUPPORTED, "legacy.pth: a checkpoint in the format before");
}

TEST(weights_safetensors_unaligned)
{
	static const float values[] = {1.25f, -3};
	static const int64_t dims[] = {2};
	const char *path = test_path("w.safetensors");
	struct named_tensor t[] = {
		{STR("odd"), {.dtype = DTYPE_UINT8, .rank = 1, .dims = {1}, .bytes = 1}},
		{STR("x"), {.dtype = DTYPE_FP32, .rank = 1, .dims = {2}, .bytes = 8}},
	};
	struct weights w;
	const float *p;
	struct buf b;
	buf_init(&b, 4096);
	ASSERT_GOOD(safetensors_head(t, 2, &b));
	buf_byte(&b, 7);
	buf_add(&b, values, sizeof values);
	write_file(path, buf_span(&b));
	ASSERT_GOOD(weights_open(&w, path));
	ASSERT_GOOD(weights_get(&w, "x", 1, dims, &p));
	assert_true((uintptr_t)p % 4 == 0 && p[0] == 1.25f && p[1] == -3);
	weights_release(&w);
	write_file(path, (struct span){b.p, b.n - 1});
	ASSERT_FAILS(weights_open(&w, path), CORRUPT, "w.safetensors: ");
	write_file(path, (struct span){b.p, 0});
	ASSERT_FAILS(weights_open(&w, path), CORRUPT, "0 bytes");
	buf_release(&b);
	ASSERT_FAILS(weights_open(&w, test_path("absent")), NOT_FOUND, "absent");
}

TEST(weights_made_up)
{
	static float x[] = {1, 2};
	static const int64_t dims[] = {2};
	struct weights w;
	const float *p;
	weights_init(&w, "made up");
	ASSERT_GOOD(weights_add(&w, STR("x"), (struct tensor){.dtype = DTYPE_FP32, .rank = 1, .dims = {2}, .data = x, .bytes = 8}));
	ASSERT_GOOD(weights_get(&w, "x", 1, dims, &p));
	assert_ptr_equal(p, x);
	ASSERT_FAILS(weights_get(&w, "y", 1, dims, &p), NOT_FOUND, "made up has no tensor y");
	weights_release(&w);
}
