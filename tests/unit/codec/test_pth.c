/* .pth files of tests/fixtures/make_pth.py, which writes what torch.save writes; and the same
 * files damaged. */
#include "base/file.h"
#include "base/half.h"
#include "codec/pth.h"
#include "unit/test.h"

#include <stdio.h>

static struct buf load(const char *name)
{
	char path[128];
	struct buf b;
	snprintf(path, sizeof path, "tests/fixtures/pth/%s.pth", name);
	ASSERT_GOOD(file_read(path, 1 << 20, &b));
	return b;
}

static const struct tensor *find(const struct named_tensor *t, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_is(t[i].name, name))
			return &t[i].tensor;
	fail_msg("no tensor %s", name);
	return 0;
}

static void check_state(const struct named_tensor *t, uint32_t n)
{
	assert_int_equal(n, 5);
	const struct tensor *w = find(t, n, "fc.weight"), *b = find(t, n, "fc.bias"), *h = find(t, n, "half");
	assert_true(w->dtype == DTYPE_FP32 && w->rank == 2 && w->dims[0] == 2 && w->dims[1] == 3 && w->bytes == 24);
	assert_true(b->rank == 1 && b->dims[0] == 2 && b->bytes == 8);
	for (int i = 0; i < 6; i++)
		assert_true(((const float *)w->data)[i] == (float)i);
	assert_true(((const float *)b->data)[0] == 6 && ((const float *)b->data)[1] == 7);
	w = find(t, n, "bn.num_batches_tracked");
	assert_true(w->dtype == DTYPE_INT64 && w->rank == 0 && *(const int64_t *)w->data == -7);
	assert_true(h->dtype == DTYPE_FP16 && h->rank == 2 && half_to_f32(((const uint16_t *)h->data)[1]) == -2);
	assert_int_equal(find(t, n, "brain")->dtype, DTYPE_BF16);
}

static struct status read_file(const char *name, bool check)
{
	struct buf b = load(name);
	struct arena a;
	struct named_tensor *t = 0;
	uint32_t n = 0;
	arena_init(&a, 1 << 22);
	assert_true(pth_is(buf_span(&b)));
	struct status st = pth_read(buf_span(&b), &a, &t, &n);
	if (!st.code && check)
		check_state(t, n);
	arena_release(&a);
	buf_release(&b);
	return st;
}

TEST(pth_state_dicts)
{
	ASSERT_GOOD(read_file("plain", true));
	ASSERT_GOOD(read_file("nested", true));
	ASSERT_GOOD(read_file("model4", true));
}

TEST(pth_refusals_say_what_to_do)
{
	ASSERT_FAILS(read_file("evil", false), UNSUPPORTED, "the pickle uses posix.system, which is not run");
	ASSERT_FAILS(read_file("namespace", false), UNSUPPORTED, "the pickle uses argparse.Namespace");
	ASSERT_FAILS(read_file("strided", false), UNSUPPORTED, "tensor 'w': its strides are not contiguous");
	ASSERT_FAILS(read_file("past", false), CORRUPT, "tensor 'w': it goes past the end of its storage");
	ASSERT_FAILS(read_file("big", false), UNSUPPORTED, "big-endian");
	ASSERT_FAILS(read_file("list", false), UNSUPPORTED, "does not hold a dict");
	ASSERT_FAILS(read_file("legacy", false), UNSUPPORTED, "torch.save(torch.load(");
}

TEST(pth_is_by_content)
{
	uint8_t safetensors[16] = {0x80, 2, 0, 0, 0, 0, 0, 0, '{', '}'};
	assert_false(pth_is((struct span){safetensors, sizeof safetensors}));
	assert_false(pth_is((struct span){0, 0}));
	assert_false(pth_is((struct span){(const uint8_t *)"PK", 2}));
}

/* Any cut file is refused, and any changed byte is refused or harmless. */
TEST(pth_damaged)
{
	static const char *const files[] = {"plain", "model4"};
	for (int f = 0; f < 2; f++) {
		struct buf b = load(files[f]);
		struct named_tensor *t;
		uint32_t n;
		for (size_t i = 0; i < b.n; i++) {
			struct arena a;
			arena_init(&a, 1 << 20);
			if (!pth_read((struct span){b.p, i}, &a, &t, &n).code)
				fail_msg("%s cut at %zu was read", files[f], i);
			for (int bit = 0; bit < 8; bit += 3) {
				b.p[i] ^= (uint8_t)(1 << bit);
				struct status st = pth_read(buf_span(&b), &a, &t, &n);
				assert_true(!st.code || st.msg[0]);
				b.p[i] ^= (uint8_t)(1 << bit);
				arena_reset(&a);
			}
			arena_release(&a);
		}
		buf_release(&b);
	}
}
