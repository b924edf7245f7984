/* Tensors that a pickle makes over a storage of 64 bytes. */
#include "codec/pickle.h"
#include "unit/test.h"

#include <stdio.h>

static struct status storage(void *ctx, struct str key, size_t bytes, struct span *out)
{
	static const uint8_t data[64];
	if (ctx || !str_is(key, "0") || bytes > sizeof data)
		return FAIL(CORRUPT, "no storage of %zu bytes", bytes);
	*out = (struct span){data, bytes};
	return STATUS_GOOD;
}

/* _rebuild_tensor_v2 of a storage of `count` elements; sizes and strides are opcodes that make
 * them. */
static struct status make(const char *type, int count, int offset, const char *sizes, const char *strides,
                          struct pickle *out)
{
	static struct arena a;
	char text[512];
	int n = snprintf(text, sizeof text, "ctorch._utils\n_rebuild_tensor_v2\n((U%cstoragectorch\n%s\nU%c0U%ccpuJ%c%c%c%ctQ"
	                 "J%c%c%c%c%s%sNNtR.", 7, type, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, sizes, strides);
	/* the two numbers, whose bytes may be zero */
	char *p = memchr(text, 'Q', (size_t)n);
	while (p[-1] != 't')
		p = memchr(p + 1, 'Q', (size_t)(text + n - p - 1));
	memcpy(p - 5, &count, 4);
	memcpy(p + 2, &offset, 4);
	arena_release(&a);
	arena_init(&a, 1 << 20);
	return pickle_read((struct span){(const uint8_t *)text, (size_t)n}, &a, storage, 0, out);
}

TEST(pickle_make_views)
{
	struct pickle v;
	ASSERT_GOOD(make("FloatStorage", 6, 0, "K\002K\003\x86", "K\003K\001\x86", &v));
	assert_true(v.kind == PICKLE_TENSOR && !v.tensor->wrong && v.tensor->t.bytes == 24 && v.tensor->t.rank == 2);
	ASSERT_GOOD(make("BoolStorage", 64, 60, "K\004\x85", "K\001\x85", &v));
	assert_true(!v.tensor->wrong && v.tensor->t.dtype == DTYPE_BOOL && v.tensor->t.bytes == 4);
	ASSERT_GOOD(make("DoubleStorage", 8, 7, ")", ")", &v));
	assert_true(!v.tensor->wrong && v.tensor->t.rank == 0 && v.tensor->t.bytes == 8);
}

TEST(pickle_make_wrong_views_are_told_later)
{
	struct pickle v;
	ASSERT_GOOD(make("FloatStorage", 6, 1, "K\002K\003\x86", "K\003K\001\x86", &v));
	assert_non_null(strstr(v.tensor->wrong, "past the end"));
	ASSERT_GOOD(make("FloatStorage", 6, -1, "K\001\x85", "K\001\x85", &v));
	assert_non_null(strstr(v.tensor->wrong, "past the end"));
	ASSERT_GOOD(make("FloatStorage", 6, 0, "K\002K\003\x86", "K\001K\002\x86", &v));
	assert_non_null(strstr(v.tensor->wrong, "not contiguous"));
	assert_false(v.tensor->corrupt);
	ASSERT_GOOD(make("FloatStorage", 6, 0, "J\377\377\377\377\x85", "K\001\x85", &v));
	assert_non_null(strstr(v.tensor->wrong, "overflows"));
	ASSERT_GOOD(make("FloatStorage", 6, 0, "J\377\377\377\177J\377\377\377\177J\377\377\377\177\x87",
	                 "K\001K\001K\001\x87", &v));
	assert_non_null(strstr(v.tensor->wrong, "overflows"));
}

TEST(pickle_make_refusals)
{
	struct pickle v;
	ASSERT_FAILS(make("FloatStorage", 17, 0, "K\001\x85", "K\001\x85", &v), CORRUPT, "no storage of 68 bytes");
	ASSERT_FAILS(make("FloatStorage", -1, 0, "K\001\x85", "K\001\x85", &v), CORRUPT, "-1 elements");
	ASSERT_FAILS(make("QInt8Storage", 1, 0, "K\001\x85", "K\001\x85", &v), UNSUPPORTED, "torch.QInt8Storage");
	ASSERT_FAILS(make("FloatStorage", 6, 0, "K\001\x85", ")", &v), CORRUPT, "sizes and strides");
	ASSERT_FAILS(make("FloatStorage", 6, 0, "N\x85", "N\x85", &v), CORRUPT, "whole numbers");
	ASSERT_FAILS(make("FloatStorage", 6, 0, "(NNNNNNNNNt", "(NNNNNNNNNt", &v), UNSUPPORTED, "9 dimensions");
}
